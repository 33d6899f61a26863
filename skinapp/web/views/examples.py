"""Photos to try the page with: drawings made here, and what the model folder holds under examples/. Knows no gradio."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from skinapp.errors import PhotoError
from skinapp.i18n.messages import Language, Message, text
from skinapp.imaging import decode, encode, synthetic
from skinapp.imaging.decode import Photo
from skinapp.imaging.synthetic import Spot
from skinapp.web.views import escaping

log = logging.getLogger(__name__)

SPOTS = {
    "even": Spot(((152, 105, 85), (162, 115, 95)), radius=0.32, uneven=0.07, hairs=3, blur=1.5, seed=149),
    "uneven": Spot(((90, 55, 42), (165, 108, 84)), radius=0.3, uneven=1.0, hairs=2, blur=2.0, seed=2),
    "red": Spot(((178, 50, 56), (150, 34, 48)), radius=0.18, uneven=0.1, hairs=2, blur=0, seed=1),
    "blurred": Spot(((120, 78, 58), (150, 100, 75)), radius=0.2, uneven=0.15, hairs=3, blur=14, seed=2),
}
"""The drawings by what they show, chosen so that visitors meet each kind of answer of the embedded model: nine in ten drawings it
takes for no lesion, rightly."""

MOST = 8
"""Pictures of the model folder that are shown."""
THUMB = 144
"""Pixels of a button's shorter side, twice what a phone's screen shows."""


@dataclass(frozen=True)
class Example:
    """A photo to try, as the bytes of its file; a small JPEG of it, and what it shows."""

    content: bytes
    small: bytes
    shows: Message | str
    is_drawing: bool


@cache
def gather(folder: Path) -> tuple[Example, ...]:
    """The drawings, and after them the pictures of a model folder's examples/, by name; one that can't be read is left out."""
    found = []
    for name, spot in SPOTS.items():
        photo = synthetic.draw(spot)
        found.append(Example(encode.jpeg(photo), _small(photo), Message(f"drawings.{name}"), is_drawing=True))
    pictures = [path for path in sorted((folder / "examples").glob("*")) if path.suffix.lower() in decode.SUFFIXES]
    for path in pictures[:MOST]:
        try:
            small = _small(decode.read(path))
        except PhotoError as error:
            log.warning("%s is no example: %s", path, error)
        else:
            found.append(Example(path.read_bytes(), small, path.stem, is_drawing=False))
    return tuple(found)


def strip(examples: Sequence[Example], language: Language) -> str:
    """The examples as buttons; the number of the one that is pressed is in `data-example`."""
    groups = []
    for kind in ("drawings", "pictures"):
        numbered = [(number, one) for number, one in enumerate(examples) if one.is_drawing is (kind == "drawings")]
        if numbered:
            buttons = "".join(_button(number, one, language) for number, one in numbered)
            title, note = text(f"examples.{kind}", language), text(f"examples.{kind}_note", language)
            groups.append(f'<div><h2>{title}</h2><div class="row">{buttons}</div><p>{note}</p></div>')
    return (
        f'<section class="examples" lang="{language}" aria-label="{text("examples.title", language)}">{"".join(groups)}</section>'
    )


def _button(number: int, example: Example, language: Language) -> str:
    name, source = escaping.foreign(_name(example, language)), escaping.data("jpeg", example.small)
    return f'<button type="button" data-example="{number}" title="{name}"><img alt="{name}" src="{source}"></button>'


def _name(example: Example, language: Language) -> str:
    return example.shows if isinstance(example.shows, str) else example.shows.to(language)


def _small(photo: Photo) -> bytes:
    scale = THUMB / min(photo.shape[:2])
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    return encode.jpeg(np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8))
