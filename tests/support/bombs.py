"""Small files that cost a decoder gigabytes or minutes, and beside each the honest file that is nearest to it."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pillow_heif
from PIL import Image

from tests.support import drawings
from tests.support.hostile_inputs import png_chunk, saved

SIDE = 7071
"""Of a square of just under 50 megapixels."""


def tiff(tags: list[tuple[int, int, int, int]], behind: bytes = b"", following: int = 0, at: int = 8) -> bytes:
    """A TIFF with one directory at a place, then the rest; a tag is number, kind, count and field."""
    table = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    head = b"II*\0" + struct.pack("<I", at) + bytes(at - 8)
    return head + struct.pack("<H", len(tags)) + table + struct.pack("<I", following) + behind


def picture(side: int = 64, place: int = 0, compression: int = 1, rows: int = 0) -> list[tuple[int, int, int, int]]:
    """The tags of a grey square."""
    return [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1), (273, 4, 1, place),
            (277, 3, 1, 1), (278, 4, 1, rows or side), (279, 4, 1, side * side)]  # fmt: skip


def tiff_tags(count: int = 3000, shared: int = 5_000_000) -> bytes:
    """Many tags that all point at the same bytes."""
    return tiff([*picture(), *((40_000 + number, 7, shared, 8) for number in range(count))], bytes(shared))


def exif_tags(count: int = 3000, shared: int = 1_000_000) -> bytes:
    """The same as EXIF, of as many bytes as a format has room for."""
    return b"Exif\0\0" + tiff([(40_000 + number, 7, shared, 8) for number in range(count)], bytes(shared))


def png_exif() -> bytes:
    plain = drawings.encoded(drawings.lesion(64, 48))
    return plain[:33] + png_chunk(b"eXIf", exif_tags()[6:]) + plain[33:]


def with_exif(form: str) -> bytes:
    return saved(
        Image.fromarray(drawings.lesion(64, 48)), form, exif=exif_tags(shared=60_000 if form == "JPEG" else 1_000_000, count=300)
    )


def webp_pixels() -> bytes:
    """50 megapixels of one half transparent colour."""
    return saved(Image.new("RGBA", (SIDE, SIDE), (200, 150, 120, 128)), "WEBP", lossless=True, method=0)


def tiff_frames(count: int = 100_000) -> bytes:
    """A chain of directories, each with the picture's few tags."""
    one = len(tiff(picture())) - 8
    frames = [tiff(picture(), following=8 + one * (number + 1) if number + 1 < count else 0)[8:] for number in range(count)]
    return b"II*\0" + struct.pack("<I", 8) + b"".join(frames)


def jpeg_scans(count: int = 3000, side: int = 1000) -> bytes:
    """A progressive JPEG that says its last scan again and again."""
    content = saved(Image.fromarray(drawings.lesion(side, side)), "JPEG", progressive=True, quality=20)
    last = content.rindex(b"\xff\xda")
    scan = content[last:].removesuffix(b"\xff\xd9")
    short = scan[: 2 + int.from_bytes(scan[2:4])] + scan[-40:]
    return content[:-2] + short * count + b"\xff\xd9"


def tiff_tile(side: int = 40_000) -> bytes:
    """A small picture in one tile of 1.6 gigapixels, all of it packed in little."""
    packed = zlib.compress(bytes(side * side // 1600), 9)
    tags = [tag for tag in picture(64, compression=8) if tag[0] not in (273, 278, 279)]
    tags += [(322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 400), (325, 4, 1, len(packed))]
    return tiff(tags, bytes(400 - len(tiff(tags))) + packed)


# Further ones that were found on the way


def gif_room() -> bytes:
    """A GIF that asks for what lies below it to be put by: 4 GB, before anything is decoded."""
    content = bytearray(saved(Image.new("P", (64, 64)), "GIF", transparency=1, disposal=2))
    struct.pack_into("<HH", content, 6, 65_535, 65_535)
    image = content.index(b",", content.index(b"!\xf9"))
    struct.pack_into("<HH", content, image + 5, 65_535, 65_535)
    return bytes(content)


def gif_comment(blocks: int = 100_000) -> bytes:
    """A comment of many blocks, which Pillow joins one by one."""
    plain = saved(Image.new("P", (64, 64)), "GIF")
    start = 13 + (3 << (plain[10] & 7) + 1 if plain[10] & 128 else 0)
    return plain[:start] + b"!\xfe" + (b"\xff" + b"a" * 255) * blocks + b"\0" + plain[start:]


def png_profiles(count: int = 20_000) -> bytes:
    """Colour profiles that unpack to a megabyte each."""
    plain = drawings.encoded(drawings.lesion(64, 48))
    return plain[:33] + png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000), 9)) * count + plain[33:]


