"""What a HEIC file holds, as phones write it: hides all but its first picture from the decoder, and tells how many pixels are
packed in that and how often they are gone over.

Its orientation is a property of the picture, which libheif obeys; EXIF's counts for nothing beside that. Refuses what isn't one
picture of HEVC or a grid of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from skinapp.imaging import isobmff, limits
from skinapp.imaging.isobmff import Bits, Item, Meta, Reader

HEVC, GRID = b"hvc1", b"grid"
PICTURES = (HEVC, GRID, b"hev1", b"av01", b"jpeg", b"j2k1", b"unci", b"avc1", b"vvc1", b"iden", b"iovl")
TILE_OF, THUMBNAIL_OF, BESIDE = b"dimg", b"thmb", b"auxl"
"""How a part belongs to another one: a grid is made of tiles, a thumbnail and a map of depth are of a picture."""
PARAMETERS = 33
"""The kind of HEVC's unit that says how large its pictures are."""
SLICES = range(32)
"""The kinds of units that are a piece of a picture each."""
PROFILE_BITS, SUB_PROFILE_BITS, LEVEL_BITS = 88, 88, 8


@dataclass(frozen=True)
class Heif:
    """A file with nothing but its first picture, how many others it holds beside that, and the pixels that are packed in it,
    whatever the file says of its size."""

    content: bytes
    frames: int
    packed_pixels: int


@dataclass(frozen=True)
class _Stream:
    """What an HEVC stream says of itself."""

    pixels: int
    slices: int


def examine(meta: Meta) -> Heif:
    """Read the parts; ValueError or struct.error where they aren't there, PhotoError where they are too many."""
    items = {item.number: item for item in meta.items()}
    links = list(_links(meta))
    first = _first(meta)
    tiles = _tiles(items, links, first)
    data = meta.data({first, *tiles})
    units = _units(meta, set(tiles))
    streams = {number: _stream(units.get(number, b""), data.get(number, b"")) for number in set(tiles)}
    pixels = sum(streams[number].pixels for number in tiles)
    _check_slices(sum(streams[number].slices for number in tiles), max(streams[number].pixels for number in tiles))
    drawn = _grid_pixels(data.get(first, b"")) if items[first].kind == GRID else 0
    return Heif(_alone(meta.content, items, {first, *tiles}), _frames(items, links), max(pixels, drawn))


def _first(meta: Meta) -> int:
    if b"pitm" not in meta.inner:
        raise ValueError("it says no picture of its parts")
    reader = Reader(meta.content, meta.inner[b"pitm"].start, meta.inner[b"pitm"].end)
    return reader.read(2 if reader.read(4) >> 24 == 0 else 4)


def _links(meta: Meta) -> Iterator[tuple[bytes, int, list[int]]]:
    """How parts belong to each other: the kind, one part, and those that it names."""
    if b"iref" not in meta.inner:
        return
    listed = meta.inner[b"iref"]
    size = 2 if meta.content[listed.start] == 0 else 4
    for box in isobmff.boxes(meta.content, listed.start + 4, listed.end):
        read = Reader(meta.content, box.start, box.end).read
        number = read(size)
        yield box.kind, number, [read(size) for _ in range(read(2))]


def _tiles(items: dict[int, Item], links: list[tuple[bytes, int, list[int]]], first: int) -> list[int]:
    """The parts in HEVC that the first picture is made of, as often as it uses them."""
    if first not in items:
        raise ValueError("its first picture is missing")
    if items[first].kind == GRID:
        found = [number for kind, whole, tiles in links if kind == TILE_OF and whole == first for number in tiles]
    else:
        found = [first]
    others = {items[number].kind if number in items else b"" for number in found} - {HEVC}
    if others or not found:
        raise ValueError(f"its picture is packed as {min(others, default=b'nothing')!r}, not in HEVC")
    return found


def _frames(items: dict[int, Item], links: list[tuple[bytes, int, list[int]]]) -> int:
    """How many pictures by themselves a file holds."""
    parts = {number for kind, _, numbers in links if kind == TILE_OF for number in numbers}
    parts |= {number for kind, number, _ in links if kind in (THUMBNAIL_OF, BESIDE)}
    return sum(item.kind in PICTURES and not item.is_hidden and item.number not in parts for item in items.values())


