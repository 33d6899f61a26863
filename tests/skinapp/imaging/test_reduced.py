"""Photos that are read with no more pixels than are needed: the same picture, in a fraction of the time and memory."""

import numpy as np
import pytest
from PIL import Image

from skinapp.assessment.assessor import Assessor
from skinapp.errors import PhotoError
from skinapp.imaging import budget, decode
from skinapp.imaging.decode import Need
from tests import TINY_MODEL
from tests.support import drawings
from tests.support.hostile_inputs import saved

TINY = Assessor.load(str(TINY_MODEL), "cpu")
LARGE = drawings.lesion(1003, 751)
NEED = Need(150, 240)
"""What is left of it at a quarter."""


def mean_difference(one: decode.Photo, other: decode.Photo) -> float:
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize(
    ("size", "need", "reduction"),
    [
        ((4000, 3000), Need(448, 960), 4),
        ((4032, 3024), Need(448, 960), 4),
        ((3024, 4032), Need(448, 960), 4),
        ((3839, 3000), Need(448, 960), 2),
        ((8000, 6000), Need(448, 960), 8),
        ((1919, 1439), Need(448, 960), 1),
        ((600, 450), Need(448, 960), 1),
        ((4000, 895), Need(448, 960), 1),
        ((50_000, 1_000), decode.ALL, 1),
    ],
)
def test_a_photo_is_reduced_as_far_as_leaves_what_is_needed(size: tuple[int, int], need: Need, reduction: int) -> None:
    assert need.reduction(*size) == reduction
    assert reduction == 1 or (min(size) // reduction >= need.shorter and max(size) // reduction >= need.longer)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_every_format_gives_the_means_of_its_pixels(form: str) -> None:
    options: dict[str, object] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(form, {})
    content = drawings.encoded(LARGE, form, **options)
    full = decode.read(content)
    reduced = decode.read_reduced(content, NEED)
    assert (reduced.width, reduced.height) == (1003, 751) and reduced.photo.shape == (188, 251, 3)
    expected = np.asarray(Image.fromarray(full).reduce(4))
    if form == "JPEG":
        assert mean_difference(reduced.photo, expected) < 1
    else:
        np.testing.assert_array_equal(reduced.photo, expected)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_reduced_photo_is_turned_as_the_whole_one_is(form: str, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    content = drawings.encoded(LARGE, form, exif=exif)
    whole, reduced = decode.read(content), decode.read_reduced(content, NEED)
    assert (reduced.height, reduced.width) == whole.shape[:2]
    assert reduced.photo.shape == (*(-(-side // 4) for side in whole.shape[:2]), 3)
    # Means at the ragged edge may be of other pixels.
    inner = np.s_[2:-2, 2:-2]
    small = np.asarray(Image.fromarray(whole).resize(reduced.photo.shape[1::-1], Image.Resampling.BOX))
    assert mean_difference(reduced.photo[inner], small[inner]) < 2


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpegs_of_other_colours_are_reduced_too(mode: str) -> None:
    content = saved(Image.fromarray(LARGE).convert(mode), "JPEG", quality=95)
    whole, reduced = decode.read(content), decode.read_reduced(content, NEED)
    assert mean_difference(reduced.photo, np.asarray(Image.fromarray(whole).reduce(4))) < 1


@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_off_photo_is_refused_however_little_of_it_is_needed(progressive: bool) -> None:
    content = drawings.encoded(LARGE, "JPEG", progressive=progressive)
    with pytest.raises(PhotoError, match=r"^The picture is damaged or cut off"):
        decode.read_reduced(content[: len(content) // 2], NEED)


def test_only_the_reduced_pixels_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[int]()
    lane = budget.lane
    monkeypatch.setattr(budget, "lane", lambda size: asked.append(size) or lane(size))  # type: ignore[func-returns-value]
    content = drawings.encoded(drawings.plain(120, 5000, 4000), "JPEG")
    decode.read(content)
    decode.read_reduced(content, TINY.need)
    whole, reduced = asked
    assert whole == 7 * 20_000_000 > budget.SMALL_BYTES and reduced == 7 * 20_000_000 // 16


def test_a_large_photo_gets_the_answer_of_all_its_pixels_in_its_own_pixels() -> None:
    content = drawings.encoded(drawings.lesion(4000, 3000), "JPEG")
    photo, reduced = TINY.read_and_assess(content)
    full = TINY.assess([decode.read(content)])[0]
    assert photo.shape == (750, 1000, 3) and full.evidence.view_box.right == 4 * reduced.evidence.view_box.right
    np.testing.assert_allclose(reduced.chances, full.chances, atol=0.005)
    one, other = reduced.to_dict(), full.to_dict()
    assert one["quality"]["short_side"] == other["quality"]["short_side"] == 3000
    assert (one["priority"], one["quality"]["issues"]) == (other["priority"], other["quality"]["issues"])
    assert (
        mean_difference(
            reduced.overlay(photo), np.asarray(Image.fromarray(full.overlay(decode.read(content))).resize((1000, 750)))
        )
        < 2
    )


def test_the_box_is_told_in_the_files_pixels(embedded: Assessor) -> None:
    spot = drawings.lesion(1000, 750)
    content = drawings.encoded(np.asarray(Image.fromarray(spot).resize((4000, 3000), Image.Resampling.BICUBIC)), "JPEG")
    reduced = embedded.read_and_assess(content)[1].to_dict()["quality"]["box"]
    full = embedded.assess([decode.read(content)])[0].to_dict()["quality"]["box"]
    assert full is not None and np.abs(np.subtract(reduced, full)).max() <= 3000 / 56 + 4


def test_the_part_around_a_lesion_is_cut_out_of_every_pixel(embedded: Assessor) -> None:
    content = drawings.encoded(drawings.lesion(2600, 2000, centre=(0.3, 0.4)), "JPEG")
    part, assessment = embedded.read_and_assess(content, centred=True)
    assert assessment.to_dict()["quality"]["short_side"] == min(part.shape[:2]) > 448


JPEGS: dict[str, dict[str, object]] = {
    "colours halved": {"quality": 88},
    "colours whole": {"quality": 100, "subsampling": 0},
    "colours halved across": {"quality": 60, "subsampling": 1},
    "restarts": {"quality": 75, "restart_marker_blocks": 4},
    "optimized": {"quality": 30, "optimize": True},
    "kept as RGB": {"quality": 90, "keep_rgb": True, "subsampling": 0},
    "progressive": {"quality": 80, "progressive": True},
}


def through_pillow(content: bytes, need: Need, monkeypatch: pytest.MonkeyPatch) -> decode.Photo | str:
    with monkeypatch.context() as patched:
        patched.setattr(decode, "_one_scan", lambda *_: None)
        return read_or_reason(content, need)


def read_or_reason(content: bytes, need: Need) -> decode.Photo | str:
    try:
        return decode.read_reduced(content, need).photo
    except PhotoError as error:
        return str(error)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS.keys())
def test_opencv_gives_a_jpegs_very_pixels_as_pillow_does(
    options: dict[str, object], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {key: value for key, value in options.items() if mode == "RGB" or key not in ("keep_rgb", "subsampling")}
    for size, turn in (((1003, 751), 1), ((640, 480), 6), ((333, 217), 3)):
        exif = Image.Exif()
        exif[0x0112] = turn
        content = saved(Image.fromarray(drawings.lesion(*size, seed=turn)).convert(mode), "JPEG", exif=exif, **options)
        for need in (decode.ALL, NEED, Need(20, 30), Need(80, 80)):
            photo = decode.read_reduced(content, need).photo
            np.testing.assert_array_equal(photo, through_pillow(content, need, monkeypatch))
            assert photo.flags.c_contiguous and photo.dtype == np.uint8


def test_opencv_decodes_the_jpegs_of_cameras_and_leaves_others_to_pillow() -> None:
    photo = Image.fromarray(LARGE)
    is_one_scan = {
        name: decode.structure.examine(saved(photo, "JPEG", **options)).is_one_scan  # type: ignore[union-attr]
        for name, options in JPEGS.items()
    }
    assert is_one_scan == {name: name != "progressive" for name in JPEGS}
    behind = saved(photo, "JPEG") + saved(photo, "JPEG")  # as phones put a preview behind their photo
    in_four = saved(photo.convert("CMYK"), "JPEG")
    for content, expected in ((behind, True), (in_four, False), (saved(photo, "JPEG")[:-2], False)):
        found = decode.structure.examine(content)
        assert found is not None and found.is_one_scan is expected


def test_a_damaged_jpeg_is_refused_or_read_as_pillow_does(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, content = np.random.default_rng(0), saved(Image.fromarray(drawings.lesion(160, 120)), "JPEG", restart_marker_blocks=5)
    for number in range(300):
        damaged = bytearray(content)
        if number % 3:
            for place in rng.integers(2, len(content), 1 + number % 5):
                damaged[place] = rng.integers(256)
        else:
            del damaged[int(rng.integers(2, len(content))) :]
        need = (decode.ALL, Need(40, 50))[number % 2]
        np.testing.assert_array_equal(read_or_reason(bytes(damaged), need), through_pillow(bytes(damaged), need, monkeypatch))
