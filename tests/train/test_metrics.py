import json

import numpy as np
import pytest

from skinapp.assessment import triage
from skinapp.labels import CODES
from skinapp.metrics import accuracy
from train.evaluate import metrics
from train.evaluate.metrics import Answers

AKIEC, BCC, BKL, DF, MEL, NV, VASC = range(7)


def one_hot(*named: int, sure: float = 1.0) -> np.ndarray:
    rows = np.full((len(named), 7), (1 - sure) / 6)
    rows[np.arange(len(named)), named] = sure
    return rows


def said(probabilities: np.ndarray, truths: list[int], temperature: float = 1.0) -> Answers:
    """Answers whose priorities play no part."""
    return Answers(probabilities, np.array(truths), np.full(len(truths), "low"), 0.5, temperature)


def values(answers: Answers) -> dict:
    """The report without intervals."""

    def bare(report: dict) -> object:
        return report["value"] if "low" in report and "value" in report else {k: bare(v) for k, v in report.items()}

    weights = np.ones((2, len(answers.truths)))
    return bare(metrics.measure(metrics.FIGURES, answers, weights))


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
    assert metrics.auc(np.exp(scores), positive) == pytest.approx(metrics.auc(scores, positive))


def test_ece_is_the_gap_between_confidence_and_accuracy():
    truths = np.array([NV] * 8 + [MEL] * 2)
    assert metrics.ece(one_hot(*[NV] * 10, sure=0.8), truths) == pytest.approx(0.0)
    assert metrics.ece(one_hot(*[NV] * 10, sure=0.9), truths) == pytest.approx(0.1)


def test_right_probabilities_show_a_gap_by_chance_that_shrinks_with_the_photos():
    few, many = (np.tile([0.1, 0.1, 0.1, 0.1, 0.1, 0.4, 0.1], (count, 1)) for count in (100, 10_000))
    spread = np.sqrt(0.4 * 0.6 / np.array([100, 10_000]) * 2 / np.pi)  # the mean of a binomial's distance from its middle
    found = [metrics.eces_by_chance(sure, np.ones(len(sure))).mean() for sure in (few, many)]
    assert found == pytest.approx(spread.tolist(), rel=0.15)
    heavy = np.where(np.arange(10_000) < 100, 1.0, 1e-9)
    assert metrics.eces_by_chance(many, heavy).mean() == pytest.approx(spread[0], rel=0.2)


def test_a_photo_drawn_twice_counts_as_two_photos():
    """The weights of a resample give what the drawn photos themselves would give."""
    rng = np.random.default_rng(0)
    probabilities, truths = rng.dirichlet(np.ones(7), 60).round(1), rng.integers(7, size=60)
    probabilities /= probabilities.sum(1, keepdims=True)
    priorities = rng.choice(["urgent", "low", "unclear"], 60)
    answers, drawn = Answers(probabilities, truths, priorities, 0.3, 1.5), rng.integers(60, size=60)
    weights = np.bincount(drawn, minlength=60)[None].astype(float)
    for name, figure in metrics.FIGURES.items():
        np.testing.assert_allclose(figure(answers, weights), figure(answers.take(drawn), np.ones((1, 60))), err_msg=name)


def test_recall_precision_and_macro_f1_of_a_table_that_was_counted_by_hand():
    """Named mel: 2 of 3 rightly, of 4 melanomas; named nv: 1 of 3, of 2 nevi; bcc: named once, never the truth."""
    answers = said(one_hot(MEL, MEL, NV, NV, NV, MEL, sure=0.9), [MEL, MEL, MEL, MEL, NV, NV])
    found = values(answers)
    assert found["recall"] == {**dict.fromkeys(CODES), "mel": 0.5, "nv": 0.5}
    assert found["precision"] == {
        **dict.fromkeys(CODES),
        "mel": pytest.approx(2 / 3, abs=1e-4),
        "nv": pytest.approx(1 / 3, abs=1e-4),
    }
    assert found["macro_f1"] == pytest.approx((2 * 2 / (3 + 4) + 2 * 1 / (3 + 2)) / 2, abs=1e-4)
    named_too = said(one_hot(MEL, BCC, sure=0.9), [MEL, MEL])
    assert values(named_too)["macro_f1"] == pytest.approx(2 * 1 / (1 + 2), abs=1e-4)
    assert values(named_too)["precision"]["bcc"] == 0.0


def test_top_3_asks_for_the_true_lesion_among_the_three_likeliest():
    probabilities = np.array([[0.3, 0.25, 0.2, 0.15, 0.05, 0.03, 0.02]] * 4)
    assert values(said(probabilities, [AKIEC, BKL, DF, VASC]))["top3_accuracy"] == 0.5


