"""What makes figures too good, or a model less than it seems, is told; and nothing where there is nothing to tell."""

import numpy as np
import pytest

from skinapp.teach import flaws, likeness
from skinapp.teach.dataset import sample
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.flaws import Flaw, Kind
from skinapp.teach.linear_head import Comparison
from skinapp.teach.networks import Kind as NetworkKind
from skinapp.teach.pipeline import best


def collection(views: list[np.ndarray], targets: list[int], labels: tuple[str, ...] = ("a", "b")) -> Collection:
    names = tuple(f"{number}.png" for number in range(len(views)))
    is_test = np.zeros(len(views), np.bool_)
    return Collection(labels, names, np.array(targets), is_test, np.stack(views), (), 0)


@pytest.fixture
def plenty() -> Collection:
    views = [sample.draw(name, seed) for name in ("dots", "stripes") for seed in range(flaws.FEW)]
    return collection(views, [0] * flaws.FEW + [1] * flaws.FEW)


def found(
    of: Collection, groups: np.ndarray | None = None, recalls: tuple[float | None, ...] = (1.0, 1.0), bursts=()
) -> list[Flaw]:
    return list(flaws.find(of, np.arange(len(of.names)) if groups is None else groups, bursts, recalls))


def test_nothing_is_told_of_varied_pictures(plenty: Collection) -> None:
    assert found(plenty) == []


def test_near_copies_in_two_classes_are_counted(plenty: Collection) -> None:
    groups = np.arange(len(plenty.names))
    groups[25] = groups[3]
    assert found(plenty, groups) == [Flaw(Kind.ACROSS, ("a", "b"), 2)]


def test_a_class_of_few_pictures_and_one_that_is_never_found_are_named(plenty: Collection) -> None:
    few = collection(list(plenty.views[:30]), plenty.targets[:30].tolist())
    assert found(few, recalls=(1.0, 0.0)) == [Flaw(Kind.FEW, ("b",), flaws.FEW), Flaw(Kind.NEVER, ("b",))]
    assert found(plenty, recalls=(None, 0.1)) == []


def test_a_class_before_one_background_is_named_where_others_have_none(plenty: Collection) -> None:
    views = [view.copy() for view in plenty.views]
    for view in views[:20]:
        view[:12], view[-12:], view[:, :12], view[:, -12:] = 240, 240, 240, 240
    assert found(collection(views, plenty.targets.tolist())) == [Flaw(Kind.BACKGROUND, ("a",))]
    for view in views[20:]:
        view[:12], view[-12:], view[:, :12], view[:, -12:] = 240, 240, 240, 240
    assert found(collection(views, plenty.targets.tolist())) == [], "of all classes it tells nothing apart"


def test_every_flaw_has_a_sentence_in_both_languages() -> None:
    for kind in Kind:
        for language in ("en", "zh"):
            assert "cats" in Flaw(kind, ("cats", "dogs"), 3).message.to(language)


def clouds(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (3, 40))
    targets = np.repeat(np.arange(3), 30)
    return (centres[targets] + rng.normal(0, 1, (90, 40))).astype(np.float32), targets


def test_pictures_of_none_of_the_classes_are_told_and_hardly_any_of_their_own() -> None:
    embedding, targets = clouds()
    known = likeness.fit(embedding[::2], targets[::2], np.arange(45), 3)
    assert (known.of(embedding[1::2]) < known.least).mean() <= 0.12
    others = np.random.default_rng(5).normal(0, 3, (60, 40)).astype(np.float32)
    assert (known.of(others) < known.least).mean() > 0.95


def test_near_copies_dont_make_a_picture_look_like_its_class() -> None:
    embedding, targets = clouds()
    doubled, groups = np.repeat(embedding, 2, axis=0), np.repeat(np.arange(90), 2)
    plain = likeness.fit(embedding, targets, np.arange(90), 3)
    copies = likeness.fit(doubled, np.repeat(targets, 2), groups, 3)
    assert copies.least == pytest.approx(plain.least, abs=0.1) and copies.least < 0.95


def test_both_networks_are_taken_only_where_they_are_clearly_better() -> None:
    rng = np.random.default_rng(0)
    weights = np.ones(200)
    losses = rng.gamma(1, 0.5, 200)
    general = Comparison(0.8, losses, weights)
    served = Comparison(0.7, losses + 0.2, weights)
    same = Comparison(0.81, losses + rng.normal(-0.005, 0.2, 200), weights)
    better = Comparison(0.9, losses * 0.6, weights)
    three = (NetworkKind.SERVED, NetworkKind.GENERAL, NetworkKind.BOTH)
    for both, expected in ((same, NetworkKind.GENERAL), (better, NetworkKind.BOTH)):
        assert best(dict(zip(three, (served, general, both), strict=True))) is expected
    assert best({NetworkKind.SERVED: served}) is NetworkKind.SERVED
