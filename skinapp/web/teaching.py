"""A visitor's pictures go in; what the Teach tab shows of them, of the work and of the model comes out, step by step, as HTML.

Each visitor's pictures and model lie in a workspace of their own, which is emptied when they leave, start over or stay away.
"""

import base64
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from skinapp.errors import PhotoError, StorageError, TeachError, VisitorError
from skinapp.i18n.messages import Language, Message
from skinapp.imaging import decode
from skinapp.scratch import stored
from skinapp.teach import pipeline, quotas
from skinapp.teach.dataset import dataset, sample
from skinapp.teach.networks import Kind, Networks
from skinapp.teach.pipeline import Embeddings, TrainingResult
from skinapp.teach.progress import Progress, Stopped
from skinapp.teach.workspace import BackgroundTask, Workspace, Workspaces
from skinapp.web import answering
from skinapp.web.views import classification, page
from skinapp.web.views import teach as teach_view

STATUS_S = 0.4
"""Seconds between two words on how far the work is."""

FRAME_START, FRAME_BYTES, FRAME_PIXELS = "data:image/jpeg;base64,", 2**19, 640 * 640
"""How a camera's frame begins, and how much of it is taken."""

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """What the tab shows from now on: HTML of the pictures and of the model, and whether the model can be tried, and a trial's
    answer; None stays as it is."""

    pictures: str | None = None
    model: str | None = None
    can_try: bool | None = None
    answer: str | None = None


NOTHING = Step("", "", can_try=False, answer="")
"""The tab before there are pictures."""


