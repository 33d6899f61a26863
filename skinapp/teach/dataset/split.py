"""Which pictures are for learning and which for measuring: near-duplicates on one side, and of every class a fair share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinapp.errors import TeachError
from skinapp.i18n.messages import Message

Places = NDArray[np.int64]
FOLDS = 5


@dataclass(frozen=True)
class Split:
    """Places of the pictures to learn from and of those held out to measure; `dropped` are left out because they are
    near-duplicates of pictures of the visitor's own `test` folder."""

    train: Places
    test: Places
    dropped: int
    is_given: bool


def split(labels: tuple[str, ...], targets: Places, groups: Places, is_test: NDArray[np.bool_], share: float) -> Split:
    """The visitor's own `test` folder, where there is one, else a share of every class, drawn from a fixed seed."""
    if is_test.any():
        twins = np.isin(groups, groups[is_test]) & ~is_test
        found = Split(np.flatnonzero(~is_test & ~twins), np.flatnonzero(is_test), int(twins.sum()), True)
    else:
        held = held_out(targets, groups, share)
        found = Split(np.flatnonzero(~held), np.flatnonzero(held), 0, False)
    for target, label in enumerate(labels):
        if _different(targets[found.train], groups[found.train], target) < 2:
            raise TeachError(Message("taught.alike", label=label))
    return found


def held_out(targets: Places, groups: Places, share: float, seed: int = 0) -> NDArray[np.bool_]:
    """Of each class whole groups, until they are about this share; always one, and never so many that fewer than two are left."""
    rng, held = np.random.default_rng(seed), np.zeros(len(targets), np.bool_)
    owner = owners(targets, groups)
    for target in np.unique(targets):
        own = rng.permutation(np.flatnonzero(owner == target))
        wanted, taken = share * (targets == target).sum(), 0
        for group in own[: max(0, len(own) - 2)]:
            if taken >= wanted:
                break
            held |= groups == group
            taken += int((groups == group).sum())
    return held


def folds(targets: Places, groups: Places, seed: int = 0) -> Places:
    """A fold for each picture `[n]`: whole groups, each class spread evenly; no more folds than the rarest class has groups."""
    rng, owner = np.random.default_rng(seed), owners(targets, groups)
    count = min(FOLDS, *(int((owner == target).sum()) for target in np.unique(targets)))
    filled, fold = np.zeros((targets.max() + 1, count)), np.zeros(len(targets), np.int64)
    sizes = np.bincount(groups, minlength=len(owner))
    order = rng.permutation(np.unique(groups))
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        loads = filled[owner[group]]
        place = int(np.lexsort((filled.sum(0), loads))[0])
        fold[groups == group] = place
        filled[owner[group], place] += sizes[group]
    return fold


def owners(targets: Places, groups: Places) -> Places:
    """The class that most pictures of each group have, by the group's number; -1 where no picture has that number."""
    counts = np.zeros((groups.max() + 1, targets.max() + 1), np.int64)
    np.add.at(counts, (groups, targets), 1)
    return np.where(counts.any(1), counts.argmax(1), -1)


def _different(targets: Places, groups: Places, target: int) -> int:
    """How many pictures of a class there are that are no near-duplicates of each other."""
    return int((owners(targets, groups) == target).sum()) if len(targets) else 0