def test_malignant_is_what_melanoma_and_both_carcinomas_weigh_together():
    """A melanoma whose chance is split among the malignant lesions still scores above a nevus that is 0.4 melanoma."""
    split = [0.3, 0.3, 0.0, 0.0, 0.3, 0.1, 0.0]
    single = [0.0, 0.0, 0.0, 0.0, 0.4, 0.6, 0.0]
    found = values(said(np.array([split, split, split, single]), [MEL, BCC, AKIEC, NV]))
    assert found["malignant_auc"] == 1.0 and found["auc"]["mel"] == pytest.approx(1 / 3, abs=1e-4)


def test_before_temperature_the_probabilities_are_those_of_the_bare_logits():
    rng = np.random.default_rng(0)
    logits, truths = rng.normal(0, 2, (500, 7)).astype(np.float32), rng.integers(7, size=500)
    bare = triage.probabilities(logits, 1.0)
    answers = said(triage.probabilities(logits, 2.5), truths, 2.5)
    np.testing.assert_allclose(answers.untempered, bare, atol=1e-9)
    found = values(answers)
    assert found["before_temperature"]["ece"] == pytest.approx(metrics.ece(bare, truths), abs=1e-4)
    assert found["before_temperature"]["nll"] == pytest.approx(metrics.nll(bare, truths), abs=1e-4)
    assert found["nll"] == pytest.approx(metrics.nll(answers.probabilities, truths), abs=1e-4)


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


def test_the_priorities_that_melanomas_and_nevi_were_given_are_counted():
    report = metrics.report(answers(), list("abcdefgh"))
    nothing = {"urgent": 0, "high": 0, "medium": 0, "low": 0, "unclear": 0}
    assert report["priorities"] == {
        "urgent": {**nothing, "urgent": 2, "low": 1, "unclear": 1},
        "high": nothing,
        "medium": nothing,
        "low": {**nothing, "urgent": 1, "low": 3},
    }


def test_the_confusion_table_counts_truths_by_what_they_were_named():
    table = metrics.report(answers(), list("abcdefgh"))["confusion"]
    assert (table["mel"]["mel"], table["mel"]["nv"], table["nv"]["nv"], table["nv"]["mel"]) == (3, 1, 3, 1)
    assert sum(count for row in table.values() for count in row.values()) == 8


@pytest.mark.parametrize("truth", range(7))
def test_photos_of_one_lesion_alone_leave_no_nan_in_the_report(truth):
    report = metrics.report(said(one_hot(NV, NV, sure=0.9), [truth, truth]), ["a", "b"])
    json.dumps(report, allow_nan=False)
    assert report["auc"][CODES[truth]]["value"] is None


def test_photos_of_one_lesion_are_resampled_together():
    """Eight photos of two lesions tell less than eight lesions: the interval is wider."""
    apart, together = (metrics.report(answers(), list(groups))["accuracy"] for groups in ("abcdefgh", "aaaabbbb"))
    assert apart["value"] == together["value"] == 0.75
    alike = said(one_hot(*[NV] * 4, *[MEL] * 4, sure=0.9), [NV] * 8)
    apart, together = (metrics.report(alike, list(groups))["accuracy"] for groups in ("abcdefgh", "aaaabbbb"))
    assert (together["low"], together["high"]) == (0, 1) and apart["low"] > 0 and apart["high"] < 1


def test_the_photos_of_a_lesion_have_one_weight_and_a_draw_has_as_many_lesions_as_there_are():
    groups = ["b", "a", "c", "a", "b", "a"]
    weights = metrics.resamples(groups)
    assert weights.shape == (1 + accuracy.RESAMPLES, 6) and (weights[0] == 1).all()
    np.testing.assert_array_equal(weights[:, 1], weights[:, 3])
    np.testing.assert_array_equal(weights[:, 1], weights[:, 5])
    np.testing.assert_array_equal(weights[1:, [0, 1, 2]].sum(1), 3)


def test_intervals_are_the_same_in_every_run_and_in_any_order_of_the_photos():
    rng = np.random.default_rng(1)
    groups = [f"l{number:02}" for number in rng.integers(30, size=80)]
    full = Answers(rng.dirichlet(np.ones(7), 80), rng.integers(7, size=80), rng.choice(["urgent", "low"], 80), 0.2)
    order = rng.permutation(80)
    assert metrics.report(full, groups) == metrics.report(full, groups)
    assert metrics.report(full, groups) == metrics.report(full.take(order), [groups[place] for place in order])


def test_the_interval_covers_a_known_proportion():
    rng = np.random.default_rng(0)
    named = np.where(rng.random(2000) < 0.7, NV, MEL)
    found = metrics.report(said(one_hot(*named, sure=0.9), [NV] * 2000), [str(i) for i in range(2000)])["accuracy"]
    half = 1.96 * np.sqrt(0.7 * 0.3 / 2000)
    assert found["high"] - found["low"] == pytest.approx(2 * half, rel=0.15)
    assert found["low"] < 0.7 < found["high"]
