"""Small files that cost a decoder gigabytes or minutes, and beside each the honest file that is nearest to it."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
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
