from pathlib import Path

import numpy as np
import pytest

from skinapp.assessment import triage
from skinapp.labels import CODES, TOGETHER, Priority
from train.calibrate import answers
from train.data.dataset import Row
from train.evaluate import metrics


def drawn_logits(shares, sharp: float, count: int = 6000):
    """Logits of an ideal network that takes all lesions for equally common, over photos drawn with these shares."""
    rng = np.random.default_rng(0)
    truths = rng.choice(7, count, p=shares)
    signals = rng.normal(size=(count, 7)) + sharp * np.eye(7)[truths]
    return (sharp * signals).astype(np.float32), truths  # the log of a normal signal's likelihood ratio


def rows(truths) -> list[Row]:
    return [Row(Path(f"{place}.jpg"), int(truth), str(place), "", "") for place, truth in enumerate(truths)]


def test_the_temperature_undoes_what_made_logits_too_sure():
    logits, truths = drawn_logits(np.full(7, 1 / 7), 1.5)
    assert answers.temperature(logits, truths) == pytest.approx(1, abs=0.05)
    assert answers.temperature(3 * logits, truths) == pytest.approx(3, abs=0.15)


def test_answers_lean_as_far_towards_common_lesions_as_training_leant_away():
    logits, truths = drawn_logits(np.array([4, 6, 12, 2, 12, 60, 4]) / 100, 1.2)
    power, shift = answers.lean(logits - 0.5 * np.log(np.bincount(truths) / len(truths)), rows(truths))
    assert 0.5 <= power <= 0.75
    np.testing.assert_allclose(np.diff(shift), power * np.diff(np.log(np.bincount(truths) + 1)))


def test_the_temperature_is_that_of_the_mix_that_photos_are_weighted_to():
    """Nevi are answered twice as surely as they should be, all others rightly: what is chosen lies by how common nevi are."""
    logits, truths = drawn_logits(np.full(7, 1 / 7), 1.5)
    logits[truths == 5] *= 2

    def chosen(nevi: float) -> float:
        mix = np.full(7, (1 - nevi) / 6)
        mix[5] = nevi
        return answers.temperature(logits, truths, metrics.mix_weights(truths, mix))

    assert chosen(0.01) == pytest.approx(1, abs=0.05) and chosen(0.9) > 1.3


def test_photos_outside_of_the_seven_count_nothing_and_each_lesion_as_in_the_mix():
    truths = np.array([0, 5, 5, 5, -1])
    weights = metrics.mix_weights(truths, np.array([0.25, 0, 0, 0, 0, 0.75, 0]))
    assert weights.tolist() == pytest.approx([0.25, 0.25, 0.25, 0.25, 0])


def test_malignant_lesions_together_are_called_low_no_oftener_than_allowed():
    rng = np.random.default_rng(0)
    truths = np.concatenate([rng.integers(7, size=1400), np.full(200, -1)])
    chances = rng.dirichlet(np.ones(7), 1600)
    chances[truths == -1] += 0.12 * np.isin(CODES, ["akiec", "bcc", "mel"])
    chances /= chances.sum(1, keepdims=True)
    high = {**dict.fromkeys(answers.SENSITIVITY, 0.6), "near_mel": 0.5}
    found = answers.together(chances, truths, high)
    for lesion in (*metrics.MALIGNANT, -1):
        low = [
            triage.deciding_lesion(one, {**high, TOGETHER: found}).priority is Priority.LOW for one in chances[truths == lesion]
        ]
        assert np.mean(low) <= answers.CALLED_LOW
    lower = [triage.deciding_lesion(one, {**high, TOGETHER: found + 0.01}).priority is Priority.LOW for one in chances]
    assert max(np.mean(np.array(lower)[truths == lesion]) for lesion in (*metrics.MALIGNANT, -1)) > answers.CALLED_LOW


def test_nine_in_ten_of_each_lesion_reach_its_limit_and_rare_ones_that_of_all():
    rng = np.random.default_rng(0)
    truths = np.concatenate([rng.integers(6, size=1200), np.full(5, 6)])
    chances = rng.dirichlet(np.ones(7), len(truths))
    chances[np.arange(len(truths)), truths] += rng.uniform(0, 1, len(truths))
    chances /= chances.sum(1, keepdims=True)
    limits = answers.prediction_sets(chances, truths)
    for lesion, code in enumerate(CODES[:6]):
        assert 0.9 <= (chances[truths == lesion, lesion] >= limits[code]).mean() < 0.915
    own = chances[np.arange(len(truths)), truths]
    assert 0.9 <= (own >= limits[CODES[6]]).mean() < 0.905
