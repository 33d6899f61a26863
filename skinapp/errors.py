"""Every error this program raises on purpose.

SkinAppError            what is wrong, the value seen, the cure: one sentence a user can act on
├── VisitorError        what a visitor gave can't be used; says so in every language, because the page shows it
│   ├── PhotoError      a photo that can't be read
│   │   └── BusyError   ... at the moment: others take all of the memory that decoders may have
│   ├── LabelError      a CSV of labels that can't be used
│   ├── TeachError      pictures that nothing can be learned from
│   └── StorageError    a file for which there is no place at the moment
├── ModelError          a model folder that can't be trusted
│   └── HubError        a model that can't be had from the Hub
└── ProviderError       an execution provider that was asked for and isn't there
"""

from skinapp.i18n.messages import ENGLISH, Message

LONGEST_VALUE = 300
"""Letters of a value that an error shows: what a stranger's file holds can have millions."""


def clipped(value: object) -> str:
    """A value as an error shows it."""
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


class SkinAppError(Exception):
    """What is wrong, the value seen and the cure, in one sentence."""


class VisitorError(SkinAppError):
    """What a visitor gave can't be used; as text it is English, as the API and the command line give it."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message.to(ENGLISH)


class PhotoError(VisitorError):
    """A photo that can't be read."""


class BusyError(PhotoError):
    """A photo for which there is no memory at the moment."""


class LabelError(VisitorError):
    """A CSV of labels that can't be used."""


class TeachError(VisitorError):
    """Pictures that nothing can be learned from."""


class StorageError(VisitorError):
    """A file for which there is no place at the moment."""


class ModelError(SkinAppError):
    """A model folder that can't be trusted."""


class HubError(ModelError):
    """A model that can't be had from the Hub."""


class ProviderError(SkinAppError):
    """An execution provider that was asked for and isn't there."""
