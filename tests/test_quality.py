from dataclasses import replace

import cv2
import numpy as np
import pytest

from skinapp import quality
from skinapp.assessor import Assessor
from skinapp.labels import Priority
from skinapp.quality import Issue
from skinapp.spec import LesionHead
from tests import TINY_MODEL, drawings

TINY = Assessor.load(str(TINY_MODEL), "cpu")


def issues(photo) -> set[Issue]:
    return set(TINY.assess([photo])[0].report.issues)


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
    embedding, head = np.array([0.5, 1, -1], np.float32), LesionHead((2.0, -1.0, 0.5), 3.0)
    view = drawings.plain(100, 32, 32)
    view[:, 16:] = 200
    figures = quality.measure(drawings.plain(0, 90, 70), view, embedding, head)
    assert figures.short_side == 70
    assert figures.brightness == 150 and figures.contrast == 100 and figures.glare == 0
    assert figures.lesion_evidence == pytest.approx(1 - 1 - 0.5 + 3)
    laplacian = np.zeros((32, 32))
    laplacian[:, 15], laplacian[:, 16] = 100, -100
    assert figures.sharpness == pytest.approx(laplacian.var())


def test_abstaining_never_lowers_a_priority():
    """A limit takes a photo out as unclear; it never changes the priority of one that is answered."""
    photos = [drawings.lesion(240, 240, seed=seed, colour=(20 + seed * 6, 20 + seed * 4, 20 + seed * 3)) for seed in range(20)]
    photos = [np.ascontiguousarray(photo[60:180, 60:180]) for photo in photos]
    free, strict = (Assessor.load(str(TINY_MODEL), "cpu") for _ in range(2))
    free.spec = replace(free.spec, quality=replace(free.spec.quality, min_lesion_evidence=-1e9))
    strict.spec = replace(strict.spec, quality=replace(strict.spec.quality, min_lesion_evidence=1.0))
    given, kept = ([one.priority for one in assessor.assess(photos)] for assessor in (free, strict))
    assert Priority.UNCLEAR not in given and len(set(given)) > 1
    assert 0 < kept.count(Priority.UNCLEAR) < len(kept)
    assert all(after in (Priority.UNCLEAR, before) for before, after in zip(given, kept, strict=True))
