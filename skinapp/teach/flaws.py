"""What a visitor should know of a collection: what may make its figures too good, or its model less than it seems."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from skinapp.i18n.messages import Message
from skinapp.imaging.decode import Photo
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.dataset.split import Integers

FEW = 20
"""Pictures of a class below which its figures say little."""
BORDER = 4
"""Pixels of a picture's edge that count as its background."""
PLAIN = 12.0
"""Grey levels that a background varies by at most, in a picture and between pictures, where it counts as one."""
ALIKE = 0.8
"""Share of a class's pictures that must have one background for it to be what is learned."""


class Kind(StrEnum):
    """What can be wrong."""

    ACROSS = "across"
    BURST = "burst"
    FEW = "few"
    BACKGROUND = "background"
    NEVER = "never"


@dataclass(frozen=True)
class Flaw:
    """What is wrong with which classes, and of how many pictures, where that is told."""

    kind: Kind
    labels: tuple[str, ...]
    count: int = 0

    @property
    def message(self) -> Message:
        """It in a sentence, for a person."""
        return Message(f"flaws.{self.kind}", labels=", ".join(self.labels), count=self.count)


def find(collection: Collection, groups: Integers, bursts: tuple[str, ...], recalls: Sequence[float | None]) -> tuple[Flaw, ...]:
    """Of pictures in these `groups` of near-copies, and of what was found of each class among those held out."""
    counts = np.bincount(collection.targets, minlength=len(collection.labels))
    is_across = _is_across(collection.targets, groups)
    backgrounds = _of_one_background(collection)
    classes = {
        Kind.ACROSS: np.unique(collection.targets[is_across]),
        Kind.FEW: np.flatnonzero(counts < FEW),
        Kind.BACKGROUND: backgrounds if len(backgrounds) < len(collection.labels) else backgrounds[:0],
        Kind.NEVER: np.array([target for target, recall in enumerate(recalls) if recall == 0], np.int64),
    }
    labels = {kind: tuple(collection.labels[target] for target in targets.tolist()) for kind, targets in classes.items()}
    labels[Kind.BURST] = bursts
    numbers = {Kind.ACROSS: int(is_across.sum()), Kind.FEW: FEW}
    return tuple(Flaw(kind, labels[kind], numbers.get(kind, 0)) for kind in Kind if labels[kind])


def _is_across(targets: Integers, groups: Integers) -> NDArray[np.bool_]:
    """Which pictures have a near-copy in another class."""
    lowest, highest = np.full(groups.max() + 1, targets.max()), np.zeros(groups.max() + 1, np.int64)
    np.minimum.at(lowest, groups, targets)
    np.maximum.at(highest, groups, targets)
    return np.asarray(lowest[groups] != highest[groups])


def _of_one_background(collection: Collection) -> Integers:
    """The classes most of whose pictures have borders of one colour, the same in all of them."""
    borders = [_border(collection.views[index]) for index in range(len(collection.names))]
    colours = np.array([border.mean(0) for border in borders])
    is_plain = np.array([border.std(0).max() < PLAIN for border in borders])
    found = []
    for target in range(len(collection.labels)):
        is_member = collection.targets == target
        plain = colours[is_member & is_plain]
        if len(plain) >= ALIKE * is_member.sum():
            distance = np.abs(plain - np.median(plain, axis=0)).max(1)
            found += [target] if (distance < PLAIN).mean() >= ALIKE else []
    return np.array(found, np.int64)


def _border(view: Photo) -> NDArray[np.uint8]:
    """A picture's outermost pixels `[n, 3]`."""
    rows, columns = np.concatenate([view[:BORDER], view[-BORDER:]]), np.concatenate([view[:, :BORDER], view[:, -BORDER:]], axis=1)
    return np.concatenate([rows.reshape(-1, 3), columns.reshape(-1, 3)])
