"""A path, bytes or an array becomes an upright RGB photo; the only file that decodes. Refuses what no camera makes."""

import io
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

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

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF")
MAX_BYTES = 30 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE = 16
MAX_ASPECT = 8
ORIENTATION = metadata.ORIENTATION
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif")
"""What a folder's pictures are known by."""

REDUCTIONS = (8, 4, 2)
"""What libjpeg divides a photo's sides by while it decodes; other formats are divided afterwards, strip by strip."""
STRIP = 2**19
"""Pixels that are copied at once: 2 MB of Pillow's, so that a large photo passes through the processor's cache."""

DAMAGED = (
    OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, TypeError, AttributeError, RuntimeError,
    struct.error,
)  # fmt: skip
"""What Pillow's decoders raise on damaged files."""

BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes of a pixel while Pillow holds it, by mode; 4 of every other."""
DECODER_BYTES_PER_PIXEL = {"AVIF": 9}
"""Bytes of a pixel that a decoder holds beside Pillow's: AVIF's planes of 10 bit with alpha, and what is made of them."""
HEIF_BYTES_PER_PIXEL = 9
"""Bytes of a pixel while libheif decodes: HEVC's planes, what is made of them, and its copy."""
HEIF_THREADS = 2
"""Threads that decode a HEIC's tiles."""
CV2_BYTES_PER_PIXEL = 8
"""Bytes of a pixel while OpenCV decodes a WebP: lossless, with alpha."""
CV2_FLAGS = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
"""How OpenCV is told to divide a JPEG's sides."""


