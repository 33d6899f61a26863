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
    first = _first_number(meta)
    tiles = _tiles(items, links, first)
    data = meta.data({first, *tiles})
    configurations = _configurations(meta, set(tiles))
    streams = {number: _stream(configurations.get(number, b""), data.get(number, b"")) for number in set(tiles)}
    pixels = sum(streams[number].pixels for number in tiles)
    _check_slices(sum(streams[number].slices for number in tiles), max(streams[number].pixels for number in tiles))
    grid_pixels = _grid_pixels(data.get(first, b"")) if items[first].kind == GRID else 0
    return Heif(_hide_others(meta.content, items, {first, *tiles}), _frames(items, links), max(pixels, grid_pixels))


def _first_number(meta: Meta) -> int:
    if b"pitm" not in meta.inner:
        raise ValueError("it says no picture of its parts")
    reader = Reader(meta.content, meta.inner[b"pitm"].start, meta.inner[b"pitm"].end)
    return reader.read(2 if reader.read(4) >> 24 == 0 else 4)


def _links(meta: Meta) -> Iterator[tuple[bytes, int, list[int]]]:
    """How parts belong to each other: the kind, one part, and those that it names."""
    if b"iref" not in meta.inner:
        return
    iref = meta.inner[b"iref"]
    size = 2 if meta.content[iref.start] == 0 else 4
    for box in isobmff.boxes(meta.content, iref.start + 4, iref.end):
        read = Reader(meta.content, box.start, box.end).read
        number = read(size)
        yield box.kind, number, [read(size) for _ in range(read(2))]


def _tiles(items: dict[int, Item], links: list[tuple[bytes, int, list[int]]], first: int) -> list[int]:
    """The parts in HEVC that the first picture is made of, as often as it uses them."""
    if first not in items:
        raise ValueError("its first picture is missing")
    if items[first].kind == GRID:
        numbers = [number for kind, whole, tiles in links if kind == TILE_OF and whole == first for number in tiles]
    else:
        numbers = [first]
    others = {items[number].kind if number in items else b"" for number in numbers} - {HEVC}
    if others or not numbers:
        raise ValueError(f"its picture is packed as {min(others, default=b'nothing')!r}, not in HEVC")
    return numbers


def _frames(items: dict[int, Item], links: list[tuple[bytes, int, list[int]]]) -> int:
    """How many pictures by themselves a file holds."""
    parts = {number for kind, _, numbers in links if kind == TILE_OF for number in numbers}
    parts |= {number for kind, number, _ in links if kind in (THUMBNAIL_OF, BESIDE)}
    return sum(item.kind in PICTURES and not item.is_hidden and item.number not in parts for item in items.values())


def _hide_others(content: bytes, items: dict[int, Item], visible: set[int]) -> bytes:
    """The file with all other parts marked as free, which no decoder reads."""
    hidden = bytearray(content)
    for item in items.values():
        if item.number not in visible:
            hidden[item.kind_offset : item.kind_offset + 4] = isobmff.FREE
    return bytes(hidden)


def _configurations(meta: Meta, numbers: set[int]) -> dict[int, bytes]:
    """The decoder configurations (hvcC) of parts, by their numbers: they hold units that several parts share."""
    if b"iprp" not in meta.inner:
        return {}
    inner = {box.kind: box for box in isobmff.boxes(meta.content, meta.inner[b"iprp"].start, meta.inner[b"iprp"].end)}
    if not {b"ipco", b"ipma"} <= inner.keys():
        return {}
    properties = list(isobmff.boxes(meta.content, inner[b"ipco"].start, inner[b"ipco"].end))
    read, configurations = Reader(meta.content, inner[b"ipma"].start, inner[b"ipma"].end).read, dict[int, bytes]()
    version_and_flags = read(4)
    has_wide_indices, size = version_and_flags & 1, 2 if version_and_flags >> 24 == 0 else 4
    for _ in range(read(4)):
        number = read(size)
        for _ in range(read(1)):
            index = (read(2) & 0x7FFF if has_wide_indices else read(1) & 0x7F) - 1
            if number in numbers and 0 <= index < len(properties) and properties[index].kind == b"hvcC":
                configurations[number] = meta.content[properties[index].start : properties[index].end]
    return configurations


def _stream(configuration: bytes, data: bytes) -> _Stream:
    """The largest picture that a stream's parameters say, and its pieces; ValueError where it isn't one picture."""
    if len(configuration) < 23:
        raise ValueError("its HEVC stream has no parameters")
    parameters = [unit for unit in _configured_units(configuration) if _kind(unit) == PARAMETERS]
    slices = pictures = 0
    for unit in _stream_units(data, (configuration[21] & 3) + 1):
        if _kind(unit) == PARAMETERS:
            parameters.append(unit)
        elif _kind(unit) in SLICES:
            slices += 1
            pictures += unit[2] >> 7
    if not parameters or pictures != 1:
        raise ValueError(f"its HEVC stream holds {pictures} pictures")
    return _Stream(max(map(_frame_pixels, parameters)), slices)


def _configured_units(configuration: bytes) -> Iterator[bytes]:
    read = (reader := Reader(configuration, 22, len(configuration))).read
    for _ in range(read(1)):
        read(1)
        for _ in range(read(2)):
            length = read(2)
            yield configuration[reader.offset : reader.offset + length]
            read(length)


def _stream_units(data: bytes, size: int) -> Iterator[bytes]:
    """The heads of a stream's units, each with its length before it."""
    offset = 0
    while offset + size <= len(data):
        length = int.from_bytes(data[offset : offset + size])
        yield data[offset + size : offset + size + min(length, 256)]
        offset += size + length


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F if len(unit) > 2 else -1


def _frame_pixels(unit: bytes) -> int:
    """The pixels of a picture by its parameters (HEVC, 7.3.2.2)."""
    bits = Bits(unit[2:258].replace(b"\0\0\3", b"\0\0"))
    bits.read(4)
    layers = bits.read(3)
    bits.read(1 + PROFILE_BITS + LEVEL_BITS)
    flags = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    bits.read(2 * (8 - layers) if layers else 0)
    for has_profile, has_level in flags:
        bits.read(has_profile * SUB_PROFILE_BITS + has_level * LEVEL_BITS)
    bits.read_variable()
    if bits.read_variable() == 3:
        bits.read(1)
    return bits.read_variable() * bits.read_variable()


def _grid_pixels(data: bytes) -> int:
    """The pixels that a grid says it is drawn with."""
    read = Reader(data, 0, len(data)).read
    size = 4 if read(2) & 1 else 2
    read(2)
    return read(size) * read(size)


def _check_slices(slices: int, pixels: int) -> None:
    """Refuse a picture that is gone over too often: each piece may go over all of its tile."""
    if slices * pixels > limits.MAX_SCAN_PIXELS:
        raise limits.exceeded("pieces", slices, limits.MAX_SCAN_PIXELS // pixels)
