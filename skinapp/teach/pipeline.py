"""From a visitor's pictures to a model that answers: looks at them with the networks, learns, measures, writes the folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment.classifier import Classification, Classifier
from skinapp.assessment.loaded_model import LoadedModel
from skinapp.imaging import preprocess
from skinapp.imaging.decode import Photo
from skinapp.teach import flaws, likeness, linear_head, looks
from skinapp.teach.dataset import near_duplicates
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.dataset.split import Integers, Split, split
from skinapp.teach.flaws import Flaw
from skinapp.teach.linear_head import Comparison, Features, TrainedHead
from skinapp.teach.model_folder import writer
from skinapp.teach.networks import Kind, Networks
from skinapp.teach.progress import Progress

BATCH = 4
"""Pictures a pass: half of a pool's, so that a visitor's photo joins the next one instead of waiting for many."""
MISTAKES = 8
"""Of the held-out pictures that were classified wrongly, the surest ones are shown."""
LEAST_GROUPS = 3
"""With fewer different pictures of a class, nothing could be held out and cross-validated."""
BURST_PARTS = 5
"""Into which a burst of pictures of one thing is cut, in the order that they were taken in."""

Embedded = NDArray[np.float32]


@dataclass
class Embeddings:
    """What the networks see in a collection: by network and look `[n, d]`, and what tells near-duplicates. Grows as it is needed;
    what was seen once is not looked at again."""

    hashes: NDArray[np.uint64]
    mirror_hashes: NDArray[np.uint64]
    seen: dict[tuple[Kind, bool], Embedded]
    """By the network, and whether it was the second look."""

    @classmethod
    def empty(cls) -> "Embeddings":
        return cls(np.zeros((0, 4), np.uint64), np.zeros((0, 4), np.uint64), {})

    def take(self, indices: Integers) -> "Embeddings":
        """Of some of the pictures; `indices` may lie beyond what was seen so far."""
        hashes, mirror_hashes = (values[indices[indices < len(values)]] for values in (self.hashes, self.mirror_hashes))
        return Embeddings(
            hashes, mirror_hashes, {key: values[indices[indices < len(values)]] for key, values in self.seen.items()}
        )


@dataclass(frozen=True)
class Mistake:
    """A picture that was held out, what it is, and what it was taken for, with its map."""

    name: str
    truth: str
    view: NDArray[np.uint8]
    predicted: Classification


@dataclass(frozen=True)
class Chosen:
    """What the head was learned on, what else there was by its balanced accuracy in cross-validation, and whether the visitor
    asked for it."""

    kind: Kind
    balanced: dict[Kind, float]
    is_asked: bool
    kinds: tuple[Kind, ...]


@dataclass(frozen=True)
class TrainingResult:
    """A visitor's own model, open and on disk, and everything that is reported about it."""

    classifier: Classifier
    trained: TrainedHead
    split: Split
    mistakes: tuple[Mistake, ...]
    chosen: Chosen
    flaws: tuple[Flaw, ...]
    own_as_none: float
    """The share of the pictures held out that were told as none of the classes."""


def embed(networks: Networks, collection: Collection, progress: Progress, known: Embeddings | None = None) -> Embeddings:
    """The embeddings of all pictures by each network, at one look; those that are `known` are of the first ones."""
    known = known or Embeddings.empty()
    start, count = len(known.hashes), len(collection.names)
    by_kind = networks.by_kind
    progress.begin("looking", (count - start) * len(by_kind))
    hashes = [known.hashes, *(near_duplicates.edges(collection.views[index])[None] for index in range(start, count))]
    mirror_hashes = [known.mirror_hashes]
    mirror_hashes += [near_duplicates.mirrored(collection.views[index])[None] for index in range(start, count)]
    found = Embeddings(np.concatenate(hashes), np.concatenate(mirror_hashes), dict(known.seen))
    for kind in by_kind:
        look(networks, collection, kind, False, found, progress)
    return found


def look(
    networks: Networks, collection: Collection, kind: Kind, is_second: bool, found: Embeddings, progress: Progress
) -> Embedded:
    """What a network sees of all pictures; only those are looked at that it hasn't seen."""
    network, before = networks.by_kind[kind], found.seen.get((kind, is_second))
    parts = [] if before is None else [before]
    for start in range(0 if before is None else len(before), len(collection.names), BATCH):
        views = [np.array(collection.views[index]) for index in range(start, min(start + BATCH, len(collection.names)))]
        parts.append(_embedding(network, [looks.second(view) for view in views] if is_second else views))
        progress.step(len(views))
    embedding = np.concatenate(parts)
    found.seen[kind, is_second] = embedding
    return embedding


def _embedding(network: LoadedModel, views: Sequence[Photo]) -> Embedded:
    return network.session.run(preprocess.normalize(views, network.spec.transform)).embedding


