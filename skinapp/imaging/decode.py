"""A path, bytes or an array becomes an upright RGB photo; the only file that decodes. Refuses what no camera makes."""

import io
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from skinapp.errors import PhotoError, clipped
from skinapp.i18n.messages import Message
from skinapp.imaging import budget, limits, metadata, structure
from skinapp.imaging.structure import Structure

Photo: TypeAlias = NDArray[np.uint8]
"""RGB, uint8, `[height, width, 3]`, upright."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
MAX_BYTES = 30 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE = 16
MAX_ASPECT = 8
ORIENTATION = metadata.ORIENTATION
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
"""What a folder's pictures are known by."""

STRIP = 2**19
"""Pixels that are copied at once: 2 MB of Pillow's, so that a large photo passes through the processor's cache."""

DAMAGED = (
    OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, TypeError, AttributeError, RuntimeError,
    struct.error,
)  # fmt: skip
"""What Pillow's decoders raise on damaged files."""

WIDTHS = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes of a pixel while Pillow holds it, by mode; 4 of every other."""
DECODER_WIDTHS = {"AVIF": 9}
"""Bytes of a pixel that a decoder holds beside Pillow's: AVIF's planes of 10 bit with alpha, and what is made of them."""
CV2_WIDTH = 8
"""Bytes of a pixel while OpenCV decodes a WebP: lossless, with alpha."""


@dataclass(frozen=True)
class Turn:
    """What sets a picture upright: how a strip of its rows is turned, whether rows become columns, and whether the first comes
    last."""

    of: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
    is_across: bool
    is_backward: bool


TURNS = {
    2: Turn(lambda rows: rows[:, ::-1], False, False),
    3: Turn(lambda rows: rows[::-1, ::-1], False, True),
    4: Turn(lambda rows: rows[::-1], False, True),
    5: Turn(lambda rows: np.asarray(cv2.transpose(rows), np.uint8), True, False),
    6: Turn(lambda rows: np.asarray(cv2.rotate(rows, cv2.ROTATE_90_CLOCKWISE), np.uint8), True, True),
    7: Turn(lambda rows: np.asarray(cv2.transpose(rows), np.uint8)[::-1, ::-1], True, True),
    8: Turn(lambda rows: np.asarray(cv2.rotate(rows, cv2.ROTATE_90_COUNTERCLOCKWISE), np.uint8), True, False),
}
"""What sets a picture upright, by EXIF orientation."""

# Sizes are checked below, before any pixel is decoded; Pillow's own limit would only warn.
Image.MAX_IMAGE_PIXELS = None


def read(source: str | PathLike[str] | bytes | NDArray[np.generic], most: int = MAX_PIXELS) -> Photo:
    """The photo of a file, of a file's bytes, or of an array (grey, RGB or RGBA, 8 or 16 bit); of `most` pixels at most."""
    if isinstance(source, np.ndarray):
        return _from_array(source, most)
    content = source if isinstance(source, bytes) else _content(Path(source))
    if not content:
        raise PhotoError(Message("unreadable.empty"))
    _check_weight(len(content))
    return _decode(content, most)


def size(content: bytes) -> tuple[int, int]:
    """Width and height of a picture by its head alone; PhotoError where `read` would refuse it for what the head says."""
    if not content:
        raise PhotoError(Message("unreadable.empty"))
    _check_weight(len(content))
    with _refused(content):
        found = _examined(content)
        if _is_for_cv2(found):
            width, height = structure.size_of(found)
        else:
            with Image.open(io.BytesIO(content), formats=(found.form,)) as picture:
                width, height = picture.size
        _check_size(width, height, MAX_PIXELS)
        _check_single(found.frames, found.form)
        return width, height


def _content(path: Path) -> bytes:
    """A file's bytes; a huge one is refused unread."""
    try:
        _check_weight(path.stat().st_size)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PhotoError(Message("unreadable.closed", path=path, reason=error.strerror)) from None


