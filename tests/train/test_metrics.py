import numpy as np
import pytest

from skinapp.labels import CODES
from train import metrics
from train.metrics import Answers

MEL, NV, BCC = (CODES.index(code) for code in ("mel", "nv", "bcc"))


def one_hot(*named: int, sure: float = 1.0) -> np.ndarray:
    rows = np.full((len(named), 7), (1 - sure) / 6)
    rows[np.arange(len(named)), named] = sure
    return rows


def test_balanced_accuracy_is_the_mean_recall_of_the_lesions_that_occur():
    truths = np.array([MEL, MEL, NV, NV, NV, NV])
    assert metrics.balanced_accuracy(one_hot(MEL, NV, NV, NV, NV, MEL), truths) == pytest.approx((0.5 + 0.75) / 2)


def test_auc_is_the_share_of_pairs_in_order_ties_counting_half():
    scores, positive = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    assert metrics.auc(scores, positive) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert np.isnan(metrics.auc(scores, np.ones(4, bool)))


def test_auc_does_not_change_when_the_scores_are_stretched():
    rng = np.random.default_rng(0)
    scores, positive = rng.normal(size=200), rng.random(200) < 0.3
    pairs = scores[positive][:, None] > scores[~positive][None]
    assert metrics.auc(scores, positive) == pytest.approx(pairs.mean())
    assert metrics.auc(np.exp(scores), positive) == pytest.approx(pairs.mean())


def test_ece_is_the_gap_between_confidence_and_accuracy():
    truths = np.array([NV] * 8 + [MEL] * 2)
    assert metrics.ece(one_hot(*[NV] * 10, sure=0.8), truths) == pytest.approx(0.0)
    assert metrics.ece(one_hot(*[NV] * 10, sure=0.9), truths) == pytest.approx(0.1)


def answers() -> Answers:
    """Four melanomas (one missed and called Low), four nevi (one flagged)."""
    probabilities = one_hot(MEL, MEL, MEL, NV, NV, NV, NV, MEL, sure=0.9)
    priorities = np.array(["urgent", "urgent", "unclear", "low", "low", "low", "low", "urgent"])
    return Answers(probabilities, np.array([MEL] * 4 + [NV] * 4), priorities, 0.5)


def test_the_report_holds_every_figure_with_its_interval():
    report = metrics.report(answers(), list("abcdefgh"))
    assert report["n"] == 8 and report["lesions"] == 8
    assert report["melanoma"]["sensitivity"]["value"] == 0.75
    assert report["melanoma"]["specificity"]["value"] == 0.75
    assert report["urgent_called_low"]["value"] == 0.25
    assert report["answered"]["value"] == 0.875
    assert report["recall"]["mel"]["value"] == 0.75 and report["recall"]["bcc"] == {"value": None, "low": None, "high": None}
    assert report["auc"]["nv"]["value"] == pytest.approx(0.75)
    for figure in (report["balanced_accuracy"], report["accuracy"], report["ece"], report["nll"]):
        assert figure["low"] <= figure["value"] <= figure["high"]


def test_photos_of_one_lesion_are_resampled_together():
    """Eight photos of two lesions tell less than eight lesions: the interval is wider."""
    apart, together = (metrics.report(answers(), groups)["melanoma"]["sensitivity"] for groups in ("abcdefgh", "aabbccdd"))
    assert together["high"] - together["low"] >= apart["high"] - apart["low"]


def test_the_interval_covers_a_known_proportion():
    rng = np.random.default_rng(0)
    named = np.where(rng.random(2000) < 0.7, NV, MEL)
    said = Answers(one_hot(*named, sure=0.9), np.full(2000, NV), np.full(2000, "low"), 0.5)
    found = metrics.report(said, [str(i) for i in range(2000)])["accuracy"]
    half = 1.96 * np.sqrt(0.7 * 0.3 / 2000)
    assert found["high"] - found["low"] == pytest.approx(2 * half, rel=0.15)
    assert found["low"] < 0.7 < found["high"]
