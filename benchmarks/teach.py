"""python -m benchmarks.teach FOLDER [--each 40] [--few 10] [--rounds 5] [--classes NAME ...]

How well the Teach tab learns ordinary things, from FOLDER with one folder of photos a class: balanced accuracy with a fifth held
out and from few pictures a class, on each network; pictures of other classes that are told as none of these; and the seconds from
a zip of drawn patterns (200 pictures in 4 classes) to figures.
"""

import argparse
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import loading
from skinapp.teach import likeness, linear_head, pipeline
from skinapp.teach.dataset import dataset, sample
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.dataset.split import Split, split
from skinapp.teach.networks import Kind, Networks
from skinapp.teach.pipeline import Embeddings
from skinapp.teach.progress import Progress

Integers = NDArray[np.int64]
TOGETHER = 3
"""Classes that are taught at once, where the others are what is none of them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, metavar="FOLDER", help="one folder of photos a class")
    parser.add_argument("--each", type=int, default=40, help="photos of a class at most; default: 40")
    parser.add_argument("--few", type=int, default=10, help="photos of a class to learn from, where they are few; default: 10")
    parser.add_argument("--rounds", type=int, default=5, help="splits that figures are the mean of; default: 5")
    parser.add_argument("--classes", nargs="+", metavar="NAME", help="folders to take; default: all")
    options = parser.parse_args()
    networks = Networks.of(loading.load(provider="cpu"), "", "cpu")
    with tempfile.TemporaryDirectory() as place:
        collection, embeddings = _seen(networks, options.photos, options.classes, options.each, Path(place))
        say(f"{len(collection.names)} photos: {', '.join(f'{label} {count}' for label, count, _ in collection.counts())}")
        groups, _ = pipeline.find_groups(networks, collection, embeddings, Progress())
        for what, held_out in (("a fifth held out", None), (f"{options.few} a class", options.few)):
            for kind in networks.kinds:
                found = [
                    _accuracy(networks, collection, embeddings, groups, kind, held_out, seed) for seed in range(options.rounds)
                ]
                say(f"{what}, {kind}: balanced accuracy {np.mean(found):.3f} (standard error {_error(found):.3f})")
        _none_of_these(networks, collection, embeddings, groups, options.rounds)
        say(f"200 drawn pictures in 4 classes from zip to figures: {_seconds(networks, Path(place)):.1f} s")


def _seen(networks: Networks, photos: Path, classes: list[str] | None, each: int, place: Path) -> tuple[Collection, Embeddings]:
    """The photos, and what both networks see in them at both looks."""
    rng = np.random.default_rng(0)
    with ZipFile(place / "photos.zip", "w") as archive:
        for folder in sorted(path for path in photos.iterdir() if path.is_dir() and (not classes or path.name in classes)):
            files = sorted(path for path in folder.iterdir() if path.is_file())
            for index in rng.permutation(len(files))[:each]:
                archive.write(files[index], f"photos/{folder.name}/{files[index].name}")
    collection = dataset.gather(place / "photos.zip", networks.served.spec.transform, place, Progress())
    embeddings = pipeline.embed(networks, collection, Progress())
    for kind in networks.by_kind:
        pipeline.look(networks, collection, kind, True, embeddings, Progress())
    return collection, embeddings


def _parts(collection: Collection, groups: Integers, few: int | None, seed: int) -> Split:
    """Another split for each seed, by groups: a fifth held out, or all but a few of each class."""
    order = np.random.default_rng(seed).permutation(groups.max() + 1)
    shuffled = order[groups]
    if few is None:
        return split(collection.labels, collection.targets, shuffled, np.zeros(len(groups), np.bool_), 0.2)
    train = list[int]()
    for target in range(len(collection.labels)):
        members = np.flatnonzero(collection.targets == target)
        train += members[np.argsort(shuffled[members], kind="stable")][:few].tolist()
    indices = np.array(sorted(train), np.int64)
    rest = np.setdiff1d(np.arange(len(groups)), indices)
    return Split(indices, rest[~np.isin(groups[rest], groups[indices])], 0, False)


def _accuracy(
    networks: Networks,
    collection: Collection,
    embeddings: Embeddings,
    groups: Integers,
    kind: Kind,
    few: int | None,
    seed: int,
) -> float:
    parts = _parts(collection, groups, few, seed)
    features = pipeline.features_of(networks, collection, embeddings, kind, Progress())
    trained = linear_head.train_head(features, collection.targets, groups, parts, len(collection.labels), Progress())
    return float(trained.figures["balanced_accuracy"]["value"])


def _none_of_these(networks: Networks, collection: Collection, embeddings: Embeddings, groups: Integers, rounds: int) -> None:
    """Of every three classes taught: the others' pictures told as none of them, and their own held out that are told so."""
    seen = linear_head.rooted(embeddings.seen[Kind.GENERAL, False])
    background = linear_head.rooted(networks.background(Kind.GENERAL))
    told, own = list[float](), list[float]()
    for seed in range(rounds):
        parts = _parts(collection, groups, None, seed)
        for classes in combinations(range(len(collection.labels)), min(TOGETHER, len(collection.labels) - 1)):
            train, test = (indices[np.isin(collection.targets[indices], classes)] for indices in (parts.train, parts.test))
            targets = np.searchsorted(classes, collection.targets[train])
            known = likeness.fit(seen[train], targets, groups[train], len(classes), background)
            others = np.flatnonzero(~np.isin(collection.targets, classes))
            told.append(float((known.of(seen[others]) < known.least).mean()))
            own.append(float((known.of(seen[test]) < known.least).mean()))
    say(f"none of these, {len(told)} times three classes: {np.mean(told):.3f} of others told, {np.mean(own):.3f} of their own")


def _seconds(networks: Networks, place: Path) -> float:
    (place / "drawn").mkdir()
    path = sample.pack(place / "drawn.zip")
    started = time.monotonic()
    collection = dataset.gather(path, networks.served.spec.transform, place / "drawn", Progress())
    embeddings = pipeline.embed(networks, collection, Progress())
    pipeline.teach(networks, collection, embeddings, 0.2, place / "my-model", Progress())
    return time.monotonic() - started


def _error(found: list[float]) -> float:
    return float(np.std(found) / np.sqrt(len(found)))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
