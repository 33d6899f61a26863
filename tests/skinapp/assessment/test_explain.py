import cv2
import numpy as np
import pytest

from skinapp.assessment import explain
from skinapp.assessment.assessor import Assessor
from skinapp.imaging import encode
from skinapp.imaging.preprocess import Box
from skinapp.labels import CODES
from skinapp.model.spec import HeatmapScale
from tests import TINY_MODEL
from tests.support import drawings

SCALE = HeatmapScale(dict.fromkeys(CODES, 1.0), dict.fromkeys(CODES, 5.0), 0.0)
TINY = Assessor.load(str(TINY_MODEL), "cpu")


def test_the_scale_is_absolute():
    cam = np.array([[-3, 0.5], [3, 9]], np.float32)
    np.testing.assert_allclose(explain.heatmap(cam, "mel", SCALE), [[0, 0], [0.5, 1]])


def test_evidence_below_the_floor_leaves_the_photo_as_it_is():
    photo = drawings.lesion(64, 64)
    heat = explain.heatmap(np.full((8, 8), 0.99, np.float32), "mel", SCALE)
    np.testing.assert_array_equal(explain.overlay(photo, heat, Box(0, 0, 64, 64), 0.0), photo)


@pytest.mark.parametrize("grey", [108, 118, 128, 138, 148])
def test_a_picture_of_one_colour_gets_a_blank_map(grey):
    assessment = TINY.assess([drawings.plain(grey)])[0]
    assert assessment.evidence.heatmap(assessment.top.code).max() == 0


def test_a_drawn_blob_is_found():
    photo = drawings.lesion(320, 240, centre=(0.35, 0.4), seed=3)
    assessment = TINY.assess([photo])[0]
    heat = assessment.evidence.heatmap("mel")
    rows, columns = np.mgrid[0.5:8, 0.5:8] / 8
    left, top, right, bottom = assessment.evidence.view_box
    across = left + (heat * columns).sum() / heat.sum() * (right - left)
    down = top + (heat * rows).sum() / heat.sum() * (bottom - top)
    assert abs(across / 320 - 0.35) < 0.05 and abs(down / 240 - 0.4) < 0.05


@pytest.mark.parametrize("shift", [0.0, 0.5, -0.5])
def test_a_cell_is_drawn_where_it_looks(shift):
    heat = np.zeros((8, 8), np.float32)
    heat[2, 5] = 1
    large = explain.enlarge(heat, 160, 80, shift)
    rows, columns = np.mgrid[0:80, 0:160]
    assert (large * columns).sum() / large.sum() == pytest.approx((5.5 + shift) * 20 - 0.5, abs=0.2)
    assert (large * rows).sum() / large.sum() == pytest.approx((2.5 + shift) * 10 - 0.5, abs=0.2)


def test_flip_the_photo_and_the_map_flips():
    photo = drawings.lesion(seed=5, centre=(0.4, 0.55))
    plain, flipped = (TINY.assess([picture])[0].evidence.cams for picture in (photo, np.ascontiguousarray(photo[:, ::-1])))
    np.testing.assert_allclose(flipped, plain[:, :, ::-1], atol=1e-5)


def test_the_mean_over_cells_plus_bias_is_the_logit():
    photo = drawings.lesion()
    assessment = TINY.assess([photo])[0]
    biases = {"bkl": -1.0, "df": -3.0, "akiec": -2.0, "vasc": -1.0}
    logits = assessment.evidence.cams.mean((1, 2)) + [biases.get(code, 0) for code in CODES]
    powers = np.exp(logits / TINY.spec.temperature)
    np.testing.assert_allclose(assessment.chances, powers / powers.sum(), atol=1e-6)


def test_what_the_network_does_not_see_is_dimmed_and_gets_no_heat():
    photo = drawings.plain(200, 400, 200)
    picture = explain.overlay(photo, np.ones((8, 8), np.float32), Box(100, 0, 300, 200), 0.0)
    assert (picture[:, :100] == int(200 * explain.UNSEEN)).all() and (picture[:, 300:] == int(200 * explain.UNSEEN)).all()
    assert (picture[:, 100:300] != 200).any()


def test_corners_beyond_what_the_network_sees_are_dimmed_once():
    picture = explain.overlay(drawings.plain(200, 400, 300), np.zeros((8, 8), np.float32), Box(50, 40, 350, 260), 0.0)
    dimmed = np.full_like(picture, int(200 * explain.UNSEEN))
    dimmed[40:260, 50:350] = 200
    np.testing.assert_array_equal(picture, dimmed)


def test_a_large_photo_gets_a_small_overlay_of_its_shape():
    picture = explain.overlay(drawings.plain(120, 4000, 3000), np.zeros((8, 8), np.float32), Box(500, 0, 3500, 3000), 0.0)
    assert picture.shape == (768, 1024, 3)


def test_png_gives_the_pixels_back():
    photo = drawings.lesion()
    decoded = cv2.imdecode(np.frombuffer(encode.png(photo), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    np.testing.assert_array_equal(decoded, photo)


@pytest.mark.parametrize("size", [(600, 450), (1000, 750), (131, 97), (450, 600)])
def test_an_overlay_is_what_its_arithmetic_says_to_the_last_bit(size):
    """The photo's share and the colours' in single precision, each rounded to even, at a layer's places and stretched together."""
    photo, rng = drawings.lesion(*size), np.random.default_rng(size[0])
    heat = np.clip(rng.normal(0.4, 0.4, (7, 7)), 0, 1).astype(np.float32)
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    drawn = explain.overlay(photo, heat, Box(left, top, left + side, top + side), 0.5)[top : top + side, left : left + side]
    step = max(1, side // explain.LAYER_SIDE)
    smooth = explain.enlarge(heat, -(-side // step), -(-side // step), 0.5)
    weight = smooth * np.float32(explain.STRONGEST)
    colours = explain.COLOURS[(smooth * 255).astype(np.uint8)][:, :, 0]
    added = np.rint(colours * weight[..., None]).astype(np.uint8)
    share = np.dstack([np.rint((1 - weight) * 255).astype(np.uint8)] * 3)
    added, share = (cv2.resize(plane, (side, side), interpolation=cv2.INTER_LINEAR) for plane in (added, share))
    part = photo[top : top + side, left : left + side]
    np.testing.assert_array_equal(drawn, cv2.add(cv2.multiply(part, share, scale=1 / 255), added))
