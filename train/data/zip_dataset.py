"""Labelled photos as a zip for `skinapp.teach`: the seven lesions, or malignant and benign, with the CSV's own train and test."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from skinapp.labels import CODES, MALIGNANT
from train.data import dataset

TWO = {code: "malignant" if code in MALIGNANT else "benign" for code in CODES}


def pack(images: Path, labels: Path, out: Path, per_split: int, two: bool, seed: int = 0) -> dict[str, int]:
    """Write about `per_split` photos of each split, as many of each class as there are, one a group; the counts by folder."""
    counts: dict[str, int] = {}
    with ZipFile(out, "w", ZIP_STORED) as archive:
        for split in ("train", "test"):
            rows = dataset.read_rows(images, labels, split)
            names = [TWO[CODES[row.target]] if two else CODES[row.target] for row in rows]
            for index in _chosen(rows, names, per_split, seed):
                folder = f"{split}/{names[index]}"
                counts[folder] = counts.get(folder, 0) + 1
                archive.write(rows[index].path, f"{folder}/{rows[index].path.name}")
    return counts


def _chosen(rows: Sequence[dataset.Row], names: Sequence[str], per_split: int, seed: int) -> list[int]:
    """Indices of photos, drawn from a seed: an even share of every class, and of a group only one."""
    order = np.random.default_rng(seed).permutation(len(rows))
    share, counts, groups = per_split // len(set(names)), dict.fromkeys(names, 0), set[str]()
    chosen = []
    for index in order.tolist():
        if counts[names[index]] < share and rows[index].group not in groups:
            chosen.append(index)
            counts[names[index]] += 1
            groups.add(rows[index].group)
    return chosen
