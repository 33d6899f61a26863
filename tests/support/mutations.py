"""Files that nobody means well with, without end: each number gives one, always the same, for one of the program's readers."""

import io
import json
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from PIL import Image

from tests import TINY_MODEL
from tests.support import bombs, drawings
from tests.support.hostile_inputs import png_chunk, saved

READERS = ("photo", "photo", "photo", "photo", "photo", "photo", "zip", "config", "labels")
"""How often each has its turn: pictures are what strangers send."""
ODD = (
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    63,
    64,
    127,
    128,
    255,
    256,
    4095,
    32_767,
    32_768,
    65_535,
    65_536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
FORMS = ("<H", ">H", "<I", ">I", "B")


class Input(NamedTuple):
    """A file, and the reader that it is for."""

    reader: str
    content: bytes


def make(number: int) -> Input:
    """The file of a number."""
    chance = random.Random(f"skinapp {number}")
    reader = READERS[number % len(READERS)]
    content = chance.choice(_seeds(reader))
    if reader == "photo" and chance.random() < 0.15:
        return Input(reader, chance.choice(BUILT)(chance))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        content = chance.choice(CHANGES)(content, chance)
    return Input(reader, content)


@cache
def _seeds(reader: str) -> tuple[bytes, ...]:
    return {"photo": _photos, "zip": _zips, "config": _configs, "labels": _labels}[reader]()


def _photos() -> tuple[bytes, ...]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", 72.0
    exif.get_ifd(0x8769)[0x9003] = "2024:01:01 00:00:00"
    shown = Image.fromarray(drawings.lesion(96, 72))
    alpha = shown.convert("RGBA")
    alpha.putalpha(120)
    rest = {"exif": exif, "icc_profile": b"profile" * 40}
    packings = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    tiles = zlib.compress(bytes(256 * 256))
    tiled = [tag for tag in bombs.picture(64, compression=8) if tag[0] not in (273, 278, 279)]
    tiled += [(322, 4, 1, 256), (323, 4, 1, 256), (324, 4, 1, 400), (325, 4, 1, len(tiles))]
    return (
        *(_saved(shown, "JPEG", quality=quality, progressive=quality > 60, **rest) for quality in (30, 90)),
        _saved(shown.convert("CMYK"), "JPEG", **rest),
        _saved(shown, "MPO", save_all=True, append_images=[shown.rotate(90)]),
        *(_saved(picture, "PNG", **rest) for picture in (shown, alpha, shown.quantize(16), shown.convert("I;16"))),
        *(_saved(picture, "WEBP", lossless=lossless, **rest) for picture in (shown, alpha) for lossless in (True, False)),
        *(_saved(shown, "TIFF", compression=packing, **rest) for packing in packings),
        _saved(shown, "TIFF", compression="tiff_lzw", big_tiff=True),
        _saved(shown.convert("1"), "TIFF", compression="group4"),
        bombs.tiff(tiled, bytes(400 - len(bombs.tiff(tiled))) + tiles),
        *(_saved(picture, "AVIF", **rest) for picture in (shown, alpha)),
        *(bombs.heic(shown, tile_size=size, exif=exif.tobytes()) for size in (0, 64)),
        *(_saved(shown.quantize(32), "GIF", **options) for options in ({}, {"transparency": 1, "disposal": 2})),
        *(
            _saved(shown, form, save_all=True, append_images=[shown.rotate(90)])
            for form in ("GIF", "PNG", "WEBP", "TIFF", "AVIF")
        ),
        *(_saved(picture, "BMP") for picture in (shown, shown.quantize(16), shown.convert("1"))),
        bombs.bmp_runs(500),
    )


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    """Of a copy: Pillow's encoders leave their options in the picture."""
    return saved(picture.copy(), form, **options)


def _zips() -> tuple[bytes, ...]:
    picture = saved(Image.fromarray(drawings.lesion(32, 24)), "PNG")
    found = []
    for packing in (ZIP_STORED, ZIP_DEFLATED):
        buffer = io.BytesIO()
        with ZipFile(buffer, "w", packing) as packed:
            for name in ("train/a/1.png", "train/b/2.jpg", "test/\u732b/3.png", "readme.txt", "a" * 200 + "/4.png"):
                packed.writestr(name, picture)
        found.append(buffer.getvalue())
    return tuple(found)


def _configs() -> tuple[bytes, ...]:
    config = (TINY_MODEL / "config.json").read_bytes()
    return config, json.dumps(json.loads(config)).encode()


def _labels() -> tuple[bytes, ...]:
    return (
        b"file,dx,split,age\na.png,mel,train,50\nb/c.png,nv,test,\n",
        '\ufeffimage_id,dx\r\nISIC_1,bcc\r\n"a, b",akiec\r\n\u732b,df\r\n'.encode(),
    )


# What is done to a file


def _flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 2, 5, 20))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _odd_number(content: bytes, chance: random.Random) -> bytes:
    """A number that is often wrong written over what stands somewhere, most often near the beginning or the end."""
    form = chance.choice(FORMS)
    size = struct.calcsize(form)
    if len(content) <= size:
        return content
    changed, place = bytearray(content), _place(content, chance, size)
    struct.pack_into(form, changed, place, chance.choice(ODD) & (1 << 8 * size) - 1)
    return bytes(changed)


