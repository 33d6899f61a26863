"""Which pictures are near-duplicates of each other: they must stand on one side of a split, or its figures are too good.

The limits were measured on 370 photos, dermatoscopic and not, and five edits of each: JPEG at quality 35, half the size, 12% more
light, a crop by 8% and a mirror. The first three changed at most 21 of 256 edges in 95 of 100 photos; two different photos always
differed in 40 or more. No two different photos had embeddings (centred) nearer than 0.955; most crops stay above 0.85.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.imaging.decode import Photo
from skinapp.teach.progress import Progress

SIDE = 16
SAME_EDGES, LIKE_EDGES = 0.2, 0.4
"""Share of the edges' directions that differ: below the first a twin, below the second one if the embeddings are alike too."""
SAME_FEATURES, LIKE_FEATURES = 0.96, 0.85
CHUNK = 256
"""Pictures that are compared with all at once."""

Hashes = NDArray[np.uint64]
"""`[n, 4]`: 256 bits a picture."""


def edges(view: Photo) -> NDArray[np.uint64]:
    """In which direction brightness rises between neighbours of a 16x17 miniature, as 256 bits `[4]`."""
    small = cv2.resize(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.packbits(small[:, 1:] > small[:, :-1]).view(np.uint64)


def mirrored(view: Photo) -> NDArray[np.uint64]:
    """The same of the picture as in a mirror."""
    return edges(np.ascontiguousarray(view[:, ::-1]))


def groups(
    hashes: Hashes,
    mirror_hashes: Hashes,
    embedding: NDArray[np.float32],
    progress: Progress,
    other: NDArray[np.float32] | None = None,
) -> NDArray[np.int64]:
    """A number for each picture `[n]`, the same for all near-duplicates, by their edges' directions and `embedding [n, d]`; and
    where in an `other` network's embedding two are the same, as lesions are to one that has seen nothing else."""
    progress.begin("comparing", len(hashes))
    centred, other_centred = _centred(embedding), None if other is None else _centred(other)
    group = np.arange(len(hashes))
    for start in range(0, len(hashes), CHUNK):
        chunk = slice(start, start + CHUNK)
        similarity = centred[chunk] @ centred.T
        difference = np.minimum(_difference(hashes[chunk], hashes), _difference(mirror_hashes[chunk], hashes))
        is_twin = (
            (difference < SAME_EDGES) | (similarity > SAME_FEATURES) | ((difference < LIKE_EDGES) & (similarity > LIKE_FEATURES))
        )
        if other_centred is not None:
            is_twin |= other_centred[chunk] @ other_centred.T > SAME_FEATURES
        for twins in is_twin:
            group = _merged(group, group[twins])
        progress.step(len(is_twin))
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def _centred(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """Seen from the middle of all pictures, at length 1."""
    centred = embedding - embedding.mean(0)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9), np.float32)


def _difference(hashes: Hashes, others: Hashes) -> NDArray[np.float32]:
    """Of the directions that either of two pictures has, the share that only one has `[m, n]`; pictures without any differ."""
    differing, either = (np.zeros((len(hashes), len(others)), np.uint16) for _ in range(2))
    for mine, theirs in zip(hashes.T.copy(), others.T.copy(), strict=True):
        differing += np.bitwise_count(mine[:, None] ^ theirs)
        either += np.bitwise_count(mine[:, None] | theirs)
    return np.divide(differing, either, out=np.ones(differing.shape, np.float32), where=either > 0)


def _merged(group: NDArray[np.int64], joined: NDArray[np.int64]) -> NDArray[np.int64]:
    """The groups `[n]`, with those in `joined` made one."""
    if len(joined) == 0 or (joined == joined[0]).all():
        return group
    new_group = np.arange(len(group))
    new_group[joined] = joined.min()
    return new_group[group]