def _check_weight(size: int) -> None:
    if size > MAX_BYTES:
        raise PhotoError(Message("unreadable.heavy", size=f"{size / 2**20:.0f}", most=MAX_BYTES // 2**20))


def _decode(content: bytes, most: int) -> Photo:
    with _refused(content):
        found = _examined(content)
        return _decoded_by_cv2(found, most) if _is_for_cv2(found) else _decoded(found, most)


def _examined(content: bytes) -> Structure:
    found = structure.examine(content)
    if found is None:
        raise UnidentifiedImageError
    return found


@contextmanager
def _refused(content: bytes) -> Iterator[None]:
    """What fails on a file's content is a PhotoError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels are what counts here
            yield
    except UnidentifiedImageError:
        raise PhotoError(Message("unreadable.no_picture", start=repr(content[:8]))) from None
    except DAMAGED as error:
        raise PhotoError(Message("unreadable.damaged", detail=clipped(error))) from None


def _decoded(found: Structure, most: int) -> Photo:
    """The photo of a file, through Pillow."""
    with Image.open(io.BytesIO(found.content), formats=(found.form,)) as picture:
        _check_size(picture.width, picture.height, most)
        _check_single(max(found.frames, getattr(picture, "n_frames", 1)), found.form)
        pixels = picture.width * picture.height
        if found.packed_pixels > limits.MAX_AV1_SHARE * max(pixels, MIN_SIDE**2):
            raise limits.over("hidden", found.packed_pixels // pixels, limits.MAX_AV1_SHARE)
        # AVIF's is turned by what libavif says, in an EXIF block that Pillow makes of it.
        turn = metadata.orientation(picture.info.get("exif", b"")) if found.form == "AVIF" else found.orientation
        taken = pixels * (WIDTHS.get(picture.mode, 4) + 3 + DECODER_WIDTHS.get(found.form, 0)) + found.working_bytes
        lane = budget.lane(taken)
        with lane.share(taken):
            picture.load()
            picture.fp = None  # what it was decoded from, AVIF's pixels among it
            photo = _pixels(picture, TURNS.get(turn))
            lane.keep(photo)
            return photo


def _is_for_cv2(found: Structure) -> bool:
    """WebP takes a third of the memory and half the time that Pillow takes, which holds the interpreter meanwhile; a BMP's runs
    are unpacked by Pillow in Python, a second a megabyte."""
    return found.form == "WEBP" or (found.form == "BMP" and structure.is_run_length_coded(found.content))


def _decoded_by_cv2(found: Structure, most: int) -> Photo:
    """The photo of a file, through OpenCV's copies of the same libraries: the same pixels (tested)."""
    width, height = structure.size_of(found)
    _check_size(width, height, most)
    _check_single(found.frames, found.form)
    taken = width * height * CV2_WIDTH
    lane = budget.lane(taken)
    with lane.share(taken):
        try:
            picture = cv2.imdecode(np.frombuffer(found.content, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error as error:
            raise ValueError(error.err) from None
        if picture is None or picture.shape[:2] != (height, width):
            raise ValueError(f"broken {found.form} file")
        photo = _laid_out(
            height, width, TURNS.get(found.orientation), lambda rows: _rgb_of_bgr(np.asarray(picture[rows], np.uint8))
        )
        lane.keep(photo)
        return photo


def _rgb_of_bgr(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """OpenCV's grey, BGR or BGRA rows as RGB, transparency laid on white."""
    if values.ndim == 2:
        return np.asarray(cv2.cvtColor(values, cv2.COLOR_GRAY2RGB), np.uint8)
    if values.shape[2] == 3:
        return np.asarray(cv2.cvtColor(values, cv2.COLOR_BGR2RGB), np.uint8)
    return np.asarray(_on_white(Image.fromarray(cv2.cvtColor(values, cv2.COLOR_BGRA2RGBA))), np.uint8)


def _check_size(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise PhotoError(Message("unreadable.large", width=width, height=height, most=most // 10**6))
    if min(width, height) < MIN_SIDE:
        raise PhotoError(Message("unreadable.tiny", width=width, height=height, least=MIN_SIDE))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoError(Message("unreadable.strip", width=width, height=height, most=MAX_ASPECT))


def _check_single(frames: int, form: str) -> None:
    if frames > 1:
        count = frames if frames < limits.MAX_FRAMES else f"{limits.MAX_FRAMES}+"
        raise PhotoError(Message("unreadable.several", count=count, form=form))


def _pixels(picture: Image.Image, turn: Turn | None) -> Photo:
    """A picture of any mode as RGB, upright: 16 bit scaled down, transparency laid on white."""

    def rows(span: slice) -> NDArray[np.uint8]:
        return np.asarray(_rgb(picture.crop((0, span.start, picture.width, span.stop))), np.uint8)

    return _laid_out(picture.height, picture.width, turn, rows)


def _laid_out(height: int, width: int, turn: Turn | None, rows: Callable[[slice], NDArray[np.uint8]]) -> Photo:
    """A photo put together of strips of rows, each turned as all of it is: a large one passes through the processor's cache, and
    nothing of its size is made beside it."""
    turned = turn is not None and turn.is_across
    photo = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    step = max(1, STRIP // width)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        strip = rows(slice(top, bottom))
        if turn is None:
            photo[top:bottom] = strip
            continue
        place = slice(height - bottom, height - top) if turn.is_backward else slice(top, bottom)
        photo[(slice(None), place) if turned else place] = turn.of(strip)
    return photo


def _rgb(picture: Image.Image) -> Image.Image:
    """Any mode to RGB: 16 bit scaled down, transparency laid on white."""
    if picture.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bit(np.asarray(picture))).convert("RGB")
    if picture.has_transparency_data:
        return _on_white(picture.convert("RGBA"))
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _to_8_bit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Integers of up to 16 bit, by their type's or their own range, to 0..255."""
    if values.dtype == np.uint8:
        return values.astype(np.uint8)
    if (values.dtype.kind == "u" and values.dtype.itemsize == 2) or (
        values.dtype == np.int32 and values.min() >= 0 and values.max() < 2**16
    ):
        return np.asarray((values.astype(np.uint32) + 128) // 257, dtype=np.uint8)
    raise PhotoError(Message("unreadable.depth", kind=values.dtype))


def _from_array(values: NDArray[np.generic], most: int) -> Photo:
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (1, 3, 4)):
        raise PhotoError(Message("unreadable.shape", shape=values.shape))
    _check_size(values.shape[1], values.shape[0], most)
    flat = values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values
    return np.asarray(_rgb(Image.fromarray(_to_8_bit(flat))))
