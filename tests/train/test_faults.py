import numpy as np
import pytest

from skinapp.labels import CODES
from tests.support import drawings
from train.evaluate import faults, metrics
from train.evaluate.faults import FAULTS
from train.evaluate.metrics import Answers

MEL, NV = CODES.index("mel"), CODES.index("nv")
PHOTO = drawings.lesion(341, 256)


def changed(name: str, photo: np.ndarray = PHOTO) -> np.ndarray:
    return FAULTS[name].change(photo)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_makes_another_photo_of_a_photo_and_leaves_the_first_as_it_was(name):
    before = PHOTO.copy()
    after = changed(name)
    assert after.dtype == np.uint8 and after.ndim == 3 and not np.array_equal(after, PHOTO)
    np.testing.assert_array_equal(PHOTO, before)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_the_same_in_every_run(name):
    np.testing.assert_array_equal(changed(name), changed(name))


@pytest.mark.parametrize(
    ("name", "most"), [("gaussian_blur", 8), ("motion_blur", 8), ("jpeg", 8), ("noise", 12), ("hue", 15), ("coarse", 8)]
)
def test_a_mild_fault_keeps_the_colours_near_theirs_and_all_sizes_suffer_alike(name, most):
    small, large = drawings.lesion(341, 256), np.kron(drawings.lesion(341, 256), np.ones((2, 2, 1), np.uint8))
    lost = []
    for photo in (small, large):
        after = changed(name, photo)
        shape = after.shape[:2]
        rows, columns = (np.linspace(0, photo.shape[axis] - 1, shape[axis]).round().astype(int) for axis in (0, 1))
        lost.append(np.abs(after.astype(float) - photo[rows][:, columns]).mean())
    assert min(lost) > 0.5 and max(lost) < most and max(lost) / min(lost) < 1.6, lost


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ("quarter_turn", "coarse", "webcam", "screen")])
@pytest.mark.parametrize("size", [(341, 256), (600, 450), (120, 90), (97, 201)])
def test_all_but_the_turn_and_those_that_scale_keep_the_shape(name, size):
    assert changed(name, drawings.lesion(*size)).shape == (size[1], size[0], 3)


def test_four_quarter_turns_are_the_photo():
    turned = changed("quarter_turn")
    assert turned.shape == (341, 256, 3)
    for _ in range(3):
        turned = changed("quarter_turn", turned)
    np.testing.assert_array_equal(turned, PHOTO)


@pytest.mark.parametrize(("name", "value"), [("brighter", 140), ("darker", 60)])
def test_brightness_changes_by_two_fifths(name, value):
    assert (changed(name, drawings.plain(100)) == value).all()


def test_brightness_ends_at_white():
    assert (changed("brighter", drawings.plain(200)) == 255).all()


@pytest.mark.parametrize("name", ["gaussian_blur", "motion_blur", "jpeg", "hue", "quarter_turn", "coarse"])
def test_a_grey_wall_stays_a_grey_wall(name):
    np.testing.assert_allclose(changed(name, drawings.plain(130)), 130, atol=2)


def test_noise_has_its_strength_at_every_size_and_another_pattern_for_another_photo():
    for width, height in ((120, 90), (341, 256), (600, 450), (1200, 900)):
        grain = changed("noise", drawings.plain(128, width, height)).astype(float) - 128
        assert grain.std() == pytest.approx(faults.GRAIN, rel=0.05) and abs(grain.mean()) < 0.5
    one, other = (changed("noise", drawings.plain(value)).astype(int) - value for value in (120, 121))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] < 0.1


def test_hues_turn_by_ten_degrees():
    """From pure red, 10 of the 60 degrees to yellow: green rises to a sixth."""
    assert changed("hue", drawings.plain((255, 0, 0)))[0, 0].tolist() == pytest.approx([255, 255 / 6, 0], abs=1)


@pytest.mark.parametrize(("size", "after"), [((600, 450), (149, 112)), ((341, 256), (149, 112)), ((120, 90), (120, 90))])
def test_coarse_means_a_short_side_of_112(size, after):
    assert changed("coarse", drawings.lesion(*size)).shape[1::-1] == after


def test_the_report_counts_what_each_fault_leaves_as_it_was():
    """Four photos, two melanomas among them: blur renames one of four and lowers one of two Urgent ones; noise changes nothing."""

    def said(named: list[int], priorities: list[str]) -> Answers:
        return Answers(np.eye(7)[named], np.array([MEL, MEL, NV, NV]), np.array(priorities), 0.5)

    clean = said([MEL, MEL, NV, NV], ["urgent", "urgent", "low", "low"])
    faulty = {
        "gaussian_blur": said([MEL, NV, NV, NV], ["urgent", "low", "low", "unclear"]),
        "noise": said([MEL, MEL, NV, NV], ["urgent", "urgent", "low", "low"]),
    }
    found = faults.report(clean, faulty, metrics.resamples(list("abcd")))
    blur, noise = found["faults"]["gaussian_blur"], found["faults"]["noise"]
    assert blur["strength"] == "sigma 0.5% of the short side"
    names = ("kept", "urgent_kept", "balanced_accuracy", "urgent_called_low", "answered")
    assert [blur[name]["value"] for name in names] == [0.75, 0.5, 0.75, 0.5, 0.75]
    assert [noise[name]["value"] for name in names] == [1, 1, 1, 0, 1]
    assert found["kept"]["value"] == 0.875 and found["kept"]["low"] <= 0.875 <= found["kept"]["high"]
