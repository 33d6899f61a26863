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
    changed, streams = bytearray(meta.content), set[int]()
    for item in meta.items():
        if item.kind == EXIF:
            changed[item.kind_offset : item.kind_offset + 4] = isobmff.FREE
        elif item.kind == AV1:
            streams.add(item.number)
    return Avif(bytes(changed), max(map(_largest, meta.data(streams).values()), default=0))


def _largest(data: bytes) -> int:
    """The most pixels of a picture that a stream of AV1 states."""
    offset = largest = 0
    while offset < len(data):
        head = data[offset]
        offset += 2 if head & 4 else 1
        size = len(data) - offset
        if head & 2:
            size, offset = _leb128(data, offset)
        if head >> 3 & 15 == SEQUENCE_HEADER:
            largest = max(largest, _SequenceHeader(data[offset : offset + 64]).frame_pixels())
        offset += size
    return largest


def _leb128(data: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for count in range(8):
        if offset >= len(data):
            raise ValueError("its AV1 stream is cut off")
        byte, offset = data[offset], offset + 1
        value |= (byte & 127) << 7 * count
        if not byte & 128:
            break
    return value, offset


class _SequenceHeader(Bits):
    """The bits of a sequence header (AV1 specification, 5.5)."""

    def frame_pixels(self) -> int:
        self.read(4)
        if self.read(1):
            self.read(5)
        else:
            self._skip_timing()
        width_bits, height_bits = self.read(4) + 1, self.read(4) + 1
        return (self.read(width_bits) + 1) * (self.read(height_bits) + 1)

    def _skip_timing(self) -> None:
        delay_bits = 0
        if self.read(1):
            self.read(64)
            if self.read(1):
                self.read_variable()
            if self.read(1):
                delay_bits = self.read(5) + 1
                self.read(42)
        is_delayed = self.read(1)
        for _ in range(self.read(5) + 1):
            self.read(12)
            if self.read(5) > 7:
                self.read(1)
            if delay_bits and self.read(1):
                self.read(2 * delay_bits + 1)
            if is_delayed and self.read(1):
                self.read(4)