def jpeg_segments(count: int = 5_000_000) -> bytes:
    """Empty comments before the picture."""
    plain = drawings.encoded(drawings.lesion(64, 48), "JPEG")
    return plain[:2] + b"\xff\xfe\0\x02" * count + plain[2:]


def bmp_runs(count: int = 5_000_000) -> bytes:
    """Pixels packed as runs of one."""
    head = struct.pack("<IiiHHIIiiII", 40, 7000, 7000, 1, 8, 1, 2 * count, 0, 0, 256, 0)
    palette = bytes(range(256)) * 4
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + len(palette)) + head + palette + b"\x01\x05" * count


def avif_hidden(side: int = 8000) -> bytes:
    """An AVIF that says it is small, with a large picture packed in it."""
    content = bytearray(saved(Image.new("RGB", (side, side), "pink"), "AVIF", quality=20, speed=10))
    struct.pack_into(">II", content, content.index(b"ispe") + 8, 100, 100)
    return bytes(content)


def tiff_overlap(count: int = 2000) -> bytes:
    """Strips that all are the same megabyte."""
    tags = [tag for tag in picture(2000, compression=8, rows=1) if tag[0] not in (273, 279)]
    place = 8 + 2 + 12 * (len(tags) + 2) + 4
    tags += [(273, 4, count, place), (279, 4, count, place + 4 * count)]
    packed = zlib.compress(np.random.default_rng(0).bytes(1_000_000))
    start = place + 8 * count
    return tiff(tags, struct.pack(f"<{count}I", *[start] * count) + struct.pack(f"<{count}I", *[len(packed)] * count) + packed)


SIX: dict[str, Callable[[], bytes]] = {
    "tags": tiff_tags,
    "exif": png_exif,
    "pixels": webp_pixels,
    "frames": tiff_frames,
    "scans": jpeg_scans,
    "tile": tiff_tile,
}
"""The six that were shown first."""
MORE: dict[str, Callable[[], bytes]] = {
    "exif in WebP": lambda: with_exif("WEBP"),
    "exif in AVIF": lambda: with_exif("AVIF"),
    "exif in JPEG": lambda: with_exif("JPEG"),
    "room": gif_room,
    "comment": gif_comment,
    "profiles": png_profiles,
    "segments": jpeg_segments,
    "runs": bmp_runs,
    "hidden": avif_hidden,
    "overlap": tiff_overlap,
}


def large(form: str, **options: object) -> bytes:
    """A picture of 50 megapixels of large squares, as honest as it is heavy."""
    small = Image.fromarray(np.random.default_rng(3).integers(0, 255, (70, 70, 3), np.uint8))
    picture = small.resize((SIDE, SIDE), Image.Resampling.NEAREST)
    mode = options.pop("mode", None)
    buffer = io.BytesIO()
    (picture.convert(str(mode)) if mode else picture).save(buffer, form, **options)
    return buffer.getvalue()


# HEIC