def _alone(content: bytes, items: dict[int, Item], kept: set[int]) -> bytes:
    """The file with all other parts made such as no decoder reads."""
    changed = bytearray(content)
    for item in items.values():
        if item.number not in kept:
            changed[item.kind_at : item.kind_at + 4] = isobmff.NOTHING
    return bytes(changed)


def _units(meta: Meta, numbers: set[int]) -> dict[int, bytes]:
    """The units that parts have in common with others (hvcC), by their numbers: each with its length of two bytes before it."""
    if b"iprp" not in meta.inner:
        return {}
    inner = {box.kind: box for box in isobmff.boxes(meta.content, meta.inner[b"iprp"].start, meta.inner[b"iprp"].end)}
    if not {b"ipco", b"ipma"} <= inner.keys():
        return {}
    known = list(isobmff.boxes(meta.content, inner[b"ipco"].start, inner[b"ipco"].end))
    read, found = Reader(meta.content, inner[b"ipma"].start, inner[b"ipma"].end).read, dict[int, bytes]()
    head = read(4)
    wide, size = head & 1, 2 if head >> 24 == 0 else 4
    for _ in range(read(4)):
        number = read(size)
        for _ in range(read(1)):
            place = (read(2) & 0x7FFF if wide else read(1) & 0x7F) - 1
            if number in numbers and 0 <= place < len(known) and known[place].kind == b"hvcC":
                found[number] = meta.content[known[place].start : known[place].end]
    return found


def _stream(units: bytes, data: bytes) -> _Stream:
    """The largest picture that a stream's parameters say, and its pieces; ValueError where it isn't one picture."""
    if len(units) < 23:
        raise ValueError("its HEVC stream has no parameters")
    parameters = [unit for unit in _common(units) if _kind(unit) == PARAMETERS]
    slices = pictures = 0
    for unit in _in_stream(data, (units[21] & 3) + 1):
        if _kind(unit) == PARAMETERS:
            parameters.append(unit)
        elif _kind(unit) in SLICES:
            slices += 1
            pictures += unit[2] >> 7
    if not parameters or pictures != 1:
        raise ValueError(f"its HEVC stream holds {pictures} pictures")
    return _Stream(max(map(_frame_pixels, parameters)), slices)


def _common(units: bytes) -> Iterator[bytes]:
    read = (reader := Reader(units, 22, len(units))).read
    for _ in range(read(1)):
        read(1)
        for _ in range(read(2)):
            length = read(2)
            yield units[reader.at : reader.at + length]
            read(length)


def _in_stream(data: bytes, size: int) -> Iterator[bytes]:
    """The heads of a stream's units, each with its length before it."""
    at = 0
    while at + size <= len(data):
        length = int.from_bytes(data[at : at + size])
        yield data[at + size : at + size + min(length, 256)]
        at += size + length


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F if len(unit) > 2 else -1


def _frame_pixels(unit: bytes) -> int:
    """The pixels of a picture by its parameters (HEVC, 7.3.2.2)."""
    bits = Bits(unit[2:258].replace(b"\0\0\3", b"\0\0"))
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + PROFILE_BITS + LEVEL_BITS)
    said = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for has_profile, has_level in said:
        bits.take(has_profile * SUB_PROFILE_BITS + has_level * LEVEL_BITS)
    bits.variable()
    if bits.variable() == 3:
        bits.take(1)
    return bits.variable() * bits.variable()


def _grid_pixels(data: bytes) -> int:
    """The pixels that a grid says it is drawn with."""
    read = Reader(data, 0, len(data)).read
    size = 4 if read(2) & 1 else 2
    read(2)
    return read(size) * read(size)


def _check_slices(slices: int, pixels: int) -> None:
    """Refuse a picture that is gone over too often: each piece may go over all of its tile."""
    if slices * pixels > limits.MAX_SCAN_PIXELS:
        raise limits.over("pieces", slices, limits.MAX_SCAN_PIXELS // pixels)
