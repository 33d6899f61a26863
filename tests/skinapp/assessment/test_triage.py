import numpy as np
import pytest

from skinapp.assessment import triage
from skinapp.labels import CODES, Priority

THRESHOLDS = {"mel": 0.2, "near_mel": 0.15, "bcc": 0.3, "akiec": 0.3, "vasc": 0.3}


def chances(**given: float) -> np.ndarray:
    """Probabilities of the named lesions; the rest is shared out over those that alarm nobody."""
    rest = (1 - sum(given.values())) / len({"nv", "bkl", "df"} - set(given))
    return np.array([given.get(code, rest if code in ("nv", "bkl", "df") else 0.0) for code in CODES])


def test_melanoma_above_threshold_is_urgent_even_when_nevus_is_likelier():
    assert triage.deciding_lesion(chances(mel=0.35, nv=0.6), THRESHOLDS).priority is Priority.URGENT


@pytest.mark.parametrize(
    ("given", "priority"),
    [
        ({"mel": 0.2}, Priority.URGENT),
        ({"mel": 0.1999, "bcc": 0.3}, Priority.HIGH),
        ({"bcc": 0.3, "akiec": 0.4}, Priority.HIGH),
        ({"akiec": 0.3}, Priority.MEDIUM),
        ({"vasc": 0.9}, Priority.MEDIUM),
        ({"mel": 0.1499, "bcc": 0.29, "akiec": 0.29}, Priority.LOW),
        ({"mel": 0.15, "nv": 0.8}, Priority.MEDIUM),
        ({"mel": 0.1999, "nv": 0.8}, Priority.MEDIUM),
        ({"mel": 0.1999, "bcc": 0.3}, Priority.HIGH),
        ({"nv": 0.99}, Priority.LOW),
    ],
)
def test_the_most_severe_lesion_that_passes_decides(given, priority):
    assert triage.deciding_lesion(chances(**given), THRESHOLDS).priority is priority


def test_what_decides_has_passed_its_own_threshold():
    """Two lesions are Medium: the one below its threshold explains nothing, however likely."""
    assert triage.deciding_lesion(chances(akiec=0.11, vasc=0.13), {**THRESHOLDS, "akiec": 0.1}).code == "akiec"
    assert triage.deciding_lesion(chances(bkl=0.5), THRESHOLDS).code == "bkl"
    assert triage.deciding_lesion(chances(mel=0.16, bkl=0.5), THRESHOLDS).code == "mel"


def test_raising_one_probability_never_lowers_the_priority():
    rng = np.random.default_rng(0)
    order = list(Priority)
    for _ in range(200):
        before = rng.dirichlet(np.ones(7))
        after = before.copy()
        after[CODES.index("mel")] += 0.2
        assert order.index(triage.deciding_lesion(after, THRESHOLDS).priority) <= order.index(
            triage.deciding_lesion(before, THRESHOLDS).priority
        )


def test_probabilities_are_the_softmax_at_the_temperature():
    logits = np.array([[0, 0, 0, 0, np.log(4), np.log(2), 0]], np.float32)
    np.testing.assert_allclose(triage.probabilities(logits, 0.5)[0], np.array([1, 1, 1, 1, 16, 4, 1]) / 25, rtol=1e-6)


def test_large_logits_do_not_overflow():
    found = triage.probabilities(np.array([1e4, -1e4, 0, 0, 0, 0, 0], np.float32), 1.0)
    assert found[0] == 1 and np.isfinite(found).all()
