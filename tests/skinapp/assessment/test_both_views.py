"""A model that has seen both views: how a photo was taken, by whose numbers it is answered, from how many looks, and among which
lesions the true one is."""

from dataclasses import replace

import numpy as np
import pytest

from skinapp.assessment import prediction_set, triage
from skinapp.assessment.assessor import Assessor
from skinapp.imaging import looks
from skinapp.labels import CODES, THRESHOLDS, TOGETHER, Priority, View
from skinapp.model.spec import Clinical, Look, ModelSpec, Rule, ViewHead
from tests import TINY_MODEL
from tests.support import drawings

LOOKS = (Look("middle", 0), Look("start", 4), Look("end", 2))
EVERY = {**dict.fromkeys(THRESHOLDS, 0.25), "near_mel": 0.2, TOGETHER: 0.9}
TINY = Assessor.load(str(TINY_MODEL), "cpu")


def rule(temperature: float, mel: float = 0.25) -> Rule:
    return Rule(temperature, {**EVERY, "mel": mel}, dict.fromkeys(CODES, 0.1))


def both(bias: float) -> Assessor:
    """The tiny model as one that takes every photo for a clinical one (`bias` above 0) or for one through a dermatoscope."""
    clinical = Clinical(ViewHead((0.0, 0.0, 0.0), bias), rule(2.0), rule(3.0), TINY.spec.quality)
    spec = replace(TINY.spec, thresholds=EVERY, sets=dict.fromkeys(CODES, 0.1), looks=LOOKS, careful=rule(1.5), clinical=clinical,
                   mix=dict.fromkeys(CODES, 1 / 7))  # fmt: skip
    return Assessor(replace(TINY.source, spec=spec), TINY.session, ())


@pytest.mark.parametrize(
    ("bias", "careful", "view", "temperature"),
    [
        (-1.0, False, View.DERMOSCOPIC, 0.5),
        (-1.0, True, View.DERMOSCOPIC, 1.5),
        (1.0, False, View.CLINICAL, 2.0),
        (1.0, True, View.CLINICAL, 3.0),
    ],
)
def test_a_photo_is_answered_by_the_numbers_of_its_view_from_the_mean_of_its_looks(bias, careful, view, temperature):
    assessor, photo = both(bias), drawings.lesion(160, 100, centre=(0.3, 0.4))
    found = assessor.assess([photo], careful=careful)[0]
    at = LOOKS if careful else looks.PLAIN
    _, answer = assessor.forward([photo], {}, at)
    assert len(answer.logits) == len(at)
    np.testing.assert_allclose(found.chances, triage.probabilities(answer.logits.mean(0), temperature))
    report = found.to_dict()
    assert (found.view, report["view"], report["careful"]) == (view, view.value, careful)
    assert report["set"] == [
        code for code in sorted(CODES, key=lambda code: -report["probabilities"][code]) if report["probabilities"][code] >= 0.1
    ]


def test_several_photos_are_answered_carefully_as_each_alone():
    photos = [drawings.lesion(160, 100), drawings.lesion(100, 100, centre=(0.6, 0.5)), drawings.lesion(90, 150)]
    assessor = both(1.0)
    for photo, found in zip(photos, assessor.assess(photos, careful=True), strict=True):
        alone = assessor.assess([photo], careful=True)[0]
        np.testing.assert_allclose(found.chances, alone.chances, rtol=1e-6)
        assert found.evidence.view_box == alone.evidence.view_box and found.overlay(photo).shape == photo.shape
    assert assessor.assess(photos, careful=True)[0].evidence.view_box == (0, 0, 160, 100), (
        "along the longer side all of it is looked at"
    )


def test_whether_a_photo_may_be_answered_the_first_look_says():
    assessor, photo = both(1.0), drawings.lesion(160, 100)
    assert assessor.assess([photo], careful=True)[0].quality == assessor.assess([photo])[0].quality


def test_a_model_of_format_1_takes_one_look_and_says_neither_view_nor_set():
    found = TINY.assess([drawings.lesion()], careful=True)[0]
    assert found.view is None and found.set is None and not found.careful


def test_a_spec_of_both_views_is_read_as_it_was_written(tmp_path):
    spec = both(1.0).spec
    spec.write(tmp_path)
    assert ModelSpec.read(tmp_path) == spec


def chances(**shares: float) -> np.ndarray:
    left = (1 - sum(shares.values())) / (len(CODES) - len(shares))
    return np.array([shares.get(code, left) for code in CODES])


def test_malignant_lesions_that_reach_their_threshold_together_are_medium_however_unlikely_each_is():
    shares = chances(akiec=0.2, bcc=0.2, mel=0.19, nv=0.4)
    thresholds = {**EVERY, TOGETHER: 0.55}
    lesion = triage.deciding_lesion(shares, thresholds)
    assert (lesion.code, lesion.priority) == ("akiec", Priority.MEDIUM)
    reason = triage.reason(shares, thresholds)
    assert (reason.code, reason.threshold) == (TOGETHER, 0.55) and reason.probability == pytest.approx(0.59)
    assert triage.deciding_lesion(shares, {**thresholds, TOGETHER: 0.6}).priority is Priority.LOW
    assert triage.reason(shares, {**thresholds, TOGETHER: 0.6}) is None


def test_a_lesion_that_reaches_its_own_threshold_is_the_reason_before_any_sum():
    shares = chances(bcc=0.3, akiec=0.2, mel=0.1)
    reason = triage.reason(shares, {**EVERY, TOGETHER: 0.5})
    assert (reason.code, reason.probability, reason.threshold) == ("bcc", pytest.approx(0.3), 0.25)


def test_a_set_holds_what_reaches_its_limit_likeliest_first_and_is_never_empty():
    limits = {**dict.fromkeys(CODES, 0.5), "nv": 0.2, "df": 0.01}
    assert prediction_set.of(chances(nv=0.6, df=0.05), limits) == ("nv", "df")
    assert prediction_set.of(chances(mel=0.4, nv=0.1, df=0.0), limits) == ("mel",)
    assert prediction_set.of(chances(nv=0.6), {}) is None
