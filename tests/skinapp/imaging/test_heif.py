"""HEIC, which iPhones make: read as its owner sees it, and refused where it was built to cost more than it is worth."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skinapp.errors import PhotoError
from skinapp.imaging import budget, decode, structure
from tests.skinapp.imaging.test_structure import PEAK_MB, told
from tests.support import bombs, drawings

SPOT = drawings.lesion(320, 240)
SHOWN = Image.fromarray(SPOT)


def close(photo: decode.Photo, expected: decode.Photo) -> bool:
    return photo.shape == expected.shape and float(np.abs(photo.astype(int) - expected).mean()) < 2


@pytest.mark.parametrize("tile", [0, 128])
@pytest.mark.parametrize("size", [(320, 240), (131, 97), (64, 48)])
def test_a_heic_is_read_in_one_piece_and_in_tiles(size: tuple[int, int], tile: int) -> None:
    picture = SHOWN.resize(size)
    content = bombs.heic(picture, tile_size=tile)
    assert close(decode.read(content), np.asarray(picture)) and decode.size(content) == size


def test_a_large_one_is_reduced_to_what_is_needed() -> None:
    read = decode.read_reduced(bombs.heic(SHOWN), decode.Need(60, 80))
    assert (read.width, read.height, read.photo.shape) == (320, 240, (60, 80, 3))
    assert close(read.photo, np.asarray(SHOWN.reduce(4)))


TURNED = {1: lambda photo: photo, 3: lambda photo: photo[::-1, ::-1], 6: lambda photo: np.rot90(photo, -1), 8: np.rot90}
"""How a photo is seen that was stored like this, by EXIF's orientation."""


@pytest.mark.parametrize("turn", TURNED)
def test_how_the_camera_was_held_is_obeyed_once(turn: int) -> None:
    """Phones say it twice: as a property of the picture and in EXIF."""
    exif = Image.Exif()
    exif[0x0112] = turn
    content = bombs.heic(SHOWN, exif=exif.tobytes())
    assert (b"irot" in content) == (turn != 1)
    assert close(decode.read(content), TURNED[turn](SPOT))


def test_thumbnails_depth_and_metadata_change_no_pixel() -> None:
    parameters, data = bombs.packed(SHOWN)
    small, smaller = bombs.packed(SHOWN.resize((64, 48)))
    alone = bombs.Part(b"hvc1", data, (1, 2))
    beside = [bombs.Part(b"hvc1", smaller, (3, 4)), bombs.Part(b"hvc1", smaller, (3, 4), is_hidden=True)]
    text = [bombs.Part(b"Exif", bytes(40)), bombs.Part(b"mime", b"<x/>" * 100)]
    properties = [parameters, bombs.ispe(320, 240), small, bombs.ispe(64, 48)]
    links = [(b"thmb", 2, [1]), (b"auxl", 3, [1]), (b"cdsc", 4, [1]), (b"cdsc", 5, [1])]
    phone = bombs.heic_of([alone, *beside, *text], properties, links)
    np.testing.assert_array_equal(decode.read(phone), decode.read(bombs.heic_of([alone], properties[:2], [])))


def test_more_than_one_picture_is_refused_with_their_number() -> None:
    parameters, data = bombs.packed(bombs.TILE)
    parts = [bombs.Part(b"hvc1", data, (1, 2))] * 3
    with pytest.raises(PhotoError, match=r"^The file holds 3 pictures \(HEIF\); send one still photo\.$"):
        decode.read(bombs.heic_of(parts, [parameters, bombs.ispe(64, 64)], []))


def test_a_heic_that_begins_as_an_avif_may_is_told_apart() -> None:
    content = bombs.heic(SHOWN)
    found = structure.examine(content[:8] + b"mif1" + content[12:])
    assert found is not None and found.format == "HEIF"
    avif = structure.examine(drawings.encoded(SPOT, "AVIF"))
    assert avif is not None and avif.format == "AVIF"


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_cut_off_one_is_refused(share: float) -> None:
    content = bombs.heic(SHOWN, tile_size=128)
    with pytest.raises(PhotoError, match=r"^The picture is damaged or cut off"):
        decode.read(content[: int(len(content) * share)])


def test_one_that_holds_another_format_is_refused() -> None:
    content = bombs.heic_of([bombs.Part(b"jpeg", drawings.encoded(SPOT, "JPEG"), (1,))], [bombs.ispe(320, 240)], [])
    with pytest.raises(PhotoError, match="packed as b'jpeg', not in HEVC"):
        decode.read(content)


def test_what_it_takes_is_counted_by_what_is_packed_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[int]()
    lane = budget.lane
    monkeypatch.setattr(budget, "lane", lambda size: asked.append(size) or lane(size))  # type: ignore[func-returns-value]
    decode.read(bombs.heic(SHOWN, tile_size=128))
    assert asked == [3 * 2 * 128 * 128 * decode.HEIF_BYTES_PER_PIXEL]


EDIT = "open it in a picture editor and save it anew."
REFUSED = {
    "hidden in HEIC": f"The picture's file has 400 times its pixels hidden in it, more than 4; {EDIT}",
    "grid": f"The picture's file has 160000 times its pixels hidden in it, more than 4; {EDIT}",
    "tiles": f"The picture's file has 4096 times its pixels hidden in it, more than 4; {EDIT}",
    "pictures": "The picture is damaged or cut off (its HEVC stream holds 5000 pictures); take or export it again.",
    "slices": f"The picture's file has 5001 strips, tiles or slices, more than 1500; {EDIT}",
}
"""The others show a picture, and are answered."""


@pytest.mark.parametrize(("name", "build"), bombs.HEICS.items(), ids=list(bombs.HEICS))
def test_a_bomb_is_refused_in_a_sentence_or_answered_in_bounded_memory(
    name: str, build: Callable[[], bytes], tmp_path: Path
) -> None:
    (path := tmp_path / "bomb").write_bytes(build())
    said, peak = told(path)
    assert said.get("error") == REFUSED.get(name) and ("priority" in said) == (name not in REFUSED)
    assert peak < PEAK_MB
