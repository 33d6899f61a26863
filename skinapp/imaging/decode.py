"""A path, bytes or an array becomes an upright RGB photo; the only file that decodes. Refuses what no camera makes."""

import io
import struct
import warnings
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from skinapp.errors import PhotoError
from skinapp.i18n.wording import UNREADABLE

Photo: TypeAlias = NDArray[np.uint8]
"""RGB, uint8, `[height, width, 3]`, upright."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
MAX_BYTES = 30 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE = 16
MAX_ASPECT = 8
ORIENTATION = 0x0112
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
"""What a folder's pictures are known by."""

STRIP = 2**19
"""Pixels that are copied at once: 2 MB of Pillow's, so that a large photo passes through the processor's cache."""

DAMAGED = (
    OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, TypeError, AttributeError, RuntimeError,
    struct.error,
)  # fmt: skip
"""What Pillow's decoders raise on damaged files."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
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
        raise PhotoError(UNREADABLE["empty"])
    _check_weight(len(content))
    return _decode(content, most)


def _content(path: Path) -> bytes:
    """A file's bytes; a huge one is refused unread."""
    try:
        _check_weight(path.stat().st_size)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PhotoError(UNREADABLE["closed"].filled(path=path, reason=error.strerror)) from None


def _check_weight(size: int) -> None:
    if size > MAX_BYTES:
        raise PhotoError(UNREADABLE["heavy"].filled(size=size / 2**20, most=MAX_BYTES // 2**20))


def _decode(content: bytes, most: int) -> Photo:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels are what counts here
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                _check_size(picture.width, picture.height, most)
                _check_single(picture)
                picture.load()
                return _pixels(_rgb(_upright(picture)))
    except UnidentifiedImageError:
        raise PhotoError(UNREADABLE["no_picture"].filled(start=content[:8])) from None
    except DAMAGED as error:
        raise PhotoError(UNREADABLE["damaged"].filled(detail=error)) from None


def _upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says. Not Pillow's own turning, which writes the EXIF anew and fails where that is odd."""
    turn = None
    with suppress(*DAMAGED):
        turn = TURNS.get(picture.getexif().get(ORIENTATION, 1))
    return picture if turn is None else picture.transpose(turn)


def _check_size(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise PhotoError(UNREADABLE["large"].filled(width=width, height=height, most=most // 10**6))
    if min(width, height) < MIN_SIDE:
        raise PhotoError(UNREADABLE["tiny"].filled(width=width, height=height, least=MIN_SIDE))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoError(UNREADABLE["strip"].filled(width=width, height=height, most=MAX_ASPECT))


def _check_single(picture: Image.Image) -> None:
    frames = getattr(picture, "n_frames", 1)
    # Phones save a photo and its preview or depth map as MPO: its first frame is the photo.
    if frames > 1 and picture.format != "MPO":
        raise PhotoError(UNREADABLE["several"].filled(count=frames, form=picture.format))


def _rgb(picture: Image.Image) -> Image.Image:
    """Any mode to RGB: 16 bit scaled down, transparency laid on white."""
    if picture.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bit(np.asarray(picture))).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _pixels(picture: Image.Image) -> Photo:
    """An RGB picture's pixels, copied in strips: at 12 megapixels in half the time of Pillow's copy of the whole."""
    pixels = np.empty((picture.height, picture.width, 3), np.uint8)
    rows = max(1, STRIP // picture.width)
    for top in range(0, picture.height, rows):
        pixels[top : top + rows] = np.asarray(picture.crop((0, top, picture.width, min(top + rows, picture.height))))
    return pixels


def _to_8_bit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Integers of up to 16 bit, by their type's or their own range, to 0..255."""
    if values.dtype == np.uint8:
        return values.astype(np.uint8)
    if (values.dtype.kind == "u" and values.dtype.itemsize == 2) or (
        values.dtype == np.int32 and values.min() >= 0 and values.max() < 2**16
    ):
        return np.asarray((values.astype(np.uint32) + 128) // 257, dtype=np.uint8)
    raise PhotoError(UNREADABLE["depth"].filled(kind=values.dtype))


def _from_array(values: NDArray[np.generic], most: int) -> Photo:
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (1, 3, 4)):
        raise PhotoError(UNREADABLE["shape"].filled(shape=values.shape))
    _check_size(values.shape[1], values.shape[0], most)
    flat = values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values
    return np.asarray(_rgb(Image.fromarray(_to_8_bit(flat))))
