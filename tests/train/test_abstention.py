"""Which photos are answered: taught on drawings and measured on others, with a model whose answers can be computed by hand."""

from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from skinapp.assessment.assessor import Assessor
from skinapp.imaging import decode
from skinapp.labels import CODES, View
from skinapp.model.session import CPU, Outputs, Session
from skinapp.model.spec import FrameHead, ModelSpec, QualityLimits
from tests import TINY_MODEL
from tests.support import drawings
from train.calibrate import abstention, framing, ood_scores, quality_limits
from train.calibrate.logistic import logistic
from train.data import dataset

SPEC = ModelSpec.read(TINY_MODEL)
RUNS = Session(TINY_MODEL / "model_fp32.onnx", SPEC, CPU)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> abstention.Photos:
    """Drawn lesions with their outlines, and stripes."""
    folder = drawings.labelled(tmp_path_factory.mktemp("drawn"))
    rows = dataset.read_rows(folder, folder / "labels.csv")
    masks = folder / "masks"
    masks.mkdir()
    for row in rows:
        mask = (np.abs(decode.read(row.path).astype(int) - drawings.SKIN).sum(2) > 60).astype(np.uint8) * 255
        cv2.imwrite(str(masks / f"{row.path.stem}.png"), cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((7, 7))))
    by = {split: [row for row in rows if row.split == split] for split in ("train", "val", "test")}
    return abstention.Photos(by["train"], by["val"], by["test"], dataset.read_others(folder, folder / "others.csv"), masks)


@pytest.fixture(scope="module")
def taught(photos: abstention.Photos) -> ModelSpec:
    return abstention.fit_abstention(SPEC, RUNS, photos)


@pytest.fixture(scope="module")
def assessor(taught: ModelSpec) -> Assessor:
    found = Assessor.load(str(TINY_MODEL), "cpu")
    found.spec = taught
    return found


def test_a_taught_model_lets_lesions_through_and_refuses_stripes_it_has_not_seen(photos, assessor):
    found = abstention.measure(assessor, photos)
    assert found["lesions"]["n"] == 14 and found["lesions"]["let_through"]["value"] >= 0.85
    refused = abstention.refusals(assessor, photos.others["test"])
    assert refused == {"stripes": {"n": 4, "refused": 1.0}}
    best = found["scores"]["head on its direction"]
    assert len(found["scores"]) == 6 and best["auc"] > 0.95
    assert best["at"]["0.98"]["by_kind"] == {"stripes": best["at"]["0.98"]["others_refused"]}


def test_a_taught_model_finds_lesions_it_has_not_seen(photos, assessor):
    found = abstention.measure(assessor, photos)
    assert found["frame"]["frame"]["found"]["value"] >= 0.85 > found["frame"]["whole photo"]["found"]["value"]
    assert found["centred"]["n"] == found["centred"]["cropped"] == 21


def test_without_outlines_and_other_pictures_nothing_is_said_of_either(photos):
    bare = replace(photos, others={}, masks=None)
    spec = abstention.fit_abstention(SPEC, RUNS, bare)
    assert spec.frame_head == FrameHead((), 0.0) and set(spec.lesion_head.weights) == {0.0}
    assessor = Assessor.load(str(TINY_MODEL), "cpu")
    assessor.spec = spec
    assert set(abstention.measure(assessor, bare)) == {"lesions"}
    assert not set(assessor.assess([drawings.stripes()])[0].quality.issues) & {"no_lesion"}


def test_soft_limits_are_never_looser_than_hard_ones_and_every_one_is_measured(taught):
    for field in fields(QualityLimits):
        hard, soft = (getattr(one, field.name) for one in (taught.quality.refuse, taught.quality.warn))
        assert (soft >= hard) if field.name.startswith("min_") else (soft <= hard), field.name
        assert abs(hard) < 1e8


