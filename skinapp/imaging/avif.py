"""What an AVIF file holds: hides its EXIF from the decoder, and tells how large the pictures are that are packed in it.

Its orientation is a property of the picture, which libavif reads; EXIF's counts for nothing beside that.
"""

from dataclasses import dataclass

from skinapp.imaging import isobmff
from skinapp.imaging.isobmff import Bits, Meta

EXIF, AV1 = b"Exif", b"av01"
SEQUENCE_HEADER = 1
"""The kind of AV1's unit that says how large its pictures are."""


@dataclass(frozen=True)
class Avif:
    """A file without EXIF, and the pixels of the largest picture packed in it, whatever the file says of its size."""

    content: bytes
    packed_pixels: int


def examine(meta: Meta) -> Avif:
    """Read the parts; ValueError or struct.error where they aren't there."""
    changed, packed = bytearray(meta.content), set[int]()
    for item in meta.items():
        if item.kind == EXIF:
            changed[item.kind_at : item.kind_at + 4] = isobmff.NOTHING
        elif item.kind == AV1:
            packed.add(item.number)
    return Avif(bytes(changed), max(map(_largest, meta.data(packed).values()), default=0))


def _largest(data: bytes) -> int:
    """The most pixels that a stream of AV1 says its pictures have."""
    at = largest = 0
    while at < len(data):
        head = data[at]
        at += 2 if head & 4 else 1
        size = len(data) - at
        if head & 2:
            size, at = _leb128(data, at)
        if head >> 3 & 15 == SEQUENCE_HEADER:
            largest = max(largest, _SequenceHeader(data[at : at + 64]).frame_pixels())
        at += size
    return largest


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(8):
        if at >= len(data):
            raise ValueError("its AV1 stream is cut off")
        byte, at = data[at], at + 1
        value |= (byte & 127) << 7 * count
        if not byte & 128:
            break
    return value, at


class _SequenceHeader(Bits):
    """The bits of a sequence header (AV1 specification, 5.5)."""

    def frame_pixels(self) -> int:
        self.take(4)
        if self.take(1):
            self.take(5)
        else:
            self._skip_timing()
        across, down = self.take(4) + 1, self.take(4) + 1
        return (self.take(across) + 1) * (self.take(down) + 1)

    def _skip_timing(self) -> None:
        delay = 0
        if self.take(1):
            self.take(64)
            if self.take(1):
                self.variable()
            if self.take(1):
                delay = self.take(5) + 1
                self.take(42)
        is_delayed = self.take(1)
        for _ in range(self.take(5) + 1):
            self.take(12)
            if self.take(5) > 7:
                self.take(1)
            if delay and self.take(1):
                self.take(2 * delay + 1)
            if is_delayed and self.take(1):
                self.take(4)