def heic(picture: Image.Image, **options: object) -> bytes:
    """A picture as phones pack it."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer, quality=80, **options)
    return buffer.getvalue()


def box(kind: bytes, *content: bytes, version: int | None = None, flags: int = 0) -> bytes:
    head = b"" if version is None else struct.pack(">I", version << 24 | flags)
    body = head + b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


class Part(NamedTuple):
    """A part of a HEIC: its kind, bytes and properties (from 1 on)."""

    kind: bytes
    data: bytes
    properties: tuple[int, ...] = ()
    is_hidden: bool = False


def heic_of(parts: list[Part], properties: list[bytes], links: list[tuple[bytes, int, list[int]]]) -> bytes:
    """A HEIC of these parts, numbered from 1 on, of which the first is the picture."""
    numbered = list(enumerate(parts, 1))
    infos = [
        box(b"infe", struct.pack(">HH4s", number, 0, part.kind), b"\0", version=2, flags=part.is_hidden)
        for number, part in numbered
    ]
    starts = np.cumsum([0, *(len(part.data) for part in parts)])
    places = [struct.pack(">HHHHII", number, 1, 0, 1, starts[number - 1], len(part.data)) for number, part in numbered]
    said = [
        struct.pack(">HB", number, len(part.properties)) + bytes(part.properties) for number, part in numbered if part.properties
    ]
    meta = box(
        b"meta",
        box(b"hdlr", bytes(4), b"pict", bytes(13), version=0),
        box(b"pitm", struct.pack(">H", 1), version=0),
        box(b"iloc", struct.pack(">HH", 0x4400, len(parts)), *places, version=1),
        box(b"iinf", struct.pack(">H", len(parts)), *infos, version=0),
        box(b"iref", *(box(kind, struct.pack(f">HH{len(to)}H", one, len(to), *to)) for kind, one, to in links), version=0),
        box(b"iprp", box(b"ipco", *properties), box(b"ipma", struct.pack(">I", len(said)), *said, version=0)),
        box(b"idat", *(part.data for part in parts)),
        version=0,
    )  # fmt: skip
    return box(b"ftyp", b"heic", bytes(4), b"mif1heic") + meta


def packed(picture: Image.Image) -> tuple[bytes, bytes]:
    """A picture as one HEVC stream: its parameters (a property), and its data."""
    content = heic(picture)
    start = content.index(b"hvcC") - 4
    data = content.index(b"mdat") + 4
    return content[start : start + struct.unpack_from(">I", content, start)[0]], content[data:]


def ispe(width: int, height: int) -> bytes:
    return box(b"ispe", struct.pack(">II", width, height), version=0)


def grid(rows: int, columns: int, width: int, height: int) -> bytes:
    return struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, width, height)


TILE = Image.fromarray(drawings.lesion(64, 64))


def heic_hidden(side: int = 2000) -> bytes:
    """A HEIC that says it is small, with a large picture packed in it."""
    parameters, data = packed(Image.new("RGB", (side, side), "pink"))
    return heic_of([Part(b"hvc1", data, (1, 2))], [parameters, ispe(100, 100)], [])


def heic_grid(side: int = 40_000) -> bytes:
    """A grid of one tile that says it is drawn on 1.6 gigapixels."""
    parameters, data = packed(TILE)
    parts = [Part(b"grid", grid(1, 1, side, side), (3,)), Part(b"hvc1", data, (1, 2), is_hidden=True)]
    return heic_of(parts, [parameters, ispe(64, 64), ispe(100, 100)], [(b"dimg", 1, [2])])


def heic_tiles(count: int = 256) -> bytes:
    """A small grid that is made of one tile, over and over again."""
    parameters, data = packed(Image.new("RGB", (256, 256), "pink"))
    parts = [Part(b"grid", grid(16, count // 16, 64, 64), (3,)), Part(b"hvc1", data, (1, 2), is_hidden=True)]
    return heic_of(parts, [parameters, ispe(256, 256), ispe(64, 64)], [(b"dimg", 1, [2] * count)])


def heic_pictures(count: int = 5000) -> bytes:
    """One stream that holds its picture many times."""
    parameters, data = packed(Image.new("RGB", (1000, 1000), "pink"))
    return heic_of([Part(b"hvc1", data * count, (1, 2))], [parameters, ispe(1000, 1000)], [])


def heic_slices(count: int = 5000) -> bytes:
    """One picture of very many pieces, each of which says it is a later one."""
    parameters, data = packed(Image.new("RGB", (1000, 1000), "pink"))
    length = 4 + struct.unpack(">I", data[:4])[0]
    first = data[:length]
    later = first[:6] + bytes([first[6] & 0x7F]) + first[7:]
    return heic_of([Part(b"hvc1", first + later * count, (1, 2))], [parameters, ispe(1000, 1000)], [])


def heic_exif() -> bytes:
    """Many tags of EXIF that all point at the same megabyte."""
    parameters, data = packed(TILE)
    parts = [Part(b"hvc1", data, (1, 2)), Part(b"Exif", bytes(4) + exif_tags())]
    return heic_of(parts, [parameters, ispe(64, 64)], [(b"cdsc", 2, [1])])


HEICS: dict[str, Callable[[], bytes]] = {
    "hidden in HEIC": heic_hidden,
    "grid": heic_grid,
    "tiles": heic_tiles,
    "pictures": heic_pictures,
    "slices": heic_slices,
    "exif in HEIC": heic_exif,
}
