"""Files that were built to cost a decoder gigabytes or minutes, each through the command line in a process of its own; and the
honest ones that are nearest to each limit."""

import io
import json
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skinapp.errors import PhotoError
from skinapp.i18n.messages import section
from skinapp.imaging import decode, limits, structure
from tests import TINY_MODEL
from tests.support import bombs, drawings
from tests.support.app_server import ROOT
from tests.support.hostile_inputs import png_chunk, saved

PEAK_MB = 900
PATIENCE_S = 120
"""Until a file counts as one that hangs; each takes 4 s at most on an idle machine."""


MEASURED = """
import resource, sys
from skinapp import __main__ as cli
cli.main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def told(path: Path) -> tuple[dict[str, object], float]:
    """What the command line says of a file, and the megabytes that its process took at most; a hang ends by itself."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE_S, PATIENCE_S))

    command = [sys.executable, "-c", MEASURED, str(path), "--json", "--model", str(TINY_MODEL)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10 * PATIENCE_S, preexec_fn=limited)
    assert ran.returncode == 0, ran.stderr
    said, peak_kb = ran.stdout.splitlines()
    return json.loads(said), int(peak_kb) / 1024


REFUSED = {
    "frames": "The file holds 1000+ pictures (TIFF); send one still photo.",
    "scans": "The picture's file has 101 scans, more than 100; open it in a picture editor and save it anew.",
    "tile": "The picture's file has 40000 pixels along a tile, more than 4096; open it in a picture editor and save it anew.",
    "room": "The picture is 65535x65535, more than 50 megapixels; send a smaller one.",
    "segments": "The picture's file has 4001 segments, more than 4000; open it in a picture editor and save it anew.",
    "runs": "The picture is damaged or cut off (broken BMP file); take or export it again.",
    "hidden": "The picture's file has 6400 times its pixels hidden in it, more than 4; open it in a picture editor and save it anew.",
    "overlap": "The picture's parts lie on top of each other in its file; open it in a picture editor and save it anew.",
}
"""The others show a picture, and are answered."""


@pytest.mark.parametrize("name", {**bombs.SIX, **bombs.MORE})
def test_a_bomb_is_refused_in_a_sentence_or_answered_in_bounded_memory(name: str, tmp_path: Path) -> None:
    (path := tmp_path / "bomb").write_bytes({**bombs.SIX, **bombs.MORE}[name]())
    said, peak = told(path)
    assert said.get("error") == REFUSED.get(name) and ("priority" in said) == (name not in REFUSED)
    assert peak < PEAK_MB


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"quality": 70}),
        ("JPEG", {"quality": 70, "progressive": True, "subsampling": 0}),
        ("PNG", {"mode": "RGBA", "compress_level": 1}),
        ("WEBP", {"quality": 50, "method": 0}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("GIF", {"mode": "P"}),
    ],
)
def test_50_megapixels_are_answered_in_bounded_memory(form: str, options: dict[str, object], tmp_path: Path) -> None:
    (path := tmp_path / "large").write_bytes(bombs.large(form, **options))
    said, peak = told(path)
    assert "priority" in said and peak < PEAK_MB


# Honest neighbours

PHOTO = drawings.lesion(131, 97)
SHOWN = Image.fromarray(PHOTO)


def read(content: bytes) -> decode.Photo:
    return decode.read(content)


def refusal(content: bytes) -> str:
    with pytest.raises(PhotoError) as caught:
        decode.read(content)
    assert caught.value.message.to("zh") != caught.value.message.to("en") and "{" not in caught.value.message.to("zh")
    return str(caught.value)


def test_a_progressive_jpeg_of_any_programs_number_of_scans_is_read() -> None:
    content = saved(SHOWN, "JPEG", progressive=True, quality=90)
    plain = read(content)
    last = content.rindex(b"\xff\xda")
    scan = content[last:-2]
    count = content.count(b"\xff\xda")
    assert read(content[:-2] + scan * (limits.MAX_SCANS - count) + b"\xff\xd9").shape == plain.shape
    assert "101 scans, more than 100" in refusal(content[:-2] + scan * (limits.MAX_SCANS - count + 1) + b"\xff\xd9")


def test_the_scans_of_a_second_picture_behind_the_first_dont_count() -> None:
    """A phone's MPO, with a preview that was saved in many passes."""
    first, second = (saved(SHOWN, "JPEG", progressive=True, quality=quality) for quality in (90, 20))
    np.testing.assert_array_equal(read(first + second * 30), read(first))


