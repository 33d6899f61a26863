"""A photo of a skin lesion in, an honest answer out; imports no training library.

import skinapp
model = skinapp.load()
answer = model.assess("photo.jpg")
answer.to_dict(), answer.overlay()
"""

import os
from importlib import import_module

TYPE_CHECKING = False  # as type checkers read it; importing typing takes longer than all of the rest
if TYPE_CHECKING:
    from skinapp.assessment.answer import Answer
    from skinapp.assessment.interface import Model, load

__all__ = ["Answer", "Model", "load"]

# Here, because it must come before onnxruntime is imported, which otherwise leaves an identifier in the temporary folder and
# reports every session to its makers (seen in 1.31.1).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> object:
    """The interface when it is first asked for: importing this package, as each of its modules does, loads nothing else."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    attribute: object = getattr(import_module("skinapp.assessment.interface"), name)
    return attribute


def __dir__() -> list[str]:
    return [*globals(), *__all__]
