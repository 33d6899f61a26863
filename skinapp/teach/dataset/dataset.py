"""A visitor's pictures as the network sees them, in a file of the visitor's own folder: decoded once, looked at often."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
        members = [self.targets == target for target in range(len(self.labels))]
        return [
            (label, int(is_member.sum()), int((is_member & self.is_test).sum()))
            for label, is_member in zip(self.labels, members, strict=True)
        ]

    def class_members(self, label: str) -> NDArray[np.int64]:
        """The places of a class's pictures; TeachError where it is gone."""
        if label not in self.labels:
            raise TeachError(Message("taught.changed"))
        return np.flatnonzero(self.targets == self.labels.index(label))

    def renamed(self, label: str, name: str) -> "Collection":
        """With another name for a class; the name of another class puts the two together."""
        name = unicodedata.normalize("NFC", " ".join(name.split()))
        self.class_members(label)
        if not name.isprintable() or not 0 < len(name) <= quotas.NAME:
            raise TeachError(Message("taught.class_name", most=quotas.NAME))
        return self._relabelled([name if one == label else one for one in self.labels])

    def without(self, indices: NDArray[np.int64]) -> "Collection":
        """Without some of the pictures; a class that has none left is gone."""
        kept = np.setdiff1d(np.arange(len(self.names)), indices)
        if len(kept) == 0:
            raise TeachError(Message("taught.gone"))
        fewer = replace(
            self,
            names=tuple(self.names[index] for index in kept),
            targets=self.targets[kept],
            is_test=self.is_test[kept],
            views=_select(self.views, kept.tolist()),
        )
        return fewer._relabelled(list(self.labels))

    def joined(self, other: "Collection") -> "Collection":
        """With another's pictures behind one's own."""
        if (count := len(self.names) + len(other.names)) > quotas.PICTURES:
            raise TeachError(Message("taught.too_many", count=count, most=quotas.PICTURES))
        names = [*self.labels, *other.labels]
        if len(set(names)) > quotas.CLASSES:
            raise TeachError(Message("taught.many_classes", count=len(set(names)), most=quotas.CLASSES))
        both = replace(
            self,
            names=(*self.names, *other.names),
            targets=np.concatenate([self.targets, other.targets + len(self.labels)]),
            is_test=np.concatenate([self.is_test, other.is_test]),
            views=_joined(self.views, other.views),
            refused=other.refused,
            refused_more=other.refused_more,
        )
        return both._relabelled(names)

    def check(self) -> None:
        """TeachError, where there are too few classes or pictures to learn from."""
        enough = [label for label, count, _ in self.counts() if count >= quotas.LEAST_PICTURES]
        if len(enough) < max(quotas.LEAST_CLASSES, len(self.labels)):
            raise TeachError(Message("taught.few_classes", found=", ".join(enough) or "–", least=quotas.LEAST_PICTURES))

    def _relabelled(self, names: list[str]) -> "Collection":
        """With these names for the classes by their numbers; equal ones become one, and those without pictures go."""
        used = sorted({names[target] for target in np.unique(self.targets).tolist()})
        targets = np.array([used.index(names[target]) for target in self.targets.tolist()], np.int64)
        return replace(self, labels=tuple(used), targets=targets)


def gather(zip_path: Path, transform: Transform, folder: Path, progress: Progress, *, is_addition: bool = False) -> Collection:
    """Decode the pictures of a zip into `folder`; TeachError where they can't teach anything, not even beside others that
    are there."""
    with zip_archive.open_archive(zip_path) as archive:
        if not archive.entries:
            raise TeachError(Message("taught.nothing"))
        height, width = transform.input_size[1:]
        path = folder / FILE
        entries = _decode(archive, _within_budget(archive, progress), transform, path, progress)
        views = (
            np.memmap(path, np.uint8, "r", shape=(len(entries), height, width, 3))
            if entries
            else np.zeros((0, height, width, 3), np.uint8)
        )
        return _collect(entries, views, archive, (1, 1) if is_addition else (quotas.LEAST_CLASSES, quotas.LEAST_PICTURES))


def _within_budget(archive: Archive, progress: Progress) -> list[Entry]:
    """The pictures whose heads can be read; TeachError, before any is decoded, if all together exceed a lesson's budget."""
    readable, pixels = [], 0
    for entry in progress.walk("checking", archive.entries):
        try:
            width, height = decode.size(archive.read(entry))
        except (PhotoError, Unreadable) as error:
            archive.refuse(entry.name, error.message)
        else:
            pixels += width * height
            readable.append(entry)
        if archive.unpacked > quotas.UNPACKED_BYTES:
            raise TeachError(Message("taught.bomb", most=quotas.UNPACKED_BYTES // 2**20))
        if pixels > quotas.PIXELS:
            raise TeachError(Message("taught.large", most=quotas.PIXELS // 10**6))
    return readable


def _decode(archive: Archive, entries: list[Entry], transform: Transform, path: Path, progress: Progress) -> list[Entry]:
    """Write what the network sees of every picture that can be read; those entries, in the file's order."""
    decoded, need = [], preprocess.need(transform)
    with path.open("wb") as file:
        for entry in progress.walk("reading", entries):
            try:
                view = preprocess.view(decode.read_reduced(archive.read(entry), need).photo, transform)
            except (PhotoError, Unreadable) as error:
                archive.refuse(entry.name, error.message)
            else:
                file.write(np.ascontiguousarray(view).data)
                decoded.append(entry)
    return decoded


def _collect(entries: list[Entry], views: Views, archive: Archive, least: tuple[int, int]) -> Collection:
    """The classes that have enough pictures, by name; those that don't are refused as a whole. `least` is of classes, and of
    each one's pictures."""
    least_classes, least_pictures = least
    sizes: dict[str, int] = {}
    for entry in entries:
        sizes[entry.label] = sizes.get(entry.label, 0) + 1
    labels = tuple(sorted(label for label, size in sizes.items() if size >= least_pictures))
    for label in sorted(set(sizes) - set(labels)):
        archive.refuse(f"{label}/", Message("refused.small_class", count=sizes[label], least=least_pictures))
    if len(labels) < least_classes:
        names = ", ".join(labels) or "–"
        raise TeachError(Message("taught.few_classes", found=names, least=least_pictures))
    indices = [index for index, entry in enumerate(entries) if entry.label in labels]
    used = [entries[index] for index in indices]
    return Collection(
        labels=labels,
        names=tuple(entry.name for entry in used),
        targets=np.array([labels.index(entry.label) for entry in used], np.int64),
        is_test=np.array([entry.is_test for entry in used], np.bool_),
        views=views if len(indices) == len(entries) else _select(views, indices),
        refused=tuple(archive.refused[: quotas.REFUSALS]),
        refused_more=max(0, len(archive.refused) - quotas.REFUSALS),
    )


def _select(views: Views, indices: list[int]) -> Views:
    """Some of the views, in a file that replaces that of all: the few that are left out are moved over."""
    return _written(views, (views[index] for index in indices), len(indices))


def _joined(views: Views, more: Views) -> Views:
    """All views in one file, which replaces that of the first ones."""
    return _written(views, (one[index] for one in (views, more) for index in range(len(one))), len(views) + len(more))


def _written(views: Views, chosen: Iterable[Views], count: int) -> Views:
    path = Path(views.filename)  # type: ignore[attr-defined]  # a memmap's
    with path.with_suffix(".new").open("wb") as file:
        for view in chosen:
            file.write(np.ascontiguousarray(view).data)
    path.with_suffix(".new").replace(path)
    return np.memmap(path, np.uint8, "r", shape=(count, *views.shape[1:]))
