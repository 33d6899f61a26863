"""Every error this program raises on purpose.

SkinAppError            what is wrong, the value seen, the cure: one sentence a user can act on
├── PhotoError          a photo that can't be read
├── ModelError          a model folder that can't be trusted
│   └── HubError        a model that can't be had from the Hub
└── ProviderError       an execution provider that was asked for and isn't there
"""


class SkinAppError(Exception):
    """What is wrong, the value seen and the cure, in one sentence."""


class PhotoError(SkinAppError):
    """A photo that can't be read."""


class ModelError(SkinAppError):
    """A model folder that can't be trusted."""


class HubError(ModelError):
    """A model that can't be had from the Hub."""


class ProviderError(SkinAppError):
    """An execution provider that was asked for and isn't there."""
