"""The one thing that a photo's metadata is asked: how the camera was held. Reads EXIF's first directory and nothing behind it.

Pillow reads every tag of every directory, and copies what each points at: a file of 64 kB can have 4 GB of that.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from skinapp.imaging import limits

ORIENTATION = 0x0112
UPRIGHT = 1
XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
INTEGERS = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 13: "L", 16: "Q", 17: "q", 18: "Q"}
"""The types of TIFF's values that are whole numbers, as `struct` says them."""
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value, by its type."""


class Tag(NamedTuple):
    """An entry of a directory as it stands in the file; `field` is the value, or the offset of the values."""

    number: int
    kind: int
    value_count: int
    field: bytes


class Directories:
    """TIFF's directories of tags in a file or an EXIF block; ValueError where there are none."""

    def __init__(self, content: bytes) -> None:
        kind = content[:4]
        if kind[:2] not in (b"II", b"MM") or not {kind[2], kind[3]} & {42, 43}:
            raise ValueError("no TIFF header")
        self.content, self.is_big, self.order = content, 43 in kind[2:4], "<" if kind[:2] == b"II" else ">"
        self._entry_format = struct.Struct(self.order + ("HHQ8s" if self.is_big else "HHL4s"))
        self._count_format = struct.Struct(self.order + ("Q" if self.is_big else "H"))
        self.pointer_format = struct.Struct(self.order + ("Q" if self.is_big else "L"))
        (self.first_offset,) = self._unpack(self.pointer_format, 8 if self.is_big else 4)

    def tags(self, offset: int) -> list[Tag]:
        """The entries of the directory at an offset; of one that is cut off, those that are there."""
        start, count = self._table(offset)
        entry = self._entry_format
        table = self.content[start : start + count * entry.size]
        return [Tag(*fields) for fields in entry.iter_unpack(table[: len(table) // entry.size * entry.size])]

    def chain(self) -> Iterator[int]:
        """Where the directories lie, one after the other, each once."""
        seen: set[int] = set()
        offset = self.first_offset
        while offset and offset not in seen:
            seen.add(offset)
            yield offset
            with suppress(ValueError):
                start, count = self._table(offset)
                (offset,) = self._unpack(self.pointer_format, start + count * self._entry_format.size)

    def values(self, tag: Tag, limit: int) -> tuple[int, ...] | None:
        """A tag's whole numbers, at most so many; None where it has none."""
        if tag.kind not in INTEGERS or not tag.value_count:
            return None
        count = min(tag.value_count, limit)
        size, field = SIZES[tag.kind], tag.field
        if size * tag.value_count > len(field):
            (offset,) = self.pointer_format.unpack(field)
            field = self.content[offset : offset + count * size]
        count = min(count, len(field) // size)
        return struct.unpack_from(f"{self.order}{count}{INTEGERS[tag.kind]}", field)

    def data(self, tag: Tag, limit: int) -> bytes:
        """A tag's bytes, at most so many."""
        size = SIZES.get(tag.kind, 0) * tag.value_count
        if size <= len(tag.field):
            return tag.field[:size]
        (offset,) = self.pointer_format.unpack(tag.field)
        return self.content[offset : offset + min(size, limit)]

    def pack(self, tags: list[Tag]) -> bytes:
        """Entries as a directory has them, their count first."""
        return self._count_format.pack(len(tags)) + b"".join(self._entry_format.pack(*tag) for tag in tags)

    def _table(self, offset: int) -> tuple[int, int]:
        (count,) = self._unpack(self._count_format, offset)
        if count > limits.MAX_TAGS:
            raise limits.exceeded("tags", count, limits.MAX_TAGS)
        return offset + self._count_format.size, count

    def _unpack(self, layout: struct.Struct, offset: int) -> tuple[int, ...]:
        if offset + layout.size > len(self.content):
            raise ValueError("its directory lies outside the file")
        return layout.unpack_from(self.content, offset)


def orientation(exif: bytes, xmp: bytes = b"") -> int:
    """How the camera was held, 1 (upright) to 8: as EXIF says, and where it says nothing, as XMP does."""
    with suppress(ValueError, IndexError, struct.error):
        directories = Directories(exif.removeprefix(b"Exif\0\0"))
        matching = [tag for tag in directories.tags(directories.first_offset) if tag.number == ORIENTATION]
        if matching:
            return valid_orientation(directories.values(matching[-1], 1))
    match = XMP_ORIENTATION.search(xmp)
    return valid_orientation((int(match[1]),)) if match else UPRIGHT


def valid_orientation(values: tuple[int, ...] | None) -> int:
    """The orientation that a tag states; upright where that is none."""
    return values[0] if values and 1 <= values[0] <= 8 else UPRIGHT
