"""What an AVIF file holds: hides its EXIF from the decoder, and tells how large the pictures are that are packed in it.

Its orientation is a property of the picture, which libavif reads; EXIF's counts for nothing beside that.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from skinapp.imaging import limits

EXIF, AV1, NOTHING = b"Exif", b"av01", b"free"
SEQUENCE_HEADER = 1
"""The kind of AV1's unit that says how large its pictures are."""


@dataclass(frozen=True)
class Avif:
    """A file without EXIF, and the pixels of the largest picture packed in it, whatever the file says of its size."""

    content: bytes
    packed_pixels: int


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int
    end: int


def examine(content: bytes) -> Avif:
    """Read the boxes; ValueError or struct.error where they aren't there."""
    outer = {box.kind: box for box in _boxes(content, 0, len(content))}
    if b"moov" in outer or b"meta" not in outer:
        raise ValueError("a film, or no list of its parts")
    inner = {box.kind: box for box in _boxes(content, outer[b"meta"].start + 4, outer[b"meta"].end)}
    changed, packed = bytearray(content), set[int]()
    for number, kind, at in _items(content, inner[b"iinf"]) if b"iinf" in inner else ():
        if kind == EXIF:
            changed[at : at + 4] = NOTHING
        elif kind == AV1:
            packed.add(number)
    places = _Places(content, inner).of(packed) if b"iloc" in inner else []
    return Avif(bytes(changed), max((_largest(data) for data in places), default=0))


def _boxes(content: bytes, at: int, end: int) -> Iterator[_Box]:
    for _ in range(limits.MAX_CHUNKS):
        if at + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", content, at)
        start = at + 8
        if size == 1:
            (size,), start = struct.unpack_from(">Q", content, start), at + 16
        following = end if size == 0 else at + size
        if not start <= following <= end:
            return
        yield _Box(kind, start, following)
        at = following
    raise limits.over("chunks", limits.MAX_CHUNKS + 1, limits.MAX_CHUNKS)


def _items(content: bytes, listed: _Box) -> Iterator[tuple[int, bytes, int]]:
    """The file's parts: number, kind, and where the kind is written."""
    first = listed.start + (6 if content[listed.start] == 0 else 8)
    for box in _boxes(content, first, listed.end):
        if box.kind == b"infe" and content[box.start] >= 2:
            length = 2 if content[box.start] == 2 else 4
            at = box.start + 4 + length + 2
            yield int.from_bytes(content[box.start + 4 : box.start + 4 + length]), content[at : at + 4], at


class _Places:
    """Where the parts' bytes lie."""

    def __init__(self, content: bytes, inner: dict[bytes, _Box]) -> None:
        self._content, self._at, self._end = content, inner[b"iloc"].start, inner[b"iloc"].end
        self._beside = inner[b"idat"].start if b"idat" in inner else 0

    def of(self, numbers: set[int]) -> list[bytes]:
        """The bytes of parts by their numbers."""
        version = self._read(4) >> 24
        sizes = self._read(2)
        offsets, lengths, bases, indices = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        found = []
        for _ in range(self._read(2 if version < 2 else 4)):
            number = self._read(2 if version < 2 else 4)
            is_beside = version > 0 and self._read(2) & 15 == 1
            self._read(2)
            base = self._read(bases) + (self._beside if is_beside else 0)
            data = b""
            for _ in range(self._read(2)):
                self._read(indices if version > 0 else 0)
                start, length = base + self._read(offsets), self._read(lengths)
                if number in numbers:
                    data += self._content[start : start + length] if length else self._content[start:]
                    if len(data) > len(self._content):
                        raise ValueError("its parts overlap")
            found += [data] if number in numbers else []
        return found

    def _read(self, length: int) -> int:
        if self._at + length > self._end:
            raise ValueError("its list of places is cut off")
        self._at += length
        return int.from_bytes(self._content[self._at - length : self._at])


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
            largest = max(largest, _Bits(data[at : at + 64]).frame_pixels())
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


class _Bits:
    """The bits of a sequence header (AV1 specification, 5.5)."""

    def __init__(self, data: bytes) -> None:
        self._bits, self._left = int.from_bytes(data), 8 * len(data)

    def frame_pixels(self) -> int:
        self._take(4)
        if self._take(1):
            self._take(5)
        else:
            self._skip_timing()
        across, down = self._take(4) + 1, self._take(4) + 1
        return (self._take(across) + 1) * (self._take(down) + 1)

    def _skip_timing(self) -> None:
        delay = 0
        if self._take(1):
            self._take(64)
            if self._take(1):
                self._skip_uvlc()
            if self._take(1):
                delay = self._take(5) + 1
                self._take(42)
        is_delayed = self._take(1)
        for _ in range(self._take(5) + 1):
            self._take(12)
            if self._take(5) > 7:
                self._take(1)
            if delay and self._take(1):
                self._take(2 * delay + 1)
            if is_delayed and self._take(1):
                self._take(4)

    def _skip_uvlc(self) -> None:
        zeros = 0
        while zeros < 32 and not self._take(1):
            zeros += 1
        self._take(zeros if zeros < 32 else 0)

    def _take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("its AV1 stream is cut off")
        return self._bits >> self._left & (1 << count) - 1
