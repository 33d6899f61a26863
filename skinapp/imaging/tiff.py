"""What a TIFF file holds, and the same picture under a directory of its own with nothing but what decoding it takes.

Pillow loads all that a directory's tags point at, several times over and for every picture of the file, and the directories that
it points to as well. With no tag but those below and nothing behind it, that is bounded by the limits here.
"""

import math
from dataclasses import dataclass

from skinapp.errors import PhotoError
from skinapp.i18n.messages import Message
from skinapp.imaging import limits, metadata
from skinapp.imaging.metadata import Directories, Tag

WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES, ROWS, PLANES = 256, 257, 258, 259, 277, 278, 284
STRIP_OFFSETS, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, XMP = 273, 279, 322, 323, 324, 325, 700
NEEDED = {
    WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES, ROWS, PLANES, STRIP_OFFSETS, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS,
    TILE_BYTES,
    262, 266, 317, 320, 338, 339,  # what values mean, their bits' order, predictor, palette, transparency, kind
    292, 293, 332, 347,  # fax options, inks, JPEG's tables
    512, 513, 514, 515, 517, 518, 519, 520, 521,  # JPEG as TIFF 6 had it
    529, 530, 531, 532,  # YCbCr
    0xBC01,  # a picture that Pillow refuses by this tag
}  # fmt: skip
"""The tags that decoding takes."""
JPEG, UNCOMPRESSED = (6, 7), 1
"""Ways of packing: JPEG as it was and is, and none."""
MAX_VALUES = 3 * 2**16
"""Values of a tag beside the places of strips and tiles: a palette of 16 bit has so many."""
MAX_SAMPLES, MAX_BITS = 6, 64
"""That any decoder takes."""


@dataclass(frozen=True)
class Tiff:
    """How many pictures the file holds, how the first is turned, that one alone as a file, and the bytes of its largest piece
    once that is unpacked."""

    frames: int
    orientation: int
    content: bytes
    piece_bytes: int


def examine(content: bytes) -> Tiff:
    """Read the directories; ValueError where they aren't there, PhotoError where there is too much of something."""
    directories = Directories(content)
    frames = sum(1 for _, _ in zip(directories.chain(), range(limits.MAX_FRAMES), strict=False))
    tags = {tag.number: tag for tag in directories.tags(directories.first_offset)}
    xmp = directories.data(tags[XMP], limits.MAX_TEXT) if XMP in tags else b""
    orientation_tag = tags.get(metadata.ORIENTATION)
    values = directories.values(orientation_tag, 1) if orientation_tag else None
    orientation = metadata.valid_orientation(values) if orientation_tag else metadata.orientation(b"", xmp)
    needed = {number: tag for number, tag in tags.items() if number in NEEDED}
    piece_bytes = _Pieces(directories, needed).check()
    return Tiff(frames, orientation, _rebuild(directories, needed), piece_bytes)


class _Pieces:
    """The strips or tiles of a picture."""

    def __init__(self, directories: Directories, tags: dict[int, Tag]) -> None:
        self._directories, self._tags = directories, tags
        self.width, self.height = self._number(WIDTH, 0), self._number(HEIGHT, 0)
        self.is_tiled = TILE_OFFSETS in tags and STRIP_OFFSETS not in tags
        # Beside strips a tile's size counts for one of the two decoders alone: held to the same limit.
        self.tile_width, self.tile_height = self._number(TILE_WIDTH, self.width), self._number(TILE_HEIGHT, self.height)
        rows = min(self._number(ROWS, self.height) or self.height, self.height)
        self.piece = (self.tile_width, self.tile_height) if TILE_WIDTH in tags else (self.width, rows)

    def check(self) -> int:
        """Refuse what costs more than the picture; the bytes of the largest piece."""
        if min(self.width, self.height, *self.piece) < 1:
            raise ValueError("its picture has no size")
        for tag in self._tags.values():
            limit = limits.MAX_PIECES if tag.number in (STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES) else MAX_VALUES
            if tag.value_count > limit:
                raise limits.exceeded("pieces", tag.value_count, limit)
        for side, length in zip(self.piece, (self.width, self.height), strict=True):
            if side > max(length + 15, limits.TILE_SIDE):
                raise limits.exceeded("tile", side, max(length + 15, limits.TILE_SIDE))
        samples = min(self._number(SAMPLES, 1), MAX_SAMPLES)
        planes = samples if self._number(PLANES, 1) == 2 else 1
        count = math.ceil(self.width / self.piece[0]) * math.ceil(self.height / self.piece[1]) * planes
        if count > limits.MAX_PIECES:
            raise limits.exceeded("pieces", count, limits.MAX_PIECES)
        self._check_packed(count)
        bits = min(max(self._values(BITS, MAX_SAMPLES) or (1,)), MAX_BITS)
        return math.prod(self.piece) * samples * bits // 8

    def _check_packed(self, count: int) -> None:
        """Refuse pieces that share their bytes, and JPEGs of too many scans."""
        content, compression = self._directories.content, self._number(COMPRESSION, UNCOMPRESSED)
        if compression == UNCOMPRESSED:
            return
        sizes = self._values(TILE_BYTES if self.is_tiled else STRIP_BYTES, limits.MAX_PIECES) or ()
        if len(sizes) > 1 and sum(sizes) > 2 * len(content):
            raise PhotoError(Message("unreadable.overlapping"))
        if compression in JPEG:
            scans = content.count(b"\xff\xda") - count
            check_scans(scans, math.prod(self.piece))

    def _number(self, number: int, default: int) -> int:
        values = self._values(number, 1)
        if values is None and number in self._tags:
            raise ValueError(f"its tag {number} is no whole number")
        return values[0] if values else default

    def _values(self, number: int, limit: int) -> tuple[int, ...] | None:
        return self._directories.values(self._tags[number], limit) if number in self._tags else None


def check_scans(scans: int, pixels: int) -> None:
    """Refuse a JPEG that goes over its pixels too often."""
    if scans > limits.MAX_SCANS:
        raise limits.exceeded("scans", scans, limits.MAX_SCANS)
    if scans > 1 and scans * pixels > limits.MAX_SCAN_PIXELS:
        raise limits.exceeded("scans", scans, limits.MAX_SCAN_PIXELS // pixels)


def _rebuild(directories: Directories, tags: dict[int, Tag]) -> bytes:
    """The file with a directory of these tags at its end, which its head names."""
    content, pointer_format = directories.content, directories.pointer_format
    padding = b"\0" * (-len(content) % 16)
    table = directories.pack(sorted(tags.values())) + pointer_format.pack(0)
    head = content[: 8 if directories.is_big else 4] + pointer_format.pack(len(content) + len(padding))
    return b"".join((head, memoryview(content)[len(head) :], padding, table))