def _place(content: bytes, chance: random.Random, size: int = 0) -> int:
    last = len(content) - size
    near = min(last, 200)
    return max(0, chance.choice((chance.randint(0, near), last - chance.randint(0, near), chance.randint(0, last))))


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: _place(content, chance)]


def _without(content: bytes, chance: random.Random) -> bytes:
    place = _place(content, chance)
    return content[:place] + content[place + chance.choice((1, 2, 4, 12, 100)) :]


def _repeated(content: bytes, chance: random.Random) -> bytes:
    """A piece many times over, as many as a quick sender's patience allows."""
    start = _place(content, chance)
    piece = content[start : start + chance.choice((1, 2, 4, 12, 20, 64, 400))]
    return content[:start] + piece * chance.choice((2, 3, 50, 3000)) + content[start:]


def _moved(content: bytes, chance: random.Random) -> bytes:
    start, to = _place(content, chance), _place(content, chance)
    piece = content[start : start + chance.choice((2, 4, 12, 64))]
    return content[:to] + piece + content[to + len(piece) :]


def _noise(content: bytes, chance: random.Random) -> bytes:
    place = _place(content, chance)
    return content[:place] + chance.randbytes(chance.choice((1, 4, 30, 300))) + content[place:]


def _spliced(content: bytes, chance: random.Random) -> bytes:
    other = chance.choice(_seeds("photo"))
    return content[: _place(content, chance)] + other[_place(other, chance) :]


def _sums(content: bytes, chance: random.Random) -> bytes:
    """A PNG whose checksums are right again, so that what was changed is read."""
    if content[:8] != b"\x89PNG\r\n\x1a\n":
        return _flipped(content, chance)
    changed, at = bytearray(_flipped(content, chance)), 8
    while at + 12 <= len(changed):
        length = int.from_bytes(changed[at : at + 4])
        if at + 12 + length > len(changed):
            break
        struct.pack_into(">I", changed, at + 8 + length, zlib.crc32(changed[at + 4 : at + 8 + length]))
        at += 12 + length
    return bytes(changed)


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flipped, _flipped, _odd_number, _odd_number, _odd_number, _cut, _without, _repeated, _moved, _noise, _spliced, _sums,
)  # fmt: skip


# Files that are built, not changed


def _built_tiff(chance: random.Random) -> bytes:
    """A directory of tags with odd counts, kinds and places."""
    numbers = (254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339, 347, 513,
               514, 529, 530, 532, 700, 34675, 34665, 34853, 50000)  # fmt: skip
    tags = dict.fromkeys(numbers)
    base = {
        tag[0]: tag
        for tag in bombs.picture(chance.choice((16, 64, 300, 5000)), 300, chance.choice((1, 5, 6, 7, 8, 32773, 50000)))
    }
    for number in chance.sample(list(tags), chance.randint(0, 8)):
        kind, count = chance.randint(0, 18), chance.choice((0, 1, 2, 3, *ODD))
        base[number] = (number, kind, count, chance.choice((*ODD, 8, 300)))
    body = chance.choice(
        (bytes(3000), chance.randbytes(3000), zlib.compress(bytes(90_000)), saved(Image.new("L", (64, 64)), "JPEG"))
    )
    return bombs.tiff(list(base.values()), bytes(300) + body, chance.choice((0, 0, 0, 8, 9, 300)))


