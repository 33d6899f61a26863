"""The boxes of an ISO base media file, which AVIF and HEIF are: its parts, what is said of them, and where their bytes lie."""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from skinapp.imaging import limits

FREE = b"free"
"""A kind of part that no decoder reads."""


@dataclass(frozen=True)
class Box:
    """What lies from `start` to `end` in a file."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True)
class Item:
    """A part of the file: its kind and where that is written; a hidden one is no picture by itself."""

    number: int
    kind: bytes
    kind_offset: int
    is_hidden: bool


class Reader:
    """Whole numbers of whole bytes from an offset to an end; ValueError where they aren't there."""

    def __init__(self, content: bytes, offset: int, end: int) -> None:
        self._content, self.offset, self._end = content, offset, end

    def read(self, length: int) -> int:
        """The next number, of so many bytes."""
        if self.offset + length > self._end:
            raise ValueError("its list of parts is cut off")
        self.offset += length
        return int.from_bytes(self._content[self.offset - length : self.offset])


class Meta:
    """The list of a file's parts; ValueError or struct.error where it isn't there."""

    def __init__(self, content: bytes) -> None:
        outer = {box.kind: box for box in boxes(content, 0, len(content))}
        if b"moov" in outer or b"meta" not in outer:
            raise ValueError("a film, or no list of its parts")
        self.content = content
        self.inner = {box.kind: box for box in boxes(content, outer[b"meta"].start + 4, outer[b"meta"].end)}

    def items(self) -> Iterator[Item]:
        """All parts, in the file's order."""
        if b"iinf" not in self.inner:
            return
        content, iinf = self.content, self.inner[b"iinf"]
        first = iinf.start + (6 if content[iinf.start] == 0 else 8)
        for box in boxes(content, first, iinf.end):
            if box.kind == b"infe" and content[box.start] >= 2:
                length = 2 if content[box.start] == 2 else 4
                offset = box.start + 4 + length + 2
                number = int.from_bytes(content[box.start + 4 : box.start + 4 + length])
                yield Item(number, content[offset : offset + 4], offset, bool(content[box.start + 3] & 1))

    def data(self, numbers: Collection[int]) -> dict[int, bytes]:
        """The bytes of parts by their numbers; those that lie nowhere are left out."""
        if b"iloc" not in self.inner:
            return {}
        content, iloc = self.content, self.inner[b"iloc"]
        idat_start = self.inner[b"idat"].start if b"idat" in self.inner else 0
        read, contents = Reader(content, iloc.start, iloc.end).read, dict[int, bytes]()
        version, sizes = read(4) >> 24, read(2)
        offsets, lengths, bases, indices = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        for _ in range(read(2 if version < 2 else 4)):
            number = read(2 if version < 2 else 4)
            is_in_idat = version > 0 and read(2) & 15 == 1
            read(2)
            base = read(bases) + (idat_start if is_in_idat else 0)
            data = b""
            for _ in range(read(2)):
                read(indices if version > 0 else 0)
                start, length = base + read(offsets), read(lengths)
                if number in numbers:
                    data += content[start : start + length] if length else content[start:]
                    if len(data) > len(content):
                        raise ValueError("its parts overlap")
            if number in numbers:
                contents[number] = data
        return contents


def boxes(content: bytes, offset: int, end: int) -> Iterator[Box]:
    """The boxes from an offset to an end, as far as they are whole."""
    for _ in range(limits.MAX_CHUNKS):
        if offset + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", content, offset)
        start = offset + 8
        if size == 1:
            (size,), start = struct.unpack_from(">Q", content, start), offset + 16
        next_start = end if size == 0 else offset + size
        if not start <= next_start <= end:
            return
        yield Box(kind, start, next_start)
        offset = next_start
    raise limits.exceeded("chunks", limits.MAX_CHUNKS + 1, limits.MAX_CHUNKS)


class Bits:
    """The bits of a stream; ValueError where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self._bits, self._remaining = int.from_bytes(data), 8 * len(data)

    def read(self, count: int) -> int:
        """The next so many, as a number."""
        self._remaining -= count
        if self._remaining < 0:
            raise ValueError("its stream is cut off")
        return self._bits >> self._remaining & (1 << count) - 1

    def read_variable(self) -> int:
        """The next number that says its own length (AV1's uvlc, HEVC's ue)."""
        zeros = 0
        while zeros < 32 and not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros) if zeros < 32 else 2**32 - 1
