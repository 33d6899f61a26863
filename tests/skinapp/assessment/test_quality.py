from dataclasses import replace

import cv2
import numpy as np
import pytest

from skinapp.assessment import framing, quality
from skinapp.assessment.assessor import Assessor
from skinapp.assessment.quality import Issue
from skinapp.i18n.messages import section, text
from skinapp.labels import Priority
from skinapp.model.spec import LesionHead
from tests import TINY_MODEL
from tests.support import drawings

TINY = Assessor.load(str(TINY_MODEL), "cpu")
EVERYWHERE = np.zeros((4, 4), np.float32)


def issues(photo) -> set[Issue]:
    return set(TINY.assess([photo])[0].quality.issues)


def measured(view, cam=EVERYWHERE) -> quality.Figures:
    return quality.measure(min(view.shape[:2]), view, np.ones(3, np.float32), cam, LesionHead((0.0, 0.0, 0.0), 0.0))


def test_a_good_photo_has_no_issue():
    assert issues(drawings.lesion()) == set()


@pytest.mark.parametrize(
    ("photo", "issue"),
    [
        (drawings.lesion(63, 80), Issue.SMALL),
        (cv2.GaussianBlur(drawings.lesion(), (0, 0), 40), Issue.BLURRED),
        ((drawings.lesion() * 0.15).astype(np.uint8), Issue.DARK),
        (drawings.plain(250), Issue.BRIGHT),
        (drawings.plain(128), Issue.FLAT),
        (drawings.plain(128), Issue.NO_LESION),
    ],
)
def test_each_fault_is_named(photo, issue):
    assert issue in issues(photo)


def test_burnt_out_pixels_are_glare():
    photo = drawings.lesion()
    photo[60:200, 90:230] = 255
    assert Issue.GLARE in issues(photo)


def test_the_figures_are_those_of_what_the_network_sees():
    embedding, head = np.array([1, 2, -2], np.float32), LesionHead((2.0, -1.0, 0.5), 3.0)
    view = drawings.plain(100, 32, 32)
    view[:, 16:] = 200
    figures = quality.measure(70, view, embedding, EVERYWHERE, head)
    assert figures.short_side == 70
    assert figures.brightness == 150 and figures.contrast == 100 and figures.glare == 0 and figures.hair == 0
    assert figures.lesion_evidence == pytest.approx((2 - 2 - 1) / 3 + 3)
    assert figures.sharpness == pytest.approx(2 * 100**2 / 32)


def test_the_evidence_of_a_lesion_is_that_of_the_embeddings_direction():
    head = LesionHead((2.0, -1.0, 0.5), 3.0)
    faint = np.array([0.01, 0.02, -0.02], np.float32)
    assert quality.evidence(faint, head) == pytest.approx(quality.evidence(faint * 500, head))
    assert quality.evidence(np.zeros(3, np.float32), head) == 3.0


def test_sharpness_is_that_of_the_lesion_not_of_what_lies_beside_it():
    view = drawings.plain(120, 32, 32)
    view[:, 16:] = np.random.default_rng(0).integers(0, 255, (32, 16, 3))
    left, right = np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32)
    left[:, 0], right[:, 3] = 5, 5
    assert measured(view, left).sharpness == 0 < measured(view, EVERYWHERE).sharpness < measured(view, right).sharpness
    assert measured(view, -right).sharpness == measured(view, EVERYWHERE).sharpness


def test_contrast_is_that_of_numpys_percentiles():
    rng = np.random.default_rng(2)
    for side in (8, 31, 64):
        view = np.repeat(rng.integers(20, 90 + side, (side, side, 1)), 3, axis=2).astype(np.uint8)
        grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
        assert measured(view).contrast == pytest.approx(np.percentile(grey, 95) - np.percentile(grey, 5), abs=1e-9)


