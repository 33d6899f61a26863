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
from skinapp.teach.dataset.split import Places, Split, split
from skinapp.teach.linear_head import TrainedHead
from skinapp.teach.model_folder import writer
from skinapp.teach.progress import Progress

PART = 4
"""Pictures a pass: half of a pool's, so that a visitor's photo joins the next one instead of waiting for many."""
MISTAKES = 8
"""Of those that were held out and named wrongly, the surest ones are shown."""


@dataclass(frozen=True)
class Embeddings:
    """What the served model sees in a collection: `embedding [n, d]`, and its groups of near-duplicates `[n]`."""

    embedding: NDArray[np.float32]
    groups: Places


@dataclass(frozen=True)
class Mistake:
    """A picture that was held out, what it is, and what it was named, with its map."""

    name: str
    truth: str
    view: NDArray[np.uint8]
    named: Classification


@dataclass(frozen=True)
class TrainingResult:
    """A model of one's own, open and on disk, and all that is told of it."""

    classifier: Classifier
    trained: TrainedHead
    split: Split
    mistakes: tuple[Mistake, ...]


def embed(base: LoadedModel, collection: Collection, progress: Progress) -> Embeddings:
    """The embeddings of all pictures, and which are near-duplicates."""
    count, parts, plain, mirror = len(collection.names), [], [], []
    progress.begin("looking", count)
    for start in range(0, count, PART):
        views = np.asarray(collection.views[start : start + PART])
        parts.append(base.session.run(preprocess.normalize(views, base.spec.transform)).embedding)
        plain += [near_duplicates.edges(view) for view in views]
        mirror += [near_duplicates.mirrored(view) for view in views]
        progress.step(len(views))
    embedding = np.concatenate(parts)
    return Embeddings(embedding, near_duplicates.groups(np.stack(plain), np.stack(mirror), embedding, progress))


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


def most_helped(taught: TrainedHead) -> tuple[int, float] | None:
    """The class that more pictures would help most, and what its recall gained from half of the pictures to all: the largest
    gain, and of equals the lowest recall; none where every class is always found."""
    half, whole = (np.nan_to_num(step.recalls, nan=1.0) for step in taught.curve[-2:])
    lacking = np.flatnonzero(whole < 1)
    if not len(lacking):
        return None
    best = max(lacking.tolist(), key=lambda target: (max(whole[target] - half[target], 0.0), 1 - whole[target]))
    return best, float(whole[best] - half[best])


def _mistakes(classifier: Classifier, collection: Collection, parts: Split, trained: TrainedHead) -> tuple[Mistake, ...]:
    """The held-out pictures that were named wrongly, most surely wrong first, with their maps."""
    named, truths = trained.chances.argmax(1), collection.targets[parts.test]
    wrong = np.flatnonzero(named != truths)
    worst: list[int] = sorted(wrong.tolist(), key=lambda place: -trained.chances[place].max())[:MISTAKES]
    return tuple(_mistake(classifier, collection, int(parts.test[place])) for place in worst)


def _mistake(classifier: Classifier, collection: Collection, place: int) -> Mistake:
    view: NDArray[Any] = np.array(collection.views[place])
    truth = collection.labels[int(collection.targets[place])]
    return Mistake(collection.names[place], truth, view, classifier.assess([view])[0])
