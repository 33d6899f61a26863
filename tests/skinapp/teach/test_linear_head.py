"""What is learned from embeddings, and how honestly it is measured."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skinapp.assessment import triage
from skinapp.teach import linear_head, quotas
from skinapp.teach.dataset import split
from skinapp.teach.progress import Progress, Stopped


def clouds(classes=3, each=40, d=24, apart=1.2, seed=0, sizes=None):
    """Classes as clouds of points, and each point a group of its own."""
    rng = np.random.default_rng(seed)
    sizes = sizes or [each] * classes
    centres = rng.normal(0, apart, (classes, d))
    x = np.concatenate([rng.normal(centre, 1, (size, d)) for centre, size in zip(centres, sizes, strict=True)])
    return x.astype(np.float32), np.repeat(np.arange(classes), sizes), np.arange(sum(sizes))


def learned(x, y, groups, classes, share=0.25, progress=None):
    held = split.held_out(y, groups, share)
    parts = split.Split(np.flatnonzero(~held), np.flatnonzero(held), 0, False)
    return linear_head.train_head(
        linear_head.Features(x, (x.shape[1],)), y, groups, parts, classes, progress or Progress()
    ), parts


def test_its_figures_are_those_of_the_pictures_held_out():
    x, y, groups = clouds(apart=0.5)
    found, parts = learned(x, y, groups, 3)
    chances = triage.probabilities(found.head.logits(x[parts.test]), found.temperature)
    named = chances.argmax(1)
    assert np.array_equal(chances, found.chances)
    assert found.figures["n"] == len(parts.test) == 30
    assert found.figures["accuracy"]["value"] == pytest.approx((named == y[parts.test]).mean(), abs=1e-4)
    recalls = [(named[y[parts.test] == target] == target).mean() for target in range(3)]
    assert found.figures["balanced_accuracy"]["value"] == pytest.approx(np.mean(recalls), abs=1e-4)
    assert found.figures["accuracy"]["low"] < found.figures["accuracy"]["value"] < found.figures["accuracy"]["high"]
    assert found.confusion.sum(1).tolist() == [10, 10, 10] and found.confusion.trace() == (named == y[parts.test]).sum()


@pytest.mark.parametrize("classes", [2, 4])
def test_it_is_as_good_as_the_best_plain_logistic_regression(classes):
    x, y, groups = clouds(classes, each=60, d=200, apart=0.25)
    found, parts = learned(x, y, groups, classes, 0.4)
    best = max(
        LogisticRegression(C=c, max_iter=2000).fit(x[parts.train], y[parts.train]).score(x[parts.test], y[parts.test])
        for c in (1e-3, 1e-1, 1e1)
    )
    assert found.figures["accuracy"]["value"] >= best - 0.05


def test_labels_without_meaning_are_seen_through():
    x, _, groups = clouds(3, each=50, apart=0.0)
    y = np.random.default_rng(1).integers(0, 3, 150)
    found, _ = learned(x, y, groups, 3)
    assert found.figures["accuracy"]["value"] < 0.6
    assert found.chances.max() < 0.6, "and it isn't sure of what it can't know"


def test_it_is_as_sure_as_it_is_right():
    x, y, groups = clouds(3, each=400, apart=0.3)
    found, _ = learned(x, y, groups, 3, 0.4)
    assert 0.5 < found.figures["accuracy"]["value"] < 0.95
    assert found.figures["ece"] < 0.06


def test_a_rare_class_is_not_given_up():
    x, y, groups = clouds(2, d=8, apart=0.45, sizes=[300, 20])
    found, _ = learned(x, y, groups, 2, 0.4)
    assert found.figures["recall"][1] > 0.6
    plain = LogisticRegression().fit(x, y)
    assert (plain.predict(x[y == 1]) == 1).mean() < found.figures["recall"][1]


def test_the_curve_is_learned_from_growing_shares():
    x, y, groups = clouds(3, each=60, d=60, apart=0.35)
    found, _ = learned(x, y, groups, 3)
    assert [step.share for step in found.curve] == [0.25, 0.5, 1.0]
    assert found.curve[0].balanced < found.curve[2].balanced


def test_features_that_never_vary_do_no_harm():
    x, y, groups = clouds()
    x[:, :5] = 3.0
    found, _ = learned(x, y, groups, 3)
    assert np.isfinite(found.head.weights).all() and found.figures["accuracy"]["value"] > 0.9


def test_it_stops_between_two_fits_when_nobody_waits():
    progress = Progress()
    progress.step = lambda count=1: progress.stop() or Progress.step(progress, count)
    with pytest.raises(Stopped):
        learned(*clouds(), 3, progress=progress)
    assert progress.done == 1 and progress.total > 20


def test_it_stops_within_a_fit_when_nobody_waits():
    progress = Progress()
    begin = progress.begin
    progress.begin = lambda stage, count: begin(stage, count) or progress.stop()
    with pytest.raises(Stopped):
        learned(*clouds(), 3, progress=progress)
    assert progress.done == 0, "not even the first fit ended"


def test_without_time_to_try_it_learns_as_it_can(monkeypatch):
    monkeypatch.setattr(quotas, "TRYING_S", -1)
    x, y, groups = clouds()
    found, _ = learned(x, y, groups, 3)
    assert found.strength == linear_head.STRENGTHS[0] and found.figures["accuracy"]["value"] > 0.9
