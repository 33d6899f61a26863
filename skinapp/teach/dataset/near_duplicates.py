"""Which pictures are near-duplicates of each other: they must stand on one side of a split, or its figures are too good.

The limits were measured on 370 photos, dermatoscopic and not, and five edits of each: JPEG at quality 35, half the size, 12% more
light, a crop by 8% and a mirror. The first three changed at most 21 of 256 edges in 95 of 100 photos; two different photos always
differed in 40 or more. No two different photos had embeddings (centred) nearer than 0.955; most crops stay above 0.85.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.imaging.decode import Photo

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


def groups(plain: Hashes, mirror: Hashes, embedding: NDArray[np.float32]) -> NDArray[np.int64]:
    """A number for each picture `[n]`, the same for all near-duplicates, by their edges' directions and `embedding [n, d]`."""
    centred = embedding - embedding.mean(0)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    parents = np.arange(len(plain))
    for start in range(0, len(plain), CHUNK):
        part = slice(start, start + CHUNK)
        alike = centred[part] @ centred.T
        differ = np.minimum(_differ(plain[part], plain), _differ(mirror[part], plain))
        twin = (differ < SAME_EDGES) | (alike > SAME_FEATURES) | ((differ < LIKE_EDGES) & (alike > LIKE_FEATURES))
        for one, other in np.argwhere(twin):
            _join(parents, start + int(one), int(other))
    return np.unique([_root(parents, place) for place in range(len(parents))], return_inverse=True)[1].astype(np.int64)


def _differ(some: Hashes, others: Hashes) -> NDArray[np.float64]:
    """Of the directions that either of two pictures has, the share that only one has `[m, n]`; pictures without any differ."""
    apart = np.bitwise_count(some[:, None] ^ others[None]).sum(2, dtype=np.int64)
    either = np.bitwise_count(some[:, None] | others[None]).sum(2, dtype=np.int64)
    return np.asarray(np.divide(apart, either, out=np.ones(apart.shape), where=either > 0))


def _root(parents: NDArray[np.int64], place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = int(parents[place])
    return place


def _join(parents: NDArray[np.int64], one: int, other: int) -> None:
    first, second = sorted((_root(parents, one), _root(parents, other)))
    parents[second] = first
