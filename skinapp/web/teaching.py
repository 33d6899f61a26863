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

from skinapp.assessment.loaded_model import Served
from skinapp.errors import StorageError, TeachError, VisitorError
from skinapp.i18n.messages import Language, Message
from skinapp.scratch import stored
from skinapp.teach import pipeline, quotas
from skinapp.teach.dataset import dataset, sample
from skinapp.teach.pipeline import Taught
from skinapp.teach.progress import Progress, Stopped
from skinapp.teach.workspace import Room, Rooms, Work
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

    def __init__(self, served: Served, make_folder: Callable[[], Path], link: Callable[[Path], str]) -> None:
        self._served, self._link, self._rooms = served, link, Rooms(make_folder)

    def gather(self, zipped: Path | None, session: str, visitor: str, language: Language) -> Generator[Step, None, None]:
        """Read the pictures of a zip, or the set that is drawn here, into a new workspace."""
        yield Step(teach_view.working(Progress(), language), "", can_try=False, answer="")
        try:
            room = self._rooms.new(session, visitor)
            place = room.fresh("drawn.zip")

            def task() -> dataset.Collection:
                source = zipped or sample.pack(place)
                return dataset.gather(source, self._served.spec.transform, place.parent, room.progress)

            work = Work(task)
            yield from self._progress(work, room, lambda html: Step(pictures=html), language)
            room.collection = _result(work)
            yield Step(pictures=teach_view.given(room.collection, language))
        except (Stopped, TeachError, StorageError) as error:
            self._rooms.close(session)
            yield Step(pictures=self._ended(error, session, language))

    def train(self, share: Any, session: str, language: Language) -> Generator[Step, None, None]:
        """Learn from the pictures that were read, of which a share is held out."""
        yield Step(model=teach_view.working(Progress(), language), can_try=False, answer="")
        try:
            room = self._rooms.of(session)
            if room.collection is None:
                raise TeachError(Message("taught.gone"))
            _discard_model(room)
            share = _held_out(share)
            work = Work(partial(self._taught, room, room.collection, room.fresh("my-model"), share))
            yield from self._progress(work, room, lambda html: Step(model=html), language)
            room.taught = _result(work)
            link = self._link(room.taught.namer.source.folder.with_suffix(".zip"))
            yield Step(
                teach_view.given(room.collection, language, share),
                teach_view.taught(room.taught, room.collection, link, language),
                can_try=True,
                answer=classification.empty(language),
            )
        except (Stopped, TeachError, StorageError) as error:
            yield Step(self._pictures_again(session, language), self._ended(error, session, language))

    def answer(self, photo: Path, session: str, language: Language) -> tuple[str, str]:
        """What the visitor's own model answers to a photo, and its map."""
        try:
            room = self._rooms.of(session)
            if room.taught is None:
                raise TeachError(Message("taught.gone"))
        except TeachError as error:
            return page.failed(error.message.to(language), language), ""
        room.brought.append(photo)
        return answering.named(room.taught.namer, photo, language)

    def stop(self, session: str) -> None:
        """End the work that goes on."""
        try:
            self._rooms.of(session).progress.stop()
        except TeachError:
            return

    def close(self, session: str) -> None:
        """Delete everything of a visitor."""
        self._rooms.close(session)

    def _taught(self, room: Room, collection: dataset.Collection, out: Path, share: float) -> Taught:
        room.seen = room.seen or pipeline.look(self._served, collection, room.progress)
        return pipeline.teach(self._served, collection, room.seen, share, out, room.progress)

    def _progress(self, work: Work[T], room: Room, shown: Callable[[str], Step], language: Language) -> Iterator[Step]:
        """How far the work is, again and again; whoever goes away stops it."""
        progress = room.progress
        try:
            while work.is_alive():
                room.touched = time.monotonic()
                yield shown(teach_view.working(progress, language))
                work.join(STATUS_S)
        finally:
            if work.is_alive():
                progress.stop()
            if not self._rooms.has(room):
                work.join()
                shutil.rmtree(room.folder, ignore_errors=True)

    def _ended(self, error: Stopped | VisitorError, session: str, language: Language) -> str:
        """Why the work ended early."""
        if isinstance(error, VisitorError):
            return teach_view.told(error.message.to(language), language)
        reason = Message("taught.displaced") if self._rooms.is_displaced(session) else Message("teach.stopped")
        return teach_view.told(reason.to(language), language)

    def _pictures_again(self, session: str, language: Language) -> str:
        """Step 1 as it was, whose button can be pressed again; nothing where the pictures are gone."""
        try:
            collection = self._rooms.of(session).collection
        except TeachError:
            return ""
        return teach_view.given(collection, language) if collection is not None else ""


def _result(work: Work[T]) -> T:
    """What came out of the work, for which there may have been no place."""
    with stored():
        return work.result()


def _discard_model(room: Room) -> None:
    """Delete a workspace's model, and let the next work start."""
    if room.taught is not None:
        shutil.rmtree(room.taught.namer.source.folder.parent, ignore_errors=True)
    room.taught, room.progress = None, Progress()


def _held_out(share: Any) -> float:
    """The share that the visitor keeps back, within its limits."""
    least, largest = quotas.SHARES
    return min(largest, max(least, float(share))) if isinstance(share, int | float) else teach_view.SHARE