def test_large_pictures_may_have_fewer_scans() -> None:
    frame = struct.pack(">BHHB", 8, 7000, 7000, 1) + b"\1\x11\0"
    head = b"\xff\xd8\xff\xc2" + struct.pack(">H", 2 + len(frame)) + frame
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\1\0\0\0\0" + b"\0"
    assert structure.examine(head + 30 * scan + b"\xff\xd9") is not None
    assert "31 scans, more than 30" in refusal(head + 31 * scan + b"\xff\xd9")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_metadata_of_every_kind_changes_no_pixel(form: str) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x8298], exif[0x9003] = "maker", "x" * 30_000, "2024:01:01 00:00:00"
    exif.get_ifd(0x8769)[0x927C] = b"note" * 5000
    rest = {"exif": exif, "icc_profile": b"p" * 100_000} | ({"xmp": b"<x:xmpmeta/>" * 2000} if form != "PNG" else {})
    lossless = {"WEBP": {"lossless": True}}.get(form, {})
    np.testing.assert_array_equal(read(saved(SHOWN, form, **rest, **lossless)), read(saved(SHOWN, form, **lossless)))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_xmp_turns_a_photo_where_exif_says_nothing(form: str, turn: int) -> None:
    xmp = f'<rdf:Description tiff:Orientation="{turn}"/>'.encode()
    exif = Image.Exif()
    exif[0x0112] = turn
    options: dict[str, object] = {"WEBP": {"lossless": True}}.get(form, {})
    if form == "PNG":
        plain = saved(SHOWN, form)
        by_xmp = plain[:33] + png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)) + plain[33:]
    elif form == "TIFF":
        by_xmp = saved(SHOWN, form, tiffinfo={700: xmp})
    else:
        by_xmp = saved(SHOWN, form, xmp=xmp, **options)
    np.testing.assert_array_equal(read(by_xmp), read(saved(SHOWN, form, exif=exif, **options)))


def test_imagemagicks_exif_in_a_png_turns_it() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes()
    text = f"\nexif\n{len(block):8}\n" + block.hex() + "\n"
    plain = saved(SHOWN, "PNG")
    chunk = png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text.encode()))
    np.testing.assert_array_equal(read(plain[:33] + chunk + plain[33:]), np.rot90(PHOTO, -1))


def test_a_thumbnail_in_exif_is_no_second_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    small = saved(SHOWN.resize((32, 24)), "JPEG")
    block = exif.tobytes()
    head = block[:6] + block[6:-4] + struct.pack(">I" if block[6:8] == b"MM" else "<I", len(block) - 6)
    thumbnail = struct.pack(
        ">HHHIIHHII" if block[6:8] == b"MM" else "<HHHIIHHII", 2, 513, 4, 1, len(block) + 30, 514, 4, 1, len(small)
    )
    content = saved(SHOWN, "JPEG", exif=head + thumbnail + bytes(4) + small, quality=95)
    assert small in content
    np.testing.assert_array_equal(read(content), read(saved(SHOWN, "JPEG", quality=95))[::-1, ::-1])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "tiff_lzw"},
        {"compression": "tiff_adobe_deflate", "tiffinfo": {278: 1}},
        {"compression": "packbits", "tiffinfo": {278: 7}},
        {"compression": "tiff_adobe_deflate", "big_tiff": True},
        {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 2}},
    ],
    ids=str,
)
def test_a_scanners_tiff_is_read_to_the_pixel(options: dict[str, object]) -> None:
    np.testing.assert_array_equal(read(saved(SHOWN, "TIFF", **options)), PHOTO)
    swapped = read(
        saved(SHOWN.convert("CMYK"), "TIFF", **options) if "tiffinfo" not in options else saved(SHOWN, "TIFF", **options)
    )
    assert swapped.shape == PHOTO.shape


def test_imagejs_tiff_of_either_byte_order_is_read() -> None:
    """Big-endian 16 bit grey, with its text and a private tag of some kilobytes."""
    values = (np.arange(64 * 80).reshape(64, 80) * 12).astype(">u2")
    text = b"ImageJ=1.53t\nunit=micron\nmin=0.0\nmax=65535.0\n\0"
    tags = [(254, 4, 1, 0), (256, 3, 1, 80 << 16), (257, 3, 1, 64 << 16), (258, 3, 1, 16 << 16), (262, 3, 1, 1 << 16)]
    place = 8 + 2 + 12 * 11 + 4
    tags += [(270, 2, len(text), place), (273, 4, 1, place + len(text) + 4000), (277, 3, 1, 1 << 16), (278, 3, 1, 64 << 16),
             (279, 4, 1, values.nbytes), (50839, 1, 4000, place + len(text))]  # fmt: skip
    table = b"".join(struct.pack(">HHII", *tag) for tag in sorted(tags))
    content = b"MM\0*" + struct.pack(">IH", 8, len(tags)) + table + bytes(4) + text + bytes(4000) + values.tobytes()
    np.testing.assert_array_equal(read(content)[..., 0], np.round(values / 257).astype(np.uint8))