class Teaching:
    """All lessons of a server, by their visitors' sessions. `make_folder` gives an empty folder of a name that nobody guesses,
    and `link` the address of a file in one."""

    def __init__(self, networks: Networks, make_folder: Callable[[], Path], link: Callable[[Path], str]) -> None:
        self._networks, self._link, self._workspaces = networks, link, Workspaces(make_folder)

    def gather(self, zipped: Path | None, session: str, visitor: str, language: Language) -> Generator[Step, None, None]:
        """Read the pictures of a zip, or the set that is drawn here, into a new workspace."""
        yield Step(teach_view.working(Progress(), language), "", can_try=False, answer="")
        try:
            workspace = self._workspaces.new(session, visitor)
            path = workspace.new_path("drawn.zip")

            def task() -> dataset.Collection:
                source = zipped or sample.pack(path)
                return dataset.gather(source, self._networks.served.spec.transform, path.parent, workspace.progress)

            work = BackgroundTask(task)
            yield from self._progress(work, workspace, lambda html: Step(pictures=html), language)
            workspace.collection = _result(work)
            yield Step(pictures=teach_view.dataset_summary(workspace.collection, language))
        except (Stopped, TeachError, StorageError) as error:
            self._workspaces.close(session)
            yield Step(pictures=self._ended(error, session, language))

    def train(self, share: Any, wanted: Any, session: str, language: Language) -> Generator[Step, None, None]:
        """Learn from the pictures that were read, of which a share is held out, on the wanted kind of features or on the best."""
        yield Step(model=teach_view.working(Progress(), language), can_try=False, answer="")
        try:
            workspace, collection = self._with_pictures(session)
            _discard_model(workspace)
            share, kind = _held_out(share), Kind(wanted) if wanted in tuple(Kind) else None
            out = workspace.new_path("my-model")
            work = BackgroundTask(partial(self._train, workspace, collection, workspace.embeddings, out, share, kind))
            yield from self._progress(work, workspace, lambda html: Step(model=html), language)
            workspace.result = _result(work)
            link = self._link(workspace.result.classifier.source.folder.with_suffix(".zip"))
            pictures = _pictures_of(workspace)  # which its visitor may have changed meanwhile
            yield Step(
                teach_view.dataset_summary(pictures, language, share),
                teach_view.training_result(workspace.result, pictures, link, language),
                can_try=True,
                answer=classification.empty(language),
            )
        except (Stopped, TeachError, StorageError) as error:
            yield Step(self._pictures_again(session, language), self._ended(error, session, language))

    def add(self, zipped: Path, label: Any, session: str, language: Language) -> Generator[Step, None, None]:
        """Read more pictures of a class beside those that are there; what was looked at is not looked at again."""
        yield Step(teach_view.working(Progress(), language))
        try:
            workspace, collection = self._with_pictures(session)
            workspace.progress, path = Progress(), workspace.new_path("more.zip")
            served = self._networks.served.spec.transform
            work = BackgroundTask(lambda: dataset.gather(zipped, served, path.parent, workspace.progress, is_addition=True))
            yield from self._progress(work, workspace, lambda html: Step(pictures=html), language)
            added = _result(work)
            if label in collection.labels:  # whatever their folder is called
                added = replace(added, labels=(label,), targets=np.zeros_like(added.targets))
            self._change(workspace, collection.joined(added), np.arange(len(collection.names) + len(added.names)))
            yield Step(pictures=teach_view.dataset_summary(_pictures_of(workspace), language))
        except (Stopped, TeachError, StorageError) as error:
            ended = self._ended(error, session, language)
            yield Step(self._pictures_again(session, language), ended)

    def edit(self, change: Mapping[str, Any], session: str, language: Language) -> Step:
        """Rename a class, or take it or one of its pictures away, or only show its pictures; the model stays as it was."""
        label, name, index = (change.get(key) for key in ("label", "name", "index"))
        try:
            workspace, collection = self._with_pictures(session)
            if not isinstance(label, str):
                raise TeachError(Message("taught.changed"))
            members = collection.class_members(label)
            shown = label
            if isinstance(name, str):
                self._change(workspace, collection.renamed(label, name), np.arange(len(collection.names)))
                shown = ""
            elif change.get("remove") is True:
                gone = members if index is None else members[members == index]
                self._change(workspace, collection.without(gone), np.setdiff1d(np.arange(len(collection.names)), gone))
            return Step(teach_view.dataset_summary(_pictures_of(workspace), language, shown=shown))
        except (TeachError, StorageError) as error:
            return Step(self._pictures_again(session, language), teach_view.notice(error.message.to(language), language))

    def frame(self, picture: Any, session: str, language: Language) -> str | None:
        """What the visitor's own model sees in a frame of a camera, as bars; None where another frame is looked at already."""
        try:
            workspace = self._workspaces.of(session)
            content = _frame(picture)
            if workspace.result is None or content is None or not workspace.looking.acquire(blocking=False):
                return None
        except TeachError:
            return None
        try:
            photo = decode.read(content, FRAME_PIXELS)
            return teach_view.bars(workspace.result.classifier.assess([photo])[0], language)
        except PhotoError:
            return None
        finally:
            workspace.looking.release()

    def _with_pictures(self, session: str) -> tuple[Workspace, dataset.Collection]:
        workspace = self._workspaces.of(session)
        return workspace, _pictures_of(workspace)

    def _change(self, workspace: Workspace, collection: dataset.Collection, kept: NDArray[np.int64]) -> None:
        """Put changed pictures in a workspace, with what was seen of those `kept`."""
        workspace.collection = collection
        if workspace.embeddings is not None:
            workspace.embeddings = workspace.embeddings.take(kept)

    def answer(self, photo: Path, session: str, language: Language) -> tuple[str, str]:
        """What the visitor's own model answers to a photo, and its map."""
        try:
            workspace = self._workspaces.of(session)
            if workspace.result is None:
                raise TeachError(Message("taught.gone"))
        except TeachError as error:
            return page.failed(error.message.to(language), language), ""
        workspace.tried.append(photo)
        return answering.classification_of(workspace.result.classifier, photo, language)

    def has_pictures(self, session: str) -> bool:
        """Whether pictures of a visitor's are here."""
        try:
            return self._workspaces.of(session).collection is not None
        except TeachError:
            return False

    def stop(self, session: str) -> None:
        """End the work that goes on."""
        try:
            self._workspaces.of(session).progress.stop()
        except TeachError:
            return

    def close(self, session: str) -> None:
        """Delete everything of a visitor."""
        self._workspaces.close(session)

    def _train(
        self,
        workspace: Workspace,
        collection: dataset.Collection,
        known: Embeddings | None,
        out: Path,
        share: float,
        wanted: Kind | None,
    ) -> TrainingResult:
        embeddings = pipeline.embed(self._networks, collection, workspace.progress, known)
        if workspace.collection is collection:  # which its visitor may have changed meanwhile
            workspace.embeddings = embeddings
        return pipeline.teach(self._networks, collection, embeddings, share, out, workspace.progress, wanted)

    def _progress(
        self, work: BackgroundTask[T], workspace: Workspace, shown: Callable[[str], Step], language: Language
    ) -> Iterator[Step]:
        """How far the work is, again and again; whoever goes away stops it."""
        progress = workspace.progress
        try:
            while work.is_alive():
                workspace.touched = time.monotonic()
                yield shown(teach_view.working(progress, language))
                work.join(STATUS_S)
        finally:
            if work.is_alive():
                progress.stop()
            if not self._workspaces.has(workspace):
                work.join()
                shutil.rmtree(workspace.folder, ignore_errors=True)

    def _ended(self, error: Stopped | VisitorError, session: str, language: Language) -> str:
        """Why the work ended early."""
        if isinstance(error, VisitorError):
            return teach_view.notice(error.message.to(language), language)
        reason = Message("taught.displaced") if self._workspaces.is_displaced(session) else Message("teach.stopped")
        return teach_view.notice(reason.to(language), language)

    def _pictures_again(self, session: str, language: Language) -> str:
        """Step 1 as it was, whose button can be pressed again; nothing where the pictures are gone."""
        try:
            collection = self._workspaces.of(session).collection
        except TeachError:
            return ""
        return teach_view.dataset_summary(collection, language) if collection is not None else ""


def _result(work: BackgroundTask[T]) -> T:
    """What came out of the work, for which there may have been no place."""
    with stored():
        return work.result()


def _pictures_of(workspace: Workspace) -> dataset.Collection:
    if workspace.collection is None:
        raise TeachError(Message("taught.gone"))
    return workspace.collection


def _discard_model(workspace: Workspace) -> None:
    """Delete a workspace's model, and let the next work start."""
    if workspace.result is not None:
        shutil.rmtree(workspace.result.classifier.source.folder.parent, ignore_errors=True)
    workspace.result, workspace.progress = None, Progress()


def _frame(picture: Any) -> bytes | None:
    """The bytes of a frame that a browser sends as a data address."""
    if not isinstance(picture, str) or len(picture) > FRAME_BYTES or not picture.startswith(FRAME_START):
        return None
    try:
        return base64.b64decode(picture[len(FRAME_START) :], validate=True)
    except ValueError:
        return None


def _held_out(share: Any) -> float:
    """The share that the visitor keeps back, within its limits."""
    least, largest = quotas.SHARES
    return min(largest, max(least, float(share))) if isinstance(share, int | float) else teach_view.SHARE
