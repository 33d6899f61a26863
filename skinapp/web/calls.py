"""What programs call for, whichever way they do: reports on photos, so many in a call, few of them assessed at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Classifier
from skinapp.errors import PhotoError
from skinapp.i18n.messages import LANGUAGES, Language, Message
from skinapp.imaging import decode, encode
from skinapp.web.render import data_uri

MAX_BATCH = 64
"""Photos in one call."""
MAX_READING = 4
"""Photos of calls with several that are assessed at the same time, in all such calls together. What they take of memory is
imaging/budget.py's to bound."""

_readers = ThreadPoolExecutor(MAX_READING, "skinapp-reader")

WEBP = "image/webp"
SWITCH = {"0": False, "false": False, "1": True, "true": True}

Photo = TypeVar("Photo")
Result = TypeVar("Result")


def map_in_order(function: Callable[[Photo], Result], photos: Iterable[Photo]) -> list[Result]:
    """What a function makes of each of several photos, in their order; at most MAX_READING at once."""
    return list(_readers.map(function, photos))


def refusal(photos: Sequence[Any]) -> Message | None:
    """Why nobody may call with so many photos."""
    if not photos:
        return Message("requests.no_photo")
    if len(photos) > MAX_BATCH:
        return Message("requests.too_many", count=len(photos), most=MAX_BATCH)
    return None


def report(
    model: Assessor | Classifier,
    source: Path | bytes,
    language: Language,
    *,
    careful: bool = False,
    draw: Callable[[decode.Photo], bytes] | None = None,
) -> tuple[dict[str, Any], bytes]:
    """The report on one photo for a program, and the overlay as the file that `draw` makes of it, if one is wanted."""
    photo, assessment = model.read_and_assess(source, careful=careful)
    return assessment.to_dict(language), draw(assessment.overlay(photo)) if draw else b""


def reports(model: Assessor | Classifier, photos: Sequence[tuple[str, Path]], language: Language) -> list[dict[str, Any]]:
    """The reports on several photos, each from one look and with its name, or its error."""

    def row(photo: tuple[str, Path]) -> dict[str, Any]:
        name, path = photo
        try:
            return {"file": name, **report(model, path, language)[0]}
        except PhotoError as error:
            return {"file": name, "error": str(error)}

    return map_in_order(row, photos)


class RefusedError(Exception):
    """A call that asks for what there isn't."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Options:
    """How the photos of a call over plain HTTP are to be answered; `careful` None leaves it to how many they are."""

    language: Language
    overlay: bool
    careful: bool | None
    is_overlay_alone: bool
    """Whether the overlay is the whole answer."""

    def answer(self, model: Assessor | Classifier, content: bytes, alone: bool = True) -> tuple[dict[str, Any], bytes]:
        """The report on one photo, and where that is all that is wanted the overlay as a file."""
        is_file = self.is_overlay_alone and alone
        draw = encode.webp if is_file else encode.jpeg if self.overlay else None
        careful = alone if self.careful is None else self.careful
        found, overlay = report(model, content, self.language, careful=careful, draw=draw)
        if is_file or not overlay:
            return found, overlay
        return {**found, "overlay": data_uri("jpeg", overlay)}, b""

    def row(self, model: Assessor | Classifier, photo: tuple[str, bytes]) -> dict[str, Any]:
        """The report on one of several photos, with its name, or its error."""
        name, content = photo
        try:
            return {"file": name, **self.answer(model, content, alone=False)[0]}
        except PhotoError as error:
            return {"file": name, "error": error.message.to(self.language)}


def read_options(options: Mapping[str, str], language: Language, accept: str) -> Options:
    """What a call's address asks for; RefusedError where it asks for anything else."""
    unread = dict(options)
    overlay, careful = (_switch(name, unread.pop(name, None)) for name in ("overlay", "careful"))
    language = unread.pop("language", language)
    if language not in LANGUAGES:
        raise _unknown("language", language)
    for name, value in unread.items():
        raise _unknown(name, value)
    return Options(language, bool(overlay), careful, WEBP in accept)


def _switch(name: str, value: str | None) -> bool | None:
    if value is not None and value not in SWITCH:
        raise _unknown(name, value)
    return None if value is None else SWITCH[value]


def _unknown(name: str, value: str) -> RefusedError:
    return RefusedError(Message("requests.option", option=f"{name}={value}"[:100]))
