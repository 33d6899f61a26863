"""Photos to try the page with: drawings made here, and what the model folder holds under examples/, as HTML."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from skinapp.errors import PhotoError
from skinapp.i18n.messages import Language, Message
from skinapp.imaging import decode, encode, synthetic
from skinapp.imaging.decode import Photo
from skinapp.imaging.synthetic import Spot
from skinapp.web.render import data_uri, render

log = logging.getLogger(__name__)

SPOTS = {
    "even": Spot(((152, 105, 85), (162, 115, 95)), radius=0.32, uneven=0.07, hairs=3, blur=1.5, seed=149),
    "uneven": Spot(((90, 55, 42), (165, 108, 84)), radius=0.3, uneven=1.0, hairs=2, blur=2.0, seed=2),
    "red": Spot(((178, 50, 56), (150, 34, 48)), radius=0.18, uneven=0.1, hairs=2, blur=0, seed=1),
    "blurred": Spot(((120, 78, 58), (150, 100, 75)), radius=0.2, uneven=0.15, hairs=3, blur=14, seed=2),
}
"""The drawings by what they show, chosen so that visitors meet each kind of answer of the embedded model: nine in ten drawings it
takes for no lesion, rightly."""

MAX_PICTURES = 8
"""Pictures of the model folder that are shown."""
THUMBNAIL = 144
"""Pixels of a button's shorter side, twice what a phone's screen shows."""


@dataclass(frozen=True)
class Example:
    """A photo to try, as the bytes of its file; a small JPEG of it, and what it shows."""

    content: bytes
    thumbnail: bytes
    shows: Message | str
    is_drawing: bool


@dataclass(frozen=True)
class Button:
    """An example by its number among all, its name and its picture's address."""

    number: int
    name: str
    source: str


@cache
def gather(folder: Path) -> tuple[Example, ...]:
    """The drawings, and after them the pictures of a model folder's examples/, by name; one that can't be read is left out."""
    with ThreadPoolExecutor() as threads:
        examples = list(threads.map(_drawing, SPOTS.items()))
    pictures = [path for path in sorted((folder / "examples").glob("*")) if path.suffix.lower() in decode.SUFFIXES]
    for path in pictures[:MAX_PICTURES]:
        try:
            thumbnail = _thumbnail(decode.read(path))
        except PhotoError as error:
            log.warning("%s is no example: %s", path, error)
        else:
            examples.append(Example(path.read_bytes(), thumbnail, path.stem, is_drawing=False))
    return tuple(examples)


def _drawing(named: tuple[str, Spot]) -> Example:
    name, spot = named
    photo = synthetic.draw(spot)
    return Example(encode.jpeg(photo), _thumbnail(photo), Message(f"drawings.{name}"), is_drawing=True)


def strip(examples: Sequence[Example], language: Language) -> str:
    """The examples as buttons, the drawings apart from the model folder's pictures."""
    drawings, pictures = (
        [_button(number, example, language) for number, example in enumerate(examples) if example.is_drawing is is_drawing]
        for is_drawing in (True, False)
    )
    return render("examples.strip", language, drawings, pictures)


def _button(number: int, example: Example, language: Language) -> Button:
    name = example.shows if isinstance(example.shows, str) else example.shows.to(language)
    return Button(number, name, data_uri("jpeg", example.thumbnail))


def _thumbnail(photo: Photo) -> bytes:
    return encode.jpeg(encode.thumbnail(photo, THUMBNAIL, is_whole=True))
