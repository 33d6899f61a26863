import numpy as np
import pytest

from train.calibrate import answers


def drawn_logits(shares, sharp: float, count: int = 6000):
    """Logits of an ideal network that takes all lesions for equally common, over photos drawn with these shares."""
    rng = np.random.default_rng(0)
    truths = rng.choice(7, count, p=shares)
    signals = rng.normal(size=(count, 7)) + sharp * np.eye(7)[truths]
    return (sharp * signals).astype(np.float32), truths  # the log of a normal signal's likelihood ratio


def test_the_temperature_undoes_what_made_logits_too_sure():
    logits, truths = drawn_logits(np.full(7, 1 / 7), 1.5)
    assert answers.temperature(logits, truths) == pytest.approx(1, abs=0.05)
    assert answers.temperature(3 * logits, truths) == pytest.approx(3, abs=0.15)


def test_answers_lean_as_far_towards_common_lesions_as_training_leant_away():
    logits, truths = drawn_logits(np.array([4, 6, 12, 2, 12, 60, 4]) / 100, 1.2)
    power, shift = answers.lean(logits - 0.5 * np.log(np.bincount(truths) / len(truths)), truths)
    assert 0.5 <= power <= 0.75
    np.testing.assert_allclose(np.diff(shift), power * np.diff(np.log(np.bincount(truths) + 1)))
