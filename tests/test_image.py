import io

import numpy as np
import pytest
from PIL import Image

from skinapp.errors import PhotoError
from skinapp.imaging import decode
from tests import drawings


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def test_a_path_bytes_and_an_array_give_the_same_photo(tmp_path):
    photo = drawings.lesion()
    content = drawings.encoded(photo)
    (tmp_path / "photo.png").write_bytes(content)
    for source in (content, tmp_path / "photo.png", str(tmp_path / "photo.png"), photo):
        np.testing.assert_array_equal(decode.read(source), photo)


# What a camera does to the upright picture before it writes this orientation into EXIF.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_obeyed(orientation):
    upright = Image.fromarray(drawings.lesion(60, 40))
    turn = STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = decode.read(saved(upright.transpose(turn) if turn is not None else upright, "PNG", exif=exif))
    np.testing.assert_array_equal(read, upright)


def test_16_bit_grey_is_scaled_not_clipped():
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    read = decode.read(saved(Image.fromarray(values), "PNG"))
    np.testing.assert_array_equal(read[..., 0], np.round(values / 257).astype(np.uint8))


def test_a_16_bit_array_is_scaled_too():
    read = decode.read(np.full((32, 32, 3), 65535, np.uint16))
    assert read.dtype == np.uint8 and (read == 255).all()


def test_cmyk_becomes_rgb():
    read = decode.read(saved(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "TIFF"))
    np.testing.assert_array_equal(read[0, 0], (255, 0, 0))


def test_transparency_is_laid_on_white():
    read = decode.read(saved(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"))
    assert (read == 255).all()


def test_a_palette_with_a_transparent_colour_is_laid_on_white():
    picture = Image.new("P", (64, 64), 1)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    read = decode.read(saved(picture, "PNG", transparency=0))
    np.testing.assert_array_equal(read[0, 0], (200, 100, 50))


def test_a_phones_mpo_gives_its_first_picture():
    first, second = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
    read = decode.read(saved(first, "MPO", save_all=True, append_images=[second]))
    assert read[0, 0, 0] > 240 and read[0, 0, 2] < 20


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_more_than_one_picture_is_refused_with_their_number(form):
    frames = [Image.fromarray(drawings.plain(value, 64, 64)) for value in (0, 90, 200)]
    content = saved(frames[0], form, save_all=True, append_images=frames[1:])
    with pytest.raises(PhotoError) as caught:
        decode.read(content)
    assert str(caught.value) == f"The file holds 3 pictures ({form}); send one still photo."


def test_no_picture_is_refused_with_its_first_bytes():
    with pytest.raises(PhotoError) as caught:
        decode.read(b"%PDF-1.7 and so on")
    assert str(caught.value) == (
        "The file is not a picture that can be read here (it starts with b'%PDF-1.7'); send one JPEG, PNG or WebP photo."
    )


def test_an_empty_file_is_refused():
    with pytest.raises(PhotoError, match=r"^The file is empty \(0 bytes\); send one JPEG, PNG or WebP photo\.$"):
        decode.read(b"")


@pytest.mark.parametrize("size", [(16, 3_000_000), (60_000, 16), (64, 513)])
def test_a_strip_is_refused_before_it_is_scaled_up(size):
    with pytest.raises(PhotoError) as caught:
        decode.read(saved(Image.new("1", size), "PNG"))
    assert str(caught.value) == (
        f"The picture is {size[0]}x{size[1]}, a strip; send one no more than 8 times as long as it is wide."
    )


def test_a_photo_with_odd_exif_is_still_read():
    """Pillow can read a private tag that it can't write again."""
    photo = drawings.lesion(64, 48)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    content = bytearray(saved(Image.fromarray(photo), "JPEG", exif=exif, quality=95))
    place = content.index(b"\x01\x0f") if b"\x01\x0f" in content else content.index(b"\x0f\x01")
    for kind in range(13):
        content[place + 3] = kind
        assert decode.read(bytes(content)).shape in ((64, 48, 3), (48, 64, 3))


def test_16_bit_grey_of_either_byte_order_is_scaled():
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    for order in ("<u2", ">u2"):
        read = decode.read(values.astype(order))
        np.testing.assert_array_equal(read[..., 0], np.round(values.astype(np.uint16) / 257).astype(np.uint8))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_a_cut_off_picture_is_refused(form):
    content = drawings.encoded(drawings.lesion(), form)
    with pytest.raises(PhotoError, match=r"^The picture is damaged or cut off \(.+\); take or export it again\.$|not a picture"):
        decode.read(content[: len(content) // 2])


def test_a_missing_file_is_named():
    with pytest.raises(
        PhotoError, match=r"^/nowhere/photo\.jpg can't be opened \(No such file or directory\); check the path\.$"
    ):
        decode.read("/nowhere/photo.jpg")


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    content = saved(Image.new("1", (20000, 20000)), "PNG")
    assert len(content) < 100_000
    with pytest.raises(PhotoError, match=r"^The picture is 20000x20000, more than 50 megapixels; send a smaller one\.$"):
        decode.read(content)


def test_a_1x1_picture_is_refused():
    with pytest.raises(PhotoError, match=r"^The picture is 1x1, too small to hold a lesion; send at least 16x16\.$"):
        decode.read(drawings.encoded(drawings.plain(120, 1, 1)))


def test_a_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(10 * decode.MAX_BYTES)
    with pytest.raises(PhotoError, match=r"^The file has 300 MB, more than 30; send a smaller photo\.$"):
        decode.read(tmp_path / "huge.png")


def test_an_array_of_another_shape_is_refused():
    with pytest.raises(PhotoError, match=r"^An array of shape \(2, 64, 64, 3\) is no photo; give "):
        decode.read(np.zeros((2, 64, 64, 3), np.uint8))


def test_mutated_files_are_read_or_refused_never_anything_else():
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", 72.0
    for form in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"):
        content = saved(Image.fromarray(drawings.lesion(96, 72)), form, **({} if form in ("GIF", "BMP") else {"exif": exif}))
        for _ in range(60):
            broken = bytearray(content)
            for place in rng.integers(len(broken), size=rng.integers(1, 30)):
                broken[place] = rng.integers(256)
            try:
                read = decode.read(bytes(broken))
            except PhotoError:
                continue
            assert read.dtype == np.uint8 and read.ndim == 3 and read.shape[2] == 3