def _built_png(chance: random.Random) -> bytes:
    depth, colour = chance.choice((1, 2, 4, 8, 16)), chance.choice((0, 2, 3, 4, 6))
    width, height = chance.choice(((16, 16), (300, 200), (7000, 7000), (65_535, 20), (2**31 - 1, 1)))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, chance.randint(0, 1))
    pixels = zlib.compress(bytes(chance.choice((0, 100, 200_000))))
    chunks = [b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"iTXt", b"tEXt", b"eXIf", b"gAMA", b"acTL", b"fcTL", b"fdAT", b"IDAT", b"abcd"]
    between = [
        png_chunk(kind, chance.choice((b"", chance.randbytes(30), bytes(768), pixels))) for kind in chance.sample(chunks, 4)
    ]
    parts = [*between, png_chunk(b"IDAT", pixels)]
    chance.shuffle(parts)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + b"".join(parts * chance.choice((1, 1, 40))) + png_chunk(b"IEND", b"")


def _built_jpeg(chance: random.Random) -> bytes:
    """A photo with other segments, another size, and scans said again."""
    content = chance.choice(_photos_of("JPEG"))
    first = content.index(b"\xff\xda")
    kinds = (0xC0, 0xC2, 0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE)
    added = b"".join(
        b"\xff" + bytes([chance.choice(kinds)]) + struct.pack(">H", chance.choice((0, 1, 2, 10, 300))) + chance.randbytes(8)
        for _ in range(chance.choice((0, 1, 3, 50)))
    )
    scans = content[content.rindex(b"\xff\xda") : -2] * chance.choice((0, 1, 5, 80))
    changed = bytearray(content[:2] + added + content[2:first] + content[first:-2] + scans + b"\xff\xd9")
    frame = max(changed.rfind(b"\xff\xc0"), changed.rfind(b"\xff\xc2"))
    if frame >= 0 and chance.random() < 0.5:
        struct.pack_into(">HH", changed, frame + 5, chance.choice((16, 96, 7000, 65_535)), chance.choice((16, 96, 7000, 65_535)))
    return bytes(changed)


def _built_gif(chance: random.Random) -> bytes:
    width, height = chance.choice(((16, 16), (100, 80), (7000, 7000), (65_535, 65_535)))
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, chance.choice((0, 0x80, 0xF7)), 0, 0)
    parts = [b"!\xf9\x04" + chance.randbytes(4) + b"\0", b"!\xfe\x05hello\0", b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0", b"!\x01\0"]
    frame = b"," + struct.pack("<HHHHB", 0, 0, *chance.choice(((16, 16), (width, height))), chance.choice((0, 0x40, 0x87)))
    parts.append(frame + b"\x08" + b"".join(bytes([n]) + chance.randbytes(n) for n in (255, 255, 3)) + b"\0")
    chosen = chance.choices(parts, k=chance.choice((2, 5, 300)))
    return head + bytes(chance.choice((0, 6, 768))) + b"".join(chosen) + b";"


def _built_bmp(chance: random.Random) -> bytes:
    size = chance.choice((12, 40, 52, 56, 64, 108, 124))
    fields = struct.pack("<iiHHIIiiII", *chance.choice(((64, 48), (64, -48), (7000, 7000), (-5, 20))), 1, chance.choice((1, 4, 8, 16, 24, 32)),
                         chance.choice((0, 1, 2, 3, 4, 5)), 9000, 0, 0, chance.choice((0, 2, 16, 256, 70_000)), 0)  # fmt: skip
    return (
        b"BM"
        + struct.pack("<IHHII", 0, 0, 0, chance.choice((0, 54, 310, 1078)), size)
        + fields.ljust(size, b"\0")
        + chance.randbytes(9000)
    )


def _built_boxes(chance: random.Random) -> bytes:
    """An AVIF or HEIC with a box changed in its size or said again."""
    content = bytearray(chance.choice(_photos_of("AVIF")))
    kinds = (b"meta", b"iloc", b"iinf", b"infe", b"iprp", b"ipco", b"ispe", b"av1C", b"hvcC", b"ipma", b"mdat", b"pitm", b"iref")
    places = [content.find(kind) for kind in kinds if content.find(kind) > 0]
    place = chance.choice(places)
    struct.pack_into(">I", content, place + chance.choice((-4, 4, 8, 12)), chance.choice(ODD))
    return bytes(content) if chance.random() < 0.7 else _repeated(bytes(content), chance)


def _photos_of(form: str) -> list[bytes]:
    return [photo for photo in _seeds("photo") if (photo[:2] == b"\xff\xd8" if form == "JPEG" else photo[4:8] == b"ftyp")]


BUILT = (_built_tiff, _built_tiff, _built_png, _built_jpeg, _built_gif, _built_bmp, _built_boxes)


def folder_of(content: bytes, at: Path) -> Path:
    """A model folder whose config is this."""
    (at / "config.json").write_bytes(content)
    return at
