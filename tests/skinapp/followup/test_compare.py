"""Two photos of one lesion, whose differences are known because they were drawn: registration and measurements find them again."""

import numpy as np
import pytest

from skinapp.followup import align, compare
from skinapp.imaging import outline
from tests.support import drawings

SKIN = drawings.skin()
EARLIER = drawings.shot(drawings.spotted(SKIN), seed=1)
VIEWS = [
    {"degrees": 0.0, "scale": 1.0},
    {"degrees": 25.0, "scale": 0.85, "light": (0.85, 0.9, 1.0), "aside": (12, -9)},
    {"degrees": -60.0, "scale": 1.15, "light": (1.05, 1.0, 0.9)},
    {"degrees": 170.0, "scale": 0.9, "light": (0.8, 0.8, 0.8)},
]


def later(area: float, view: int, skin: int = 0) -> np.ndarray:
    scene = SKIN if skin == 0 else drawings.skin(seed=skin)
    return drawings.shot(drawings.spotted(scene, area), **VIEWS[view], seed=2)  # type: ignore[arg-type]


def changes(found: compare.Comparison) -> dict[str, compare.Change]:
    return {change.figure: change for change in found.changes}


@pytest.mark.parametrize("view", range(len(VIEWS)))
@pytest.mark.parametrize("area", [1.0, 1.2])
def test_turn_scale_and_growth_are_found_again(view: int, area: float) -> None:
    found = compare.compare(EARLIER, later(area, view))
    assert found.alignment is not None and found.alignment.by_skin
    assert found.alignment.scale == pytest.approx(1 / VIEWS[view]["scale"], rel=0.005)  # type: ignore[operator]
    turned = found.alignment.degrees - VIEWS[view]["degrees"]  # type: ignore[operator]
    assert abs((turned + 180) % 360 - 180) < 0.3
    measured = changes(found)
    assert set(measured) == {"area", "diameter", "asymmetry", "irregularity", "colours", "contrast"}
    assert measured["area"].low <= area <= measured["area"].high
    assert measured["diameter"].low <= np.sqrt(area) <= measured["diameter"].high
    assert measured["area"].high - measured["area"].low < 0.2, "an interval that says something"
    for name, same in (("asymmetry", 0), ("irregularity", 1), ("colours", 1), ("contrast", 1)):
        assert measured[name].low <= same <= measured[name].high, name


def test_the_later_photo_lies_on_the_earlier_one_under_the_same_light() -> None:
    found = compare.compare(EARLIER, later(1.0, 1))
    middle = np.s_[90:390, 160:480]
    apart = np.abs(found.earlier[middle].astype(float) - found.later[middle]).mean()
    assert found.earlier.shape == found.later.shape and apart < 5
    for side in (np.min, np.max):
        for axis in (np.real, np.imag):
            assert abs(side(axis(found.outlines[0])) - side(axis(found.outlines[1]))) < 5


def test_a_lesion_of_another_colour_is_told_by_its_colour_alone() -> None:
    scene = drawings.spotted(SKIN)
    pale = SKIN + (scene - SKIN) * np.float32(0.7)
    measured = changes(compare.compare(EARLIER, drawings.shot(pale, 12, 1.05, seed=2)))
    assert measured["contrast"].high < 0.9
    assert measured["area"].low <= 1 <= measured["area"].high


def test_another_skin_gives_no_scale_and_so_no_sizes() -> None:
    found = compare.compare(EARLIER, later(1.2, 1, skin=9))
    assert found.alignment is None or not found.alignment.by_skin
    assert set(changes(found)) == {"asymmetry", "irregularity", "colours", "contrast"}


def test_photos_of_two_lesions_are_not_aligned() -> None:
    other = drawings.shot(drawings.spotted(drawings.skin(seed=3), seed=8), 40, seed=4)
    found = compare.compare(EARLIER, np.ascontiguousarray(other[:, ::-1]))
    assert found.alignment is None
    assert found.later.shape == other.shape, "as it is"


def test_where_no_lesion_stands_out_nothing_is_measured() -> None:
    bare = drawings.plain((222, 178, 152), 640, 480)
    for pair in ((EARLIER, bare), (bare, EARLIER), (bare, bare)):
        found = compare.compare(*pair)
        assert found.changes == () and found.alignment is None
        assert [len(edge) > 0 for edge in found.outlines] == [photo is EARLIER for photo in pair]


def test_the_same_photos_give_the_same_figures() -> None:
    assert compare.compare(EARLIER, later(1.2, 2)).changes == compare.compare(EARLIER, later(1.2, 2)).changes


def test_large_and_small_photos_are_compared() -> None:
    large = np.asarray(EARLIER).repeat(4, axis=0).repeat(4, axis=1)
    small = np.ascontiguousarray(later(1.2, 0)[::2, ::2])
    measured = changes(compare.compare(large, small))
    assert measured["area"].low <= 1.2 <= measured["area"].high


def test_the_outline_covers_the_lesion_and_hairs_dont_matter() -> None:
    mask = outline.outline(drawings.lesion(640, 480))
    assert mask is not None
    y, x = np.mgrid[:480, :640]
    away = np.hypot(x - 320, y - 240) / (480 * 0.22)
    assert mask[away < 0.8].all() and not mask[away > 1.35].any()


def test_a_fit_finds_the_turn_that_was_made() -> None:
    places = np.array([1 + 2j, 5 - 1j, -3 + 0.5j, 2 + 7j])
    turn, shift = align._fit(places, places * (0.8 + 0.3j) + (4 - 2j))
    assert turn == pytest.approx(0.8 + 0.3j) and shift == pytest.approx(4 - 2j)
