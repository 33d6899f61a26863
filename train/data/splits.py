"""Splits rows by lesion, so that no lesion is on both sides, with every diagnosis in the same share on each."""

import random
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from skinapp.labels import CODES
from train.data.dataset import DataError, Row


def train_and_val(rows: Sequence[Row], share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Rows to train on and to choose by: as the CSV's split column says, else this share of the lesions held out."""
    if any(row.split for row in rows):
        by_split = {name: [row for row in rows if row.split == name] for name in ("train", "val")}
        for name, chosen in by_split.items():
            if not chosen:
                raise DataError(f"The CSV has a split column but no row with split {name!r}; add some or drop the column.")
        return by_split["train"], by_split["val"]
    held_out = _held_out_groups(rows, share, seed)
    return [row for row in rows if row.group not in held_out], [row for row in rows if row.group in held_out]


def balanced(rows: Sequence[Row], count: int) -> list[Row]:
    """As many photos of each lesion, drawn from a fixed seed, about `count` in all."""
    rng = np.random.default_rng(0)
    chosen = []
    for target in range(len(CODES)):
        of_lesion = [row for row in rows if row.target == target]
        picks = rng.permutation(len(of_lesion))[: count // len(CODES)]
        chosen += [of_lesion[pick] for pick in sorted(picks)]
    return chosen


def _held_out_groups(rows: Sequence[Row], share: float, seed: int) -> set[str]:
    """Of every diagnosis, this share of its lesions."""
    groups: dict[int, list[str]] = defaultdict(list)
    for group, target in {row.group: row.target for row in rows}.items():
        groups[target].append(group)
    held_out: set[str] = set()
    for target in sorted(groups):
        names = sorted(groups[target])
        random.Random(f"{seed}-{target}").shuffle(names)
        held_out.update(names[: max(1, round(len(names) * share))])
    return held_out