def teach(
    networks: Networks,
    collection: Collection,
    embeddings: Embeddings,
    share: float,
    out: Path,
    progress: Progress,
    wanted: Kind | None = None,
) -> TrainingResult:
    """The model folder `out` and what it is worth; `share` is held out where the visitor gave no `test` folder. Learned is on the
    `wanted` kind of features, or on the one that cross-validation finds best."""
    collection.check()
    groups, bursts = find_groups(networks, collection, embeddings, progress)
    parts = split(collection.labels, collection.targets, groups, collection.is_test, share)
    classes, targets = len(collection.labels), collection.targets
    chosen = _choose(networks, embeddings, (targets, groups, parts), classes, wanted, progress)
    features = features_of(networks, collection, embeddings, chosen.kind, progress)
    trained = linear_head.train_head(features, targets, groups, parts, classes, progress)
    telling_kind = networks.likeness_kind(chosen.kind)
    telling = _learned_on(networks, telling_kind, embeddings.seen[telling_kind, False])
    background = _learned_on(networks, telling_kind, networks.background(telling_kind))
    known = likeness.fit(telling[parts.train], targets[parts.train], groups[parts.train], classes, background)
    progress.begin("writing", 3)
    classifier = writer.write(networks, chosen.kind, collection, parts, trained, known, out)
    progress.step()
    mistakes = _mistakes(classifier, collection, parts, trained)
    progress.step()
    writer.pack(out, out.with_suffix(".zip"))
    progress.step()
    found = flaws.find(collection, groups, bursts, trained.figures["recall"])
    own_as_none = float((known.of(telling[parts.test]) < known.least).mean())
    return TrainingResult(classifier, trained, parts, mistakes, chosen, found, own_as_none)


def find_groups(
    networks: Networks, collection: Collection, embeddings: Embeddings, progress: Progress
) -> tuple[Integers, tuple[str, ...]]:
    """The groups of near-duplicates, by the network that knows most; and the classes that are nothing but a burst of pictures of
    one thing, as a camera takes them, whose parts count as groups, or nothing of them could be measured."""
    served = embeddings.seen[Kind.SERVED, False]
    seen, other = (embeddings.seen[Kind.GENERAL, False], served) if networks.general else (served, None)
    groups = near_duplicates.groups(embeddings.hashes, embeddings.mirror_hashes, seen, progress, other)
    bursts = []
    for target, label in enumerate(collection.labels):
        members = np.flatnonzero((collection.targets == target) & ~collection.is_test)
        distinct = len(np.unique(collection.views[members].reshape(len(members), -1)[:, ::97], axis=0)) if len(members) else 0
        if len(np.unique(groups[members])) < LEAST_GROUPS <= distinct:
            groups[members] = groups.max() + 1 + np.arange(len(members)) * BURST_PARTS // len(members)
            bursts.append(label)
    return np.unique(groups, return_inverse=True)[1].astype(np.int64), tuple(bursts)


def _choose(
    networks: Networks,
    embeddings: Embeddings,
    data: tuple[Integers, Integers, Split],
    classes: int,
    wanted: Kind | None,
    progress: Progress,
) -> Chosen:
    """The kind of features to learn on."""
    targets, groups, parts = data
    kinds = networks.kinds
    if wanted in kinds or len(kinds) == 1:
        return Chosen(wanted if wanted in kinds else kinds[0], {}, wanted in kinds, kinds)
    progress.begin("choosing", 5 * len(kinds))
    found = {
        kind: linear_head.compare(_plain(networks, embeddings, kind), targets, groups, parts.train, classes, progress)
        for kind in kinds
    }
    return Chosen(best(found), {kind: comparison.balanced for kind, comparison in found.items()}, False, kinds)


def best(found: dict[Kind, Comparison]) -> Kind:
    """The better one of the single networks, or both together where that is clearly better."""
    single = min((kind for kind in found if kind is not Kind.BOTH), key=lambda kind: found[kind].loss)
    return Kind.BOTH if Kind.BOTH in found and found[Kind.BOTH].is_clearly_better(found[single]) else single


def _plain(networks: Networks, embeddings: Embeddings, kind: Kind) -> Features:
    """What the networks of a kind see at one look."""
    seen = [_learned_on(networks, part, embeddings.seen[part, False]) for part in networks.parts(kind)]
    return Features(np.concatenate(seen, axis=1), tuple(part.shape[1] for part in seen))


def _learned_on(networks: Networks, part: Kind, embedding: Embedded) -> Embedded:
    """What a head is learned on."""
    return linear_head.rooted(embedding) if networks.is_rooted(part) else embedding


def features_of(networks: Networks, collection: Collection, embeddings: Embeddings, kind: Kind, progress: Progress) -> Features:
    """The same, with a second look where pictures are few."""
    plain = _plain(networks, embeddings, kind)
    if len(collection.names) > looks.MOST:
        return plain
    parts = networks.parts(kind)
    progress.begin("looking", len(collection.names) * len(parts))
    looked = ((part, look(networks, collection, part, True, embeddings, progress)) for part in parts)
    seconds = [_learned_on(networks, part, embedding) for part, embedding in looked]
    return replace(plain, second=np.concatenate(seconds, axis=1))


def most_helped(trained: TrainedHead) -> tuple[int, float] | None:
    """The class that more pictures would help most, and what its recall gained from half of the pictures to all: the largest
    gain, and of equals the lowest recall; none where every class is always found."""
    half, whole = (np.nan_to_num(point.recalls, nan=1.0) for point in trained.curve[-2:])
    lacking = np.flatnonzero(whole < 1)
    if not len(lacking):
        return None
    best_target = max(lacking.tolist(), key=lambda target: (max(whole[target] - half[target], 0.0), 1 - whole[target]))
    return best_target, float(whole[best_target] - half[best_target])


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