@pytest.mark.parametrize("angle", [0, 45, 90, 135])
def test_a_moved_camera_is_told_by_what_it_smears_along_one_direction(angle):
    view = np.random.default_rng(1).integers(60, 200, (96, 96, 3)).astype(np.uint8)
    turn = cv2.getRotationMatrix2D((4, 4), angle, 1.0)
    line = np.zeros((9, 9), np.float32)
    line[4] = 1
    kernel = cv2.warpAffine(line, turn, (9, 9))
    moved = cv2.filter2D(view, -1, kernel / kernel.sum())
    still, blurred = measured(view).evenness, measured(cv2.GaussianBlur(view, (0, 0), 2)).evenness
    assert measured(moved).evenness < 0.3 < 0.8 < min(still, blurred) <= 1
    assert measured(drawings.plain(90)).evenness == 1


def test_hair_counts_where_it_lies_over_the_lesion():
    view = drawings.plain(180, 32, 32)
    view[:, 6:8] = 40
    over, beside = np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32)
    over[:, 0], beside[:, 3] = 1, 1
    assert measured(view, over).hair == 0.25 and measured(view, beside).hair == 0
    assert measured(view).hair == 2 / 32
    wide = drawings.plain(180, 32, 32)
    wide[:, 4:20] = 40
    assert measured(wide).hair == 0  # a lesion is no hair


def test_beyond_the_soft_limit_alone_a_photo_is_answered_with_a_warning():
    photo, limits = drawings.lesion(), TINY.spec.quality
    sharpness = TINY.assess([photo])[0].quality.figures.sharpness
    for least, most, status in ((sharpness - 1, sharpness + 1, "warned"), (sharpness + 1, sharpness + 2, "refused")):
        picky = Assessor.load(str(TINY_MODEL), "cpu")
        refuse, warn = replace(limits.refuse, min_sharpness=least), replace(limits.warn, min_sharpness=most)
        picky.spec = replace(picky.spec, quality=replace(limits, refuse=refuse, warn=warn))
        one, plain = picky.assess([photo])[0], TINY.assess([photo])[0]
        told = one.to_dict()
        if status == "warned":
            assert (told["status"], one.priority, told["quality"]["issues"]) == ("ok", plain.priority, [])
            assert told["quality"]["warnings"] == ["blurred"]
            assert told["advice"] == f"{plain.advice()} {text('warnings.blurred', 'en')}"
        else:
            assert (told["status"], told["priority"], told["quality"]["issues"]) == ("retake", "unclear", ["blurred"])
            assert told["quality"]["warnings"] == [] and text("warnings.blurred", "en") not in told["advice"]


def test_every_issue_and_flaw_has_its_sentences():
    assert set(section("issues", "en")) == set(Issue)
    assert set(section("warnings", "en")) == {*Issue, *framing.FramingFlaw}


def test_abstaining_never_lowers_a_priority():
    """A limit takes a photo out as unclear; it never changes the priority of one that is answered."""
    photos = [drawings.lesion(240, 240, seed=seed, colour=(20 + seed * 6, 20 + seed * 4, 20 + seed * 3)) for seed in range(20)]
    photos = [np.ascontiguousarray(photo[60:180, 60:180]) for photo in photos]
    free, strict = (Assessor.load(str(TINY_MODEL), "cpu") for _ in range(2))
    evidence = sorted(one.quality.figures.lesion_evidence for one in free.assess(photos))
    for assessor, least, warned in ((free, -1e9, 1e9), (strict, evidence[10], evidence[15])):
        limits = assessor.spec.quality
        refuse = replace(limits.refuse, min_lesion_evidence=least, min_sharpness=0.0)
        warn = replace(limits.warn, min_lesion_evidence=warned)
        assessor.spec = replace(assessor.spec, quality=replace(limits, refuse=refuse, warn=warn))
    given, kept = ([one.priority for one in assessor.assess(photos)] for assessor in (free, strict))
    assert Priority.UNCLEAR not in given and len(set(given)) > 1
    assert 0 < kept.count(Priority.UNCLEAR) < len(kept)
    assert all(after in (Priority.UNCLEAR, before) for before, after in zip(given, kept, strict=True))
