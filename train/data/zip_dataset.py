"""Labelled photos as a zip for `skinapp.teach`: the seven lesions, or malignant and benign, with the CSV's own train and test."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from skinapp.labels import CODES, MALIGNANT
from train.data import dataset

TWO = {code: "malignant" if code in MALIGNANT else "benign" for code in CODES}


def pack(images: Path, labels: Path, out: Path, each: int, two: bool, seed: int = 0) -> dict[str, int]:
    """Write about `each` photos of each split, as many of each class as there are, one a group; the counts by folder."""
    counts: dict[str, int] = {}
    with ZipFile(out, "w", ZIP_STORED) as packed:
        for split in ("train", "test"):
            rows = dataset.read_rows(images, labels, split)
            names = [TWO[CODES[row.target]] if two else CODES[row.target] for row in rows]
            for place in _chosen(rows, names, each, seed):
                folder = f"{split}/{names[place]}"
                counts[folder] = counts.get(folder, 0) + 1
                packed.write(rows[place].path, f"{folder}/{rows[place].path.name}")
    return counts


def _chosen(rows: Sequence[dataset.Row], names: Sequence[str], each: int, seed: int) -> list[int]:
    """Places of photos, drawn from a seed: an even share of every class, and of a group only one."""
    order = np.random.default_rng(seed).permutation(len(rows))
    share, taken, groups = each // len(set(names)), dict.fromkeys(names, 0), set[str]()
    chosen = []
    for place in order.tolist():
        if taken[names[place]] < share and rows[place].group not in groups:
            chosen.append(place)
            taken[names[place]] += 1
            groups.add(rows[place].group)
    return chosen