def test_a_limit_lies_where_answers_are_lost_and_spares_real_photos():
    values = np.arange(100.0)
    kept = values >= 40
    clean = np.arange(60.0, 160)
    assert quality_limits.limit(values, kept, clean, True, 0.6, 0.99) == pytest.approx(40)
    assert quality_limits.limit(values, kept, clean - 50, True, 0.6, 0.99) == pytest.approx(np.quantile(clean - 50, 0.01))
    assert quality_limits.limit(-values, kept, -clean, False, 0.6, 0.99) == pytest.approx(-40)
    assert quality_limits.limit(values, np.ones(100, bool), clean, True, 0.6, 0.99) == 0


def test_a_sequence_that_never_rises_keeps_its_mean():
    found = quality_limits.without_rises(np.array([1.0, 0, 1, 1, 0, 0, 1]))
    np.testing.assert_allclose(found, [1, 2 / 3, 2 / 3, 2 / 3, 1 / 3, 1 / 3, 1 / 3])


@pytest.mark.parametrize("name", quality_limits.FAULTS)
def test_every_fault_moves_its_own_figure_its_way(name):
    fault, photo = quality_limits.FAULTS[name], drawings.lesion(341, 256)
    figure = fault.figure.split("_", 1)[1]
    seen = quality_limits.predict(
        SPEC, RUNS, [photo, *(change(photo) for change in fault.changes[:2])], SPEC.rule(View.DERMOSCOPIC, careful=False)
    )
    clean, mild, more = (getattr(one, figure) for one in seen.figures)
    if name not in ("shaken", "hairy"):  # the tiny model sees 32 pixels a side, too few for these
        assert (clean > mild >= more) if fault.falls else (clean < mild <= more), (clean, mild, more)


def test_a_kept_answer_has_the_same_lesion_and_stays_urgent():
    def said(named: list[int], urgent: list[bool]) -> quality_limits.Predictions:
        return quality_limits.Predictions([], np.array(named), np.array(urgent))

    before, after = said([4, 4, 5, 5], [True, True, False, False]), said([4, 4, 5, 0], [True, False, True, False])
    assert before.kept_by(after).tolist() == [True, False, True, False]


def test_logistic_regression_finds_the_weights_that_drew_the_truths():
    rng = np.random.default_rng(0)
    features = rng.normal(3, (1.0, 0.1), (20000, 2))
    chances = 1 / (1 + np.exp(-(features @ [1.5, -10] + 24)))
    weights, bias = logistic(features, (rng.random(20000) < chances).astype(float), 1e-6, is_balanced=False)
    np.testing.assert_allclose([*weights, bias], [1.5, -10, 24], rtol=0.08)


def test_scores_are_higher_for_what_lies_near_the_lesions_taught_by():
    rng = np.random.default_rng(0)
    targets = np.arange(70) % 7
    middles = rng.normal(0, 4, (7, 16))

    def answer(embedding: np.ndarray, logits: np.ndarray) -> Outputs:
        return Outputs(logits.astype(np.float32), np.zeros((len(logits), 7, 1, 1), np.float32), embedding.astype(np.float32))

    def lesions() -> Outputs:
        return answer(middles[targets] + rng.normal(0, 0.5, (70, 16)), 8.0 * np.eye(7)[targets] + rng.normal(0, 0.5, (70, 7)))

    def others() -> Outputs:
        return answer(rng.normal(6, 2, (40, 16)), rng.normal(0, 0.5, (40, 7)))

    found = ood_scores.compare(lesions(), targets, others(), lesions(), lesions(), others(), ["dog"] * 30 + ["cat"] * 10)
    assert len(found) == 6 and min(one["auc"] for one in found.values()) > 0.95
    assert set(found["energy"]["at"]["0.99"]["by_kind"]) == {"cat", "dog"}


def test_boxes_overlap_by_what_they_share():
    box = framing.Box(0, 0, 10, 10)
    assert framing.overlap(box, box) == 1
    assert framing.overlap(box, framing.Box(5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert framing.overlap(box, framing.Box(10, 0, 15, 10)) == 0


def test_rows_are_drawn_evenly_over_lesions_and_list():
    rows = [dataset.Row(Path(str(place)), place % 7 if place < 70 else 5, str(place), "", "") for place in range(700)]
    chosen = quality_limits.evenly(rows, 70)
    assert 70 <= len(chosen) <= 80 and {CODES[row.target] for row in chosen} == set(CODES)
