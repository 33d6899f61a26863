"""Whether a picture shows any of the classes at all: how like it is to the pictures of the class that it is most like.

The likeness is a cosine between embeddings, seen from the middle of all pictures: the mean of the nearest three pictures of a
class, less half of that of the nearest three of a background of all sorts of things, where there is one. A head's own
probabilities don't tell it: they say which class, and are as sure of a picture of something else.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skinapp.teach.dataset.split import Integers

NEAREST = 3
EXEMPLARS = 512
"""Pictures that a model remembers at most, of all classes together: as FP16 a megabyte."""
FEWEST = 8
"""Of a class, however many classes there are."""
OWN_SHARE = 0.05
"""Of the classes' own pictures that may be told as none of them, as it seems from those learned from."""
BACKGROUND_WEIGHT = np.float32(0.5)
"""How much being like something else counts against being like a class: a half told most of other pictures (docs/teach.md)."""
EPSILON = 1e-6

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Likeness:
    """What is remembered: the middle of all pictures `middle [d]`, and of each class some pictures `exemplars [k, m, d]`, of
    length 1, of which the first `counts [k]` are there; the `background [n, d]`, likewise; and how like a class its own pictures
    are at `least`."""

    middle: Floats
    exemplars: Floats
    counts: Integers
    background: Floats
    least: float

    @property
    def nearest(self) -> int:
        """How many exemplars a likeness is the mean of: no more than the smallest class has."""
        return min(NEAREST, int(self.counts.min()))

    def of(self, embedding: Floats) -> Floats:
        """Of pictures `[n, d]` to the class that each is most like, `[n]`; the graph computes the same."""
        units = _unit(embedding - self.middle)
        cosines = np.einsum("nd,kmd->nkm", units, self.exemplars)
        cosines = np.where(np.arange(cosines.shape[2]) < self.counts[:, None], cosines, -2)
        nearest = np.sort(cosines, axis=2)[:, :, -self.nearest :].mean(2).max(1)
        return np.asarray(nearest - _to_background(units, self.background), np.float32)


def fit(embedding: Floats, targets: Integers, groups: Integers, classes: int, background: Floats | None = None) -> Likeness:
    """What to remember of pictures `[n, d]`, and from which likeness on a picture counts as one of theirs."""
    middle = embedding.mean(0, dtype=np.float64)
    if background is None or len(background) < NEAREST:
        background = np.zeros((0, embedding.shape[1]), np.float32)
    else:
        middle = (middle + background.mean(0, dtype=np.float64)) / 2
    middle = middle.astype(np.float32)
    others = _stored(_unit(background - middle))
    units = _unit(embedding - middle)
    chosen = [_chosen(np.flatnonzero(targets == target), groups, max(FEWEST, EXEMPLARS // classes)) for target in range(classes)]
    counts = np.array([len(indices) for indices in chosen], np.int64)
    exemplars = np.zeros((classes, counts.max(), embedding.shape[1]), np.float32)
    for target, indices in enumerate(chosen):
        exemplars[target, : len(indices)] = units[indices]
    found = Likeness(middle, _stored(exemplars), counts, others, 0.0)
    scores = _own_scores(units, groups, chosen, found.nearest) - _to_background(units, others)
    return replace(found, least=round(float(np.quantile(scores, OWN_SHARE)), 4))


def _to_background(units: Floats, background: Floats) -> Floats:
    """What being like something else takes away."""
    if not len(background):
        return np.zeros(len(units), np.float32)
    return np.asarray(BACKGROUND_WEIGHT * np.sort(units @ background.T, axis=1)[:, -NEAREST:].mean(1), np.float32)


def _stored(vectors: Floats) -> Floats:
    """As a model's file holds them."""
    return vectors.astype(np.float16).astype(np.float32)


def _own_scores(units: Floats, groups: Integers, chosen: list[Integers], nearest: int) -> Floats:
    """How like the others each picture is, itself and its near-copies left out."""
    scores = np.full(len(units), -2.0, np.float32)
    for indices in chosen:
        cosines = units @ units[indices].T
        cosines[groups[:, None] == groups[indices]] = np.nan
        known = np.sort(cosines, axis=1)  # nan comes last
        counts = (~np.isnan(known)).sum(1)
        for row, count in enumerate(counts):
            if count:
                scores[row] = max(scores[row], known[row, max(0, count - nearest) : count].mean())
    return scores


def _chosen(indices: Integers, groups: Integers, most: int) -> Integers:
    """Some of a class's pictures, from a fixed seed: one of each group of near-copies first."""
    order = np.random.default_rng(0).permutation(indices)
    first = np.unique(groups[order], return_index=True)[1]
    others = np.setdiff1d(np.arange(len(order)), first)
    return np.asarray(order[np.concatenate([np.sort(first), others])][:most])


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), EPSILON), np.float32)
