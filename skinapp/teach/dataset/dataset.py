"""A visitor's pictures as the network sees them, in a file of the visitor's own folder: decoded once, looked at often."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinapp.errors import PhotoError, TeachError
from skinapp.i18n.messages import Message
from skinapp.imaging import decode, preprocess
from skinapp.model.spec import Transform
from skinapp.teach import quotas
from skinapp.teach.dataset import zip_archive
from skinapp.teach.dataset.zip_archive import Archive, Entry, Refusal, Unreadable
from skinapp.teach.progress import Progress

FILE = "views.u8"
"""The file with all views, `[n, height, width, 3]`, one after the other."""

Views = NDArray[np.uint8]


@dataclass(frozen=True)
class Collection:
    """Pictures with their classes: `labels` by name, and for each picture its name, its class `targets [n]`, whether it is for
    testing `is_test [n]`, and what the network sees of it `views [n, height, width, 3]`."""

    labels: tuple[str, ...]
    names: tuple[str, ...]
    targets: NDArray[np.int64]
    is_test: NDArray[np.bool_]
    views: Views
    refused: tuple[Refusal, ...]
    refused_more: int

    def counts(self) -> list[tuple[str, int, int]]:
        """Each class with its pictures, and how many of these are for testing."""
        own = [self.targets == target for target in range(len(self.labels))]
        return [
            (label, int(is_own.sum()), int((is_own & self.is_test).sum())) for label, is_own in zip(self.labels, own, strict=True)
        ]


def gather(zipped: Path, transform: Transform, folder: Path, progress: Progress) -> Collection:
    """Decode the pictures of a zip into `folder`; TeachError where they can't teach anything."""
    with zip_archive.opened(zipped) as opened:
        if not opened.entries:
            raise TeachError(Message("taught.nothing"))
        height, width = transform.input_size[1:]
        path = folder / FILE
        kept = _decode(opened, _within_budget(opened, progress), transform, path, progress)
        views = (
            np.memmap(path, np.uint8, "r", shape=(len(kept), height, width, 3))
            if kept
            else np.zeros((0, height, width, 3), np.uint8)
        )
        return _sorted(kept, views, opened)


def _within_budget(opened: Archive, progress: Progress) -> list[Entry]:
    """The pictures whose heads can be read; TeachError, before any is decoded, if all together exceed a lesson's budget."""
    kept, pixels = [], 0
    for entry in progress.walk("checking", opened.entries):
        try:
            width, height = decode.size(opened.read(entry))
        except (PhotoError, Unreadable) as error:
            opened.refuse(entry.name, error.message)
        else:
            pixels += width * height
            kept.append(entry)
        if opened.unpacked > quotas.UNPACKED_BYTES:
            raise TeachError(Message("taught.bomb", most=quotas.UNPACKED_BYTES // 2**20))
        if pixels > quotas.PIXELS:
            raise TeachError(Message("taught.large", most=quotas.PIXELS // 10**6))
    return kept


def _decode(opened: Archive, entries: list[Entry], transform: Transform, path: Path, progress: Progress) -> list[Entry]:
    """Write what the network sees of every picture that can be read; those entries, in the file's order."""
    kept, need = [], preprocess.need(transform)
    with path.open("wb") as file:
        for entry in progress.walk("reading", entries):
            try:
                view = preprocess.view(decode.read_reduced(opened.read(entry), need).photo, transform)
            except (PhotoError, Unreadable) as error:
                opened.refuse(entry.name, error.message)
            else:
                file.write(np.ascontiguousarray(view).data)
                kept.append(entry)
    return kept


def _sorted(kept: list[Entry], views: Views, opened: Archive) -> Collection:
    """The classes that have enough pictures, by name; those that don't are refused as a whole."""
    sizes: dict[str, int] = {}
    for entry in kept:
        sizes[entry.label] = sizes.get(entry.label, 0) + 1
    labels = tuple(sorted(label for label, size in sizes.items() if size >= quotas.LEAST_PICTURES))
    for label in sorted(set(sizes) - set(labels)):
        opened.refuse(f"{label}/", Message("refused.small_class", count=sizes[label], least=quotas.LEAST_PICTURES))
    if len(labels) < quotas.LEAST_CLASSES:
        found = ", ".join(labels) or "–"
        raise TeachError(Message("taught.few_classes", found=found, least=quotas.LEAST_PICTURES))
    places = [place for place, entry in enumerate(kept) if entry.label in labels]
    own = [kept[place] for place in places]
    return Collection(
        labels=labels,
        names=tuple(entry.name for entry in own),
        targets=np.array([labels.index(entry.label) for entry in own], np.int64),
        is_test=np.array([entry.is_test for entry in own], np.bool_),
        views=views if len(places) == len(kept) else _chosen(views, places),
        refused=tuple(opened.refused[: quotas.REFUSALS]),
        refused_more=max(0, len(opened.refused) - quotas.REFUSALS),
    )


def _chosen(views: Views, places: list[int]) -> Views:
    """Some of the views, in a file that replaces that of all: the few that are left out are moved over."""
    path = Path(views.filename)  # type: ignore[attr-defined]  # a memmap's
    shape = (len(places), *views.shape[1:])
    with path.with_suffix(".new").open("wb") as file:
        for place in places:
            file.write(np.ascontiguousarray(views[place]).data)
    path.with_suffix(".new").replace(path)
    return np.memmap(path, np.uint8, "r", shape=shape)