def test_a_tiled_tiff_may_have_tiles_larger_than_itself() -> None:
    side = 256
    tile = np.zeros((side, side), np.uint8)
    tile[:64, :64] = np.arange(64 * 64).reshape(64, 64) % 251
    packed = zlib.compress(tile.tobytes())
    tags = [tag for tag in bombs.picture(64, compression=8) if tag[0] not in (273, 278, 279)]
    tags += [(322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 400), (325, 4, 1, len(packed))]
    content = bombs.tiff(tags, bytes(400 - len(bombs.tiff(tags))) + packed)
    np.testing.assert_array_equal(read(content)[..., 1], tile[:64, :64])


def test_the_first_of_a_tiffs_directories_may_have_many_tags() -> None:
    tags = [*bombs.picture(place=60_000), *((40_000 + number, 4, 1, 7) for number in range(limits.MAX_TAGS - 9))]
    content = bombs.tiff(tags, bytes(64_100 - 8))
    assert read(content).shape == (64, 64, 3)
    assert f"{limits.MAX_TAGS + 1} tags" in refusal(bombs.tiff([*tags, (65_000, 4, 1, 7)], bytes(64_100)))


@pytest.mark.parametrize("count", [2, 5, 999])
def test_a_tiffs_pictures_are_counted_to_be_told(count: int) -> None:
    assert refusal(bombs.tiff_frames(count)) == f"The file holds {count} pictures (TIFF); send one still photo."


def test_a_gif_and_an_apng_of_one_frame_are_read() -> None:
    still = SHOWN.quantize(64)
    np.testing.assert_array_equal(read(saved(still, "GIF", save_all=True, comment=b"a" * 5000)), np.asarray(still.convert("RGB")))
    plain = saved(SHOWN, "PNG")
    control = png_chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 131, 97, 0, 0, 1, 1, 0, 0))
    np.testing.assert_array_equal(read(plain[:33] + control + frame + plain[33:]), PHOTO)


def test_a_webp_animation_of_one_frame_is_read() -> None:
    still = saved(SHOWN, "WEBP", lossless=True)
    frame = bytes(6) + struct.pack("<I", 130)[:3] + struct.pack("<I", 96)[:3] + bytes(3) + b"\2" + still[12:]
    chunks = [(b"VP8X", b"\2\0\0\0" + frame[6:12]), (b"ANIM", bytes(6)), (b"ANMF", frame)]
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(data)) + data + bytes(len(data) & 1) for kind, data in chunks)
    np.testing.assert_array_equal(read(b"RIFF" + struct.pack("<I", len(body)) + body), PHOTO)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
@pytest.mark.parametrize("options", [{"quality": 60}, {"lossless": True}, {"lossless": True, "exact": True}], ids=str)
def test_a_webp_has_the_pixels_that_pillow_gives_it(mode: str, options: dict[str, object]) -> None:
    """It is decoded by OpenCV, which takes a third of the memory."""
    picture = SHOWN.convert("RGBA")
    picture.putalpha(Image.fromarray(np.random.default_rng(5).integers(0, 256, PHOTO.shape[:2], np.uint8)))
    content = saved(picture.convert(mode), "WEBP", **options)
    with Image.open(io.BytesIO(content)) as opened:
        shown = opened.convert("RGBA")
    expected = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown).convert("RGB")
    np.testing.assert_array_equal(read(content), expected)


@pytest.mark.parametrize("depth", [4, 8])
def test_a_bmp_packed_in_runs_is_read(depth: int) -> None:
    values = np.repeat(np.arange(48)[:, None] % 16, 64, axis=1).astype(np.uint8)
    value = (lambda row: row * 17) if depth == 4 else (lambda row: row)
    rows = b"".join(bytes([64, value(int(row[0])), 0, 0]) for row in values[::-1])
    palette = (
        b"".join(bytes([40 * n % 256, 9 * n, 15 * n, 0]) for n in range(2**depth % 257))
        if depth == 4
        else b"".join(bytes([40 * n % 256, 9 * n % 256, 15 * n % 256, 0]) for n in range(256))
    )
    head = struct.pack("<IiiHHIIiiII", 40, 64, 48, 1, depth, {8: 1, 4: 2}[depth], len(rows) + 2, 0, 0, 2**depth, 0)
    content = b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + len(palette)) + head + palette + rows + b"\0\1"
    colours = np.frombuffer(palette, np.uint8).reshape(-1, 4)[:, 2::-1]
    np.testing.assert_array_equal(read(content), colours[values])


def test_limits_say_so_in_both_languages() -> None:
    for part in section("built", "en"):
        message = limits.exceeded(part, 5, 4).message
        assert "5" in message.to("en") and "4" in message.to("zh") and "{" not in message.to("en") + message.to("zh")
