"""A visitor's pictures go in; what the Teach tab shows of them, of the work and of the model comes out, step by step, as HTML.

Each visitor's pictures and model lie in a workspace of their own, which is emptied when they leave, start over or stay away.
"""

import shutil
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from skinapp.errors import StorageError, TeachError, VisitorError
from skinapp.i18n.messages import Language, Message
from skinapp.scratch import stored
from skinapp.teach import pipeline, quotas
from skinapp.teach.dataset import dataset, sample
from skinapp.teach.networks import Kind, Networks
from skinapp.teach.pipeline import TrainingResult
from skinapp.teach.progress import Progress, Stopped
from skinapp.teach.workspace import BackgroundTask, Workspace, Workspaces
from skinapp.web import answering
from skinapp.web.views import classification, page
from skinapp.web.views import teach as teach_view

STATUS_S = 0.4
"""Seconds between two words on how far the work is."""

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
            workspace = self._workspaces.of(session)
            if workspace.collection is None:
                raise TeachError(Message("taught.gone"))
            _discard_model(workspace)
            share, kind = _held_out(share), Kind(wanted) if wanted in tuple(Kind) else None
            out = workspace.new_path("my-model")
            work = BackgroundTask(partial(self._train, workspace, workspace.collection, out, share, kind))
            yield from self._progress(work, workspace, lambda html: Step(model=html), language)
            workspace.result = _result(work)
            link = self._link(workspace.result.classifier.source.folder.with_suffix(".zip"))
            yield Step(
                teach_view.dataset_summary(workspace.collection, language, share),
                teach_view.training_result(workspace.result, workspace.collection, link, language),
                can_try=True,
                answer=classification.empty(language),
            )
        except (Stopped, TeachError, StorageError) as error:
            yield Step(self._pictures_again(session, language), self._ended(error, session, language))

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
        self, workspace: Workspace, collection: dataset.Collection, out: Path, share: float, wanted: Kind | None
    ) -> TrainingResult:
        workspace.embeddings = pipeline.embed(self._networks, collection, workspace.progress, workspace.embeddings)
        return pipeline.teach(self._networks, collection, workspace.embeddings, share, out, workspace.progress, wanted)

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


def _discard_model(workspace: Workspace) -> None:
    """Delete a workspace's model, and let the next work start."""
    if workspace.result is not None:
        shutil.rmtree(workspace.result.classifier.source.folder.parent, ignore_errors=True)
    workspace.result, workspace.progress = None, Progress()


def _held_out(share: Any) -> float:
    """The share that the visitor keeps back, within its limits."""
    least, largest = quotas.SHARES
    return min(largest, max(least, float(share))) if isinstance(share, int | float) else teach_view.SHARE
