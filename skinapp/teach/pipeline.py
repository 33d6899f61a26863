"""From a visitor's pictures to a model that answers: looks at them with the served model, learns, measures, writes the folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment.classifier import Classification, Classifier
from skinapp.assessment.loaded_model import LoadedModel
from skinapp.imaging import preprocess
from skinapp.teach import linear_head
from skinapp.teach.dataset import near_duplicates
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.dataset.split import Integers, Split, split
from skinapp.teach.linear_head import TrainedHead
from skinapp.teach.model_folder import writer
from skinapp.teach.progress import Progress

BATCH = 4
"""Pictures a pass: half of a pool's, so that a visitor's photo joins the next one instead of waiting for many."""
MISTAKES = 8
"""Of the held-out pictures that were classified wrongly, the surest ones are shown."""


@dataclass(frozen=True)
class Embeddings:
    """What the served model sees in a collection: `embedding [n, d]`, and its groups of near-duplicates `[n]`."""

    embedding: NDArray[np.float32]
    groups: Integers


@dataclass(frozen=True)
class Mistake:
    """A picture that was held out, what it is, and what it was taken for, with its map."""

    name: str
    truth: str
    view: NDArray[np.uint8]
    predicted: Classification


@dataclass(frozen=True)
class TrainingResult:
    """A visitor's own model, open and on disk, and everything that is reported about it."""

    classifier: Classifier
    trained: TrainedHead
    split: Split
    mistakes: tuple[Mistake, ...]


def embed(base: LoadedModel, collection: Collection, progress: Progress) -> Embeddings:
    """The embeddings of all pictures, and which are near-duplicates."""
    count, batches, hashes, mirror_hashes = len(collection.names), [], [], []
    progress.begin("looking", count)
    for start in range(0, count, BATCH):
        views = np.asarray(collection.views[start : start + BATCH])
        batches.append(base.session.run(preprocess.normalize(views, base.spec.transform)).embedding)
        hashes += [near_duplicates.edges(view) for view in views]
        mirror_hashes += [near_duplicates.mirrored(view) for view in views]
        progress.step(len(views))
    embedding = np.concatenate(batches)
    return Embeddings(embedding, near_duplicates.groups(np.stack(hashes), np.stack(mirror_hashes), embedding, progress))


def teach(
    base: LoadedModel, collection: Collection, embeddings: Embeddings, share: float, out: Path, progress: Progress
) -> TrainingResult:
    """The model folder `out` and what it is worth; `share` is held out where the visitor gave no `test` folder."""
    parts = split(collection.labels, collection.targets, embeddings.groups, collection.is_test, share)
    trained = linear_head.train_head(
        embeddings.embedding, collection.targets, embeddings.groups, parts, len(collection.labels), progress
    )
    progress.begin("writing", 3)
    classifier = writer.write(base, collection, parts, trained, out)
    progress.step()
    mistakes = _mistakes(classifier, collection, parts, trained)
    progress.step()
    writer.pack(out, out.with_suffix(".zip"))
    progress.step()
    return TrainingResult(classifier, trained, parts, mistakes)


def most_helped(trained: TrainedHead) -> tuple[int, float] | None:
    """The class that more pictures would help most, and what its recall gained from half of the pictures to all: the largest
    gain, and of equals the lowest recall; none where every class is always found."""
    half, whole = (np.nan_to_num(point.recalls, nan=1.0) for point in trained.curve[-2:])
    lacking = np.flatnonzero(whole < 1)
    if not len(lacking):
        return None
    best = max(lacking.tolist(), key=lambda target: (max(whole[target] - half[target], 0.0), 1 - whole[target]))
    return best, float(whole[best] - half[best])


def _mistakes(classifier: Classifier, collection: Collection, parts: Split, trained: TrainedHead) -> tuple[Mistake, ...]:
    """The held-out pictures that were classified wrongly, most surely wrong first, with their maps."""
    predicted, truths = trained.chances.argmax(1), collection.targets[parts.test]
    wrong = np.flatnonzero(predicted != truths)
    worst: list[int] = sorted(wrong.tolist(), key=lambda index: -trained.chances[index].max())[:MISTAKES]
    return tuple(_mistake(classifier, collection, int(parts.test[index])) for index in worst)


def _mistake(classifier: Classifier, collection: Collection, index: int) -> Mistake:
    view: NDArray[Any] = np.array(collection.views[index])
    truth = collection.labels[int(collection.targets[index])]
    return Mistake(collection.names[index], truth, view, classifier.assess([view])[0])
