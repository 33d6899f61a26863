import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skinapp.assessment import framing
from skinapp.assessment.assessor import Assessor
from skinapp.assessment.framing import FramingFlaw
from skinapp.imaging.preprocess import Box
from skinapp.model.spec import FrameHead
from tests import TINY_MODEL
from tests.support import drawings

TINY = Assessor.load(str(TINY_MODEL), "cpu")
ROOT = Path(__file__).parents[3]


def drawn(width: int, height: int, centre: tuple[float, float] = (0.5, 0.5)) -> Box:
    """The box of `drawings.lesion`, give or take its uneven edge."""
    radius = min(width, height) * 0.22
    across, down = centre[0] * width, centre[1] * height
    return Box(*(round(edge) for edge in (across - radius, down - radius, across + radius, down + radius)))


def overlap(one: Box, other: Box) -> float:
    shared = max(0, min(one.right, other.right) - max(one.left, other.left))
    shared *= max(0, min(one.bottom, other.bottom) - max(one.top, other.top))
    return shared / (sum((box.right - box.left) * (box.bottom - box.top) for box in (one, other)) - shared)


@pytest.mark.parametrize(
    ("width", "height", "centre"),
    [(320, 240, (0.5, 0.5)), (240, 320, (0.4, 0.6)), (900, 300, (0.2, 0.5)), (224, 224, (0.6, 0.4))],
)
def test_a_lesion_is_found_wherever_it_lies_also_beside_what_the_network_sees(width, height, centre):
    box = TINY.assess([drawings.lesion(width, height, centre)])[0].framing.box
    assert overlap(box, drawn(width, height, centre)) > 0.6


@pytest.mark.parametrize(
    ("photo", "flaws"),
    [
        (drawings.lesion(), ()),
        (drawings.lesion(640, 240, (0.15, 0.5)), (FramingFlaw.ASIDE,)),
        (drawings.lesion(320, 240, (0.5, 0.05)), (FramingFlaw.CUT_OFF,)),
    ],
)
def test_a_lesion_badly_framed_is_warned_of_and_answered(photo, flaws):
    one = TINY.assess([photo])[0]
    assert one.framing.flaws == flaws
    assert [warning for warning in one.quality.warnings if warning in set(FramingFlaw)] == list(flaws)
    assert not set(one.quality.issues) & set(FramingFlaw)


@pytest.mark.parametrize(
    ("box", "flaws"),
    [
        (Box(130, 90, 190, 150), ()),
        (Box(140, 100, 180, 140), (FramingFlaw.FAR,)),
        (Box(130, 0, 190, 60), (FramingFlaw.CUT_OFF,)),
        (Box(20, 90, 120, 150), (FramingFlaw.ASIDE,)),
        (Box(20, 100, 50, 140), (FramingFlaw.FAR, FramingFlaw.ASIDE)),
        (None, (FramingFlaw.ABSENT,)),
    ],
)
def test_flaws_are_told_by_where_the_box_lies(box, flaws):
    assert framing.find_flaws(box, 320, 240) == flaws


def test_without_a_spot_it_is_absent_and_without_a_head_nothing_is_said():
    plain, seen, cams = drawings.plain(180), Box(40, 0, 280, 240), np.zeros((7, 8, 8), np.float32)
    never = FrameHead((0.0,) * 21, -1.0)
    assert framing.find_framing(plain, cams, seen, never) == framing.Framing(None, (FramingFlaw.ABSENT,))
    assert framing.find_framing(plain, cams, seen, FrameHead((), 0.0)) == framing.Framing(None, ())


@pytest.mark.parametrize(
    ("box", "part"),
    [
        (Box(100, 80, 140, 120), Box(80, 60, 160, 140)),
        (Box(0, 0, 40, 30), Box(0, 0, 80, 80)),
        (Box(260, 200, 320, 240), Box(200, 120, 320, 240)),
        (Box(10, 10, 300, 230), Box(35, 0, 275, 240)),
    ],
)
def test_the_crop_is_a_square_around_the_lesion_and_inside_the_photo(box, part):
    assert framing.crop(box, 320, 240) == part


def test_centring_answers_the_part_around_the_lesion():
    photo = drawings.lesion(900, 300, (0.15, 0.5))
    whole, plain = TINY.read_and_assess(photo)
    part, centred = TINY.read_and_assess(photo, centred=True)
    assert whole.shape == photo.shape and part.shape[0] == part.shape[1] <= 300
    assert np.abs(part.astype(int) - photo[:, : part.shape[1]][: part.shape[0]]).mean() < 60
    assert centred.chances.tolist() == TINY.assess([part])[0].chances.tolist() != plain.chances.tolist()
    assert FramingFlaw.ASIDE in plain.quality.warnings and FramingFlaw.ASIDE not in centred.quality.warnings


def test_places_beyond_what_was_seen_have_the_evidence_of_its_edge():
    cams = np.zeros((7, 2, 2), np.float32)
    cams[4, :, 0], cams[4, :, 1] = 20, 60
    told = framing.features(drawings.plain(120, 400, 200), cams, Box(100, 0, 300, 200))[-3]
    assert told.shape == (56, 112)
    np.testing.assert_allclose(told[:, :28], 1, atol=1e-5)
    np.testing.assert_allclose(told[:, -28:], 3, atol=1e-5)
    assert (np.diff(told[10]) >= -1e-6).all()


def test_the_command_line_centres_and_warns(tmp_path):
    path = tmp_path / "aside.png"
    path.write_bytes(drawings.encoded(drawings.lesion(900, 300, (0.15, 0.5))))
    command = [sys.executable, "-m", "skinapp", str(path), "--json", "--model", str(TINY_MODEL)]
    plain, centred = (
        json.loads(subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, check=True).stdout)
        for more in ([], ["--centred"])
    )
    assert "aside" in plain["quality"]["warnings"] and len(plain["quality"]["box"]) == 4
    assert "aside" not in centred["quality"]["warnings"]