@dataclass(frozen=True)
class Need:
    """The fewest pixels of a photo's shorter and longer side that are to be left of it."""

    shorter: int
    longer: int

    def reduction(self, width: int, height: int) -> int:
        """How many times a photo of this size may be reduced: the largest of libjpeg's steps that leaves enough."""
        shorter, longer = sorted((width, height))
        return next((step for step in REDUCTIONS if shorter // step >= self.shorter and longer // step >= self.longer), 1)


@dataclass(frozen=True)
class Decoded:
    """A photo with as many pixels as it is needed with, and its width and height in the file, upright."""

    photo: Photo
    width: int
    height: int


@dataclass(frozen=True)
class Turn:
    """What sets a picture upright: how a strip of its rows is turned, whether rows become columns, and whether the first comes
    last."""

    apply: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
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

Source: TypeAlias = str | PathLike[str] | bytes | NDArray[np.generic]
"""What a photo is read from."""
ALL = Need(MAX_PIXELS, MAX_PIXELS)
"""Every pixel."""

# Sizes are checked below, before any pixel is decoded; Pillow's own limit would only warn.
Image.MAX_IMAGE_PIXELS = None


def read(source: Source, max_pixels: int = MAX_PIXELS) -> Photo:
    """The photo of a file, of a file's bytes, or of an array (grey, RGB or RGBA, 8 or 16 bit); of `max_pixels` at most."""
    return read_reduced(source, ALL, max_pixels).photo


def read_reduced(source: Source, need: Need, max_pixels: int = MAX_PIXELS) -> Decoded:
    """The same with no more pixels than are needed, which takes a large photo a fraction of the time and memory; an array is
    left as it is."""
    if isinstance(source, np.ndarray):
        photo = _from_array(source, max_pixels)
        return Decoded(photo, photo.shape[1], photo.shape[0])
    content = source if isinstance(source, bytes) else _content(Path(source))
    if not content:
        raise PhotoError(Message("unreadable.empty"))
    _check_bytes(len(content))
    return _decode(content, need, max_pixels)


def size(content: bytes) -> tuple[int, int]:
    """Width and height of a picture by its head alone; PhotoError where `read` would refuse it for what the head says."""
    if not content:
        raise PhotoError(Message("unreadable.empty"))
    _check_bytes(len(content))
    with _as_photo_errors(content):
        file = _examine(content)
        if _is_for_cv2(file):
            width, height = structure.size_of(file)
        elif file.format == "HEIF":
            width, height = _open_heif(file).size
        else:
            with Image.open(io.BytesIO(content), formats=(file.format,)) as picture:
                width, height = picture.size
        _check_size(width, height, MAX_PIXELS)
        _check_single(file.frames, file.format)
        return width, height


def _content(path: Path) -> bytes:
    """A file's bytes; a huge one is refused unread."""
    try:
        _check_bytes(path.stat().st_size)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PhotoError(Message("unreadable.closed", path=path, reason=error.strerror)) from None


def _check_bytes(size: int) -> None:
    if size > MAX_BYTES:
        raise PhotoError(Message("unreadable.heavy", size=f"{size / 2**20:.0f}", most=MAX_BYTES // 2**20))


def _decode(content: bytes, need: Need, max_pixels: int) -> Decoded:
    with _as_photo_errors(content):
        file = _examine(content)
        if file.format == "HEIF":
            return _decode_with_libheif(file, need, max_pixels)
        return (_decode_with_cv2 if _is_for_cv2(file) else _decode_with_pillow)(file, need, max_pixels)


def _examine(content: bytes) -> Structure:
    file = structure.examine(content)
    if file is None:
        raise UnidentifiedImageError
    return file


@contextmanager
def _as_photo_errors(content: bytes) -> Iterator[None]:
    """Turn what fails on a file's content into a PhotoError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels are what counts here
            yield
    except UnidentifiedImageError:
        raise PhotoError(Message("unreadable.no_picture", start=repr(content[:8]))) from None
    except DAMAGED as error:
        raise PhotoError(Message("unreadable.damaged", detail=clipped(error))) from None


def _decode_with_pillow(file: Structure, need: Need, max_pixels: int) -> Decoded:
    """The photo of a file, through Pillow."""
    with Image.open(io.BytesIO(file.content), formats=(file.format,)) as picture:
        width, height = picture.size
        _check_size(width, height, max_pixels)
        _check_single(max(file.frames, getattr(picture, "n_frames", 1)), file.format)
        _check_packed(file.packed_pixels, width * height)
        # AVIF's is turned by what libavif says, in an EXIF block that Pillow makes of it.
        turn = metadata.orientation(picture.info.get("exif", b"")) if file.format == "AVIF" else file.orientation
        reduction = need.reduction(width, height)
        scale = 1
        if file.format == "JPEG" and reduction > 1:
            picture.draft(None, (width // reduction, height // reduction))
            scale, reduction = reduction, 1
        pixels = picture.width * picture.height
        needed_bytes = (
            pixels * (BYTES_PER_PIXEL.get(picture.mode, 4) + 3 + DECODER_BYTES_PER_PIXEL.get(file.format, 0)) + file.working_bytes
        )
        lane = budget.lane(needed_bytes)
        with lane.share(needed_bytes):
            photo = _one_scan(file, scale, picture.size, TURNS.get(turn)) if file.is_one_scan else None
            if photo is None:
                picture.load()
                picture.fp = None  # what it was decoded from, AVIF's pixels among it
                photo = _upright_rgb(picture, TURNS.get(turn), reduction)
            lane.hold(photo)
            return _with_file_size(photo, width, height, TURNS.get(turn))


def _one_scan(file: Structure, scale: int, size: tuple[int, int], turn: Turn | None) -> Photo | None:
    """A JPEG's photo through OpenCV's copy of the same library: the same pixels (tested), in two thirds of the time, and other
    threads go on meanwhile. None where it can't: Pillow says why then."""
    with suppress(cv2.error):
        pixels = cv2.imdecode(np.frombuffer(file.content, np.uint8), CV2_FLAGS[scale] | cv2.IMREAD_IGNORE_ORIENTATION)
        if pixels is None or pixels.shape[1::-1] != size:
            return None
        if scale > 1:
            cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, pixels)
        photo = np.asarray(pixels, np.uint8)
        return photo if turn is None else _assemble(size[1], size[0], turn, lambda rows: photo[rows], 1)
    return None


def _with_file_size(photo: Photo, width: int, height: int, turn: Turn | None) -> Decoded:
    return Decoded(photo, height, width) if turn and turn.is_across else Decoded(photo, width, height)


def _is_for_cv2(file: Structure) -> bool:
    """WebP takes a third of the memory and half the time that Pillow takes, which holds the interpreter meanwhile; a BMP's runs
    are unpacked by Pillow in Python, a second a megabyte."""
    return file.format == "WEBP" or (file.format == "BMP" and structure.is_run_length_coded(file.content))


def _decode_with_cv2(file: Structure, need: Need, max_pixels: int) -> Decoded:
    """The photo of a file, through OpenCV's copies of the same libraries: the same pixels (tested)."""
    width, height = structure.size_of(file)
    _check_size(width, height, max_pixels)
    _check_single(file.frames, file.format)
    needed_bytes = width * height * CV2_BYTES_PER_PIXEL
    lane = budget.lane(needed_bytes)
    with lane.share(needed_bytes):
        try:
            picture = cv2.imdecode(np.frombuffer(file.content, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error as error:
            raise ValueError(error.err) from None
        if picture is None or picture.shape[:2] != (height, width):
            raise ValueError(f"broken {file.format} file")
        turn = TURNS.get(file.orientation)
        photo = _assemble(
            height, width, turn, lambda rows: _rgb_of_bgr(np.asarray(picture[rows], np.uint8)), need.reduction(width, height)
        )
        lane.hold(photo)
        return _with_file_size(photo, width, height, turn)


def _decode_with_libheif(file: Structure, need: Need, max_pixels: int) -> Decoded:
    """The photo of a HEIC, through libheif, which turns it as it says."""
    picture = _open_heif(file)
    width, height = picture.size
    _check_size(width, height, max_pixels)
    _check_single(file.frames, file.format)
    _check_packed(file.packed_pixels, width * height)
    needed_bytes = max(width * height, file.packed_pixels) * HEIF_BYTES_PER_PIXEL
    lane = budget.lane(needed_bytes)
    with lane.share(needed_bytes):
        values = np.asarray(picture)
        if values.shape[:2] != (height, width):
            raise ValueError(f"its picture is {values.shape[1]}x{values.shape[0]}, not {width}x{height}")
        photo = _assemble(height, width, None, lambda rows: _rgb(Image.fromarray(values[rows])), need.reduction(width, height))
        lane.hold(photo)
        return Decoded(photo, width, height)


def _open_heif(file: Structure) -> Any:
    """The first picture of a HEIC, not decoded yet."""
    import pillow_heif  # a tenth of a second that only those wait for who send one

    pillow_heif.options.DECODE_THREADS = HEIF_THREADS
    heif_file = pillow_heif.open_heif(file.content, convert_hdr_to_8bit=True)
    return heif_file[heif_file.primary_index]


def _check_packed(packed_pixels: int, pixels: int) -> None:
    if packed_pixels > limits.MAX_PACKED_SHARE * max(pixels, limits.PACKED_SIDE**2):
        raise limits.exceeded("hidden", packed_pixels // pixels, limits.MAX_PACKED_SHARE)


def _rgb_of_bgr(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """OpenCV's grey, BGR or BGRA rows as RGB, transparency laid on white."""
    if values.ndim == 2:
        return np.asarray(cv2.cvtColor(values, cv2.COLOR_GRAY2RGB), np.uint8)
    if values.shape[2] == 3:
        return np.asarray(cv2.cvtColor(values, cv2.COLOR_BGR2RGB), np.uint8)
    return np.asarray(_on_white(Image.fromarray(cv2.cvtColor(values, cv2.COLOR_BGRA2RGBA))), np.uint8)


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise PhotoError(Message("unreadable.large", width=width, height=height, most=max_pixels // 10**6))
    if min(width, height) < MIN_SIDE:
        raise PhotoError(Message("unreadable.tiny", width=width, height=height, least=MIN_SIDE))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoError(Message("unreadable.strip", width=width, height=height, most=MAX_ASPECT))


def _check_single(frames: int, file_format: str) -> None:
    if frames > 1:
        count = frames if frames < limits.MAX_FRAMES else f"{limits.MAX_FRAMES}+"
        raise PhotoError(Message("unreadable.several", count=count, form=file_format))


def _upright_rgb(picture: Image.Image, turn: Turn | None, reduction: int) -> Photo:
    """A picture of any mode as RGB, upright: 16 bit scaled down, transparency laid on white."""

    def rows(span: slice) -> Image.Image:
        return _rgb(picture.crop((0, span.start, picture.width, span.stop)))

    return _assemble(picture.height, picture.width, turn, rows, reduction)


def _assemble(
    height: int, width: int, turn: Turn | None, rows: Callable[[slice], Image.Image | NDArray[np.uint8]], reduction: int
) -> Photo:
    """A photo put together of strips of rows, each reduced and turned as all of it is: a large one passes through the processor's
    cache, and nothing of its size is made beside it."""
    swaps_sides = turn is not None and turn.is_across
    reduced_height, reduced_width = -(-height // reduction), -(-width // reduction)
    photo = np.empty((reduced_width, reduced_height, 3) if swaps_sides else (reduced_height, reduced_width, 3), np.uint8)
    step = max(1, STRIP // width // reduction) * reduction
    for start in range(0, height, step):
        strip = _reduce(rows(slice(start, min(start + step, height))), reduction)
        top, bottom = start // reduction, start // reduction + len(strip)
        if turn is None:
            photo[top:bottom] = strip
            continue
        target = slice(reduced_height - bottom, reduced_height - top) if turn.is_backward else slice(top, bottom)
        photo[(slice(None), target) if swaps_sides else target] = turn.apply(strip)
    return photo


def _reduce(strip: Image.Image | NDArray[np.uint8], reduction: int) -> NDArray[np.uint8]:
    """A strip with one pixel, their mean, for each square of `reduction` by `reduction`."""
    if reduction > 1:
        strip = (strip if isinstance(strip, Image.Image) else Image.fromarray(strip)).reduce(reduction)
    return np.asarray(strip, np.uint8)


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


def _from_array(values: NDArray[np.generic], max_pixels: int) -> Photo:
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (1, 3, 4)):
        raise PhotoError(Message("unreadable.shape", shape=values.shape))
    _check_size(values.shape[1], values.shape[0], max_pixels)
    flat = values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values
    return np.asarray(_rgb(Image.fromarray(_to_8_bit(flat))))
