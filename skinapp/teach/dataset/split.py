"""Which pictures are for learning and which for measuring: near-duplicates on one side, and of every class a fair share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinapp.errors import TeachError
from skinapp.i18n.messages import Message

Integers = NDArray[np.int64]
FOLDS = 5


@dataclass(frozen=True)
class Split:
    """Indices of the pictures to learn from and of those held out to measure; `dropped` are left out because they are
    near-duplicates of pictures of the visitor's own `test` folder."""

    train: Integers
    test: Integers
    dropped: int
    is_given: bool


def split(labels: tuple[str, ...], targets: Integers, groups: Integers, is_test: NDArray[np.bool_], share: float) -> Split:
    """The visitor's own `test` folder, where there is one, else a share of every class, drawn from a fixed seed."""
    if is_test.any():
        twins = np.isin(groups, groups[is_test]) & ~is_test
        result = Split(np.flatnonzero(~is_test & ~twins), np.flatnonzero(is_test), int(twins.sum()), True)
    else:
        is_held_out = held_out(targets, groups, share)
        result = Split(np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out), 0, False)
    for target, label in enumerate(labels):
        if _distinct(targets[result.train], groups[result.train], target) < 2:
            raise TeachError(Message("taught.alike", label=label))
    return result


def held_out(targets: Integers, groups: Integers, share: float, seed: int = 0) -> NDArray[np.bool_]:
    """Of each class whole groups, until they are about this share; always one, and never so many that fewer than two are left."""
    rng, is_held_out = np.random.default_rng(seed), np.zeros(len(targets), np.bool_)
    class_of = majority_classes(targets, groups)
    for target in np.unique(targets):
        candidates = rng.permutation(np.flatnonzero(class_of == target))
        quota, count = share * (targets == target).sum(), 0
        for group in candidates[: max(0, len(candidates) - 2)]:
            if count >= quota:
                break
            is_held_out |= groups == group
            count += int((groups == group).sum())
    return is_held_out


def folds(targets: Integers, groups: Integers, seed: int = 0) -> Integers:
    """A fold for each picture `[n]`: whole groups, each class spread evenly; no more folds than the rarest class has groups."""
    rng, class_of = np.random.default_rng(seed), majority_classes(targets, groups)
    count = min(FOLDS, *(int((class_of == target).sum()) for target in np.unique(targets)))
    filled, fold = np.zeros((targets.max() + 1, count)), np.zeros(len(targets), np.int64)
    sizes = np.bincount(groups, minlength=len(class_of))
    order = rng.permutation(np.unique(groups))
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        loads = filled[class_of[group]]
        emptiest = int(np.lexsort((filled.sum(0), loads))[0])
        fold[groups == group] = emptiest
        filled[class_of[group], emptiest] += sizes[group]
    return fold


def majority_classes(targets: Integers, groups: Integers) -> Integers:
    """The class that most pictures of each group have, by the group's number; -1 where no picture has that number."""
    counts = np.zeros((groups.max() + 1, targets.max() + 1), np.int64)
    np.add.at(counts, (groups, targets), 1)
    return np.where(counts.any(1), counts.argmax(1), -1)


def _distinct(targets: Integers, groups: Integers, target: int) -> int:
    """How many pictures of a class there are that are no near-duplicates of each other."""
    return int((majority_classes(targets, groups) == target).sum()) if len(targets) else 0
