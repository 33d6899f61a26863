"""Several looks at a photo, and their maps laid together again."""

import numpy as np
import pytest

from skinapp.imaging import looks, preprocess
from skinapp.imaging.preprocess import Box
from skinapp.model.spec import CROPS, TURNS, Look, Transform
from tests.support import drawings

TRANSFORM = Transform((3, 32, 32), (0.5,) * 3, (0.5,) * 3, "bicubic", 1.0, "center")


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_map_of_a_turned_picture_is_turned_back_onto_the_picture(turn):
    cells = np.arange(16, dtype=np.float32).reshape(4, 4)
    np.testing.assert_array_equal(looks.turn_back(looks.turn_view(cells, turn), turn), cells)


def test_the_eight_turns_of_a_picture_are_all_different():
    photo = drawings.lesion(90, 90, centre=(0.3, 0.4))
    assert len({looks.turn_view(photo, turn).tobytes() for turn in range(TURNS)}) == TURNS


@pytest.mark.parametrize(("width", "height"), [(90, 60), (60, 90)])
def test_looks_along_the_longer_side_see_all_of_a_photo(width, height):
    photo = drawings.lesion(width, height)
    along = [Look(crop, 0) for crop in CROPS]
    start, middle, end = looks.view_boxes(photo, TRANSFORM, along)
    assert (
        middle == preprocess.view_box(photo, TRANSFORM)
        and (start.left, start.top) == (0, 0)
        and (end.right, end.bottom) == (width, height)
    )
    assert looks.covering_box([start, end]) == Box(0, 0, width, height)
    squares = looks.views(photo, TRANSFORM, along)
    np.testing.assert_array_equal(squares[1], preprocess.view(photo, TRANSFORM))
    assert {square.shape for square in squares} == {(32, 32, 3)} and len({square.tobytes() for square in squares}) == 3


@pytest.mark.parametrize("turn", range(TURNS))
@pytest.mark.parametrize("shift", [0.0, 0.35])
def test_a_spot_stays_where_it_is_however_it_was_looked_at(turn, shift):
    """The network's map of a view has its spot `shift` cells left of and above where it lies in the view."""
    spot = np.zeros((1, 8, 8), np.float32)
    spot[0, 2, 5] = 1
    box = Box(0, 0, 80, 80)
    upright = looks.merge_maps(spot[None], [Look("middle", 0)], [box], 0.0)
    seen = looks.turn_view(spot[0], turn)
    moved = np.stack([[np.interp(np.arange(8) + shift, np.arange(8), row) for row in seen]])
    moved = np.stack([[np.interp(np.arange(8) + shift, np.arange(8), column) for column in moved[0].T]]).transpose(0, 2, 1)
    found = looks.merge_maps(moved[None].astype(np.float32), [Look("middle", turn)], [box], shift)
    centre = [float((grid * np.arange(8)).sum() / grid.sum()) for grid in (found[0].sum(1), found[0].sum(0))]
    assert np.unravel_index(upright[0].argmax(), (8, 8)) == (2, 5)
    assert centre == pytest.approx([2, 5], abs=0.05)


def test_maps_of_several_squares_are_one_map_of_what_they_see_together():
    boxes = [Box(0, 0, 80, 80), Box(40, 0, 120, 80)]
    left, right = np.zeros((1, 8, 8), np.float32), np.zeros((1, 8, 8), np.float32)
    left[0, 3, 1] = 1  # seen by the first look alone
    left[0, 5, 6] = right[0, 5, 2] = 1  # by both
    found = looks.merge_maps(np.stack([left, right]), [Look("start", 0), Look("end", 0)], boxes, 0.0)[0]
    assert found.shape == (8, 12)
    assert found[3, 1] == pytest.approx(1) and found[5, 6] == pytest.approx(1) and found.sum() == pytest.approx(2)
