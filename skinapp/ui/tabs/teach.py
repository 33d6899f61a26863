"""The Teach tab: pictures in, a model of one's own out, to be tried and downloaded here.

Each visitor's pictures and model lie in a room of their own, which is emptied when they leave, start over or stay away.
"""

import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from skinapp.assessment.loaded_model import Served
from skinapp.errors import StorageError, TeachError
from skinapp.i18n.messages import Language, Message, text
from skinapp.scratch import discard, stored
from skinapp.teach import pipeline, quotas
from skinapp.teach.dataset import dataset, sample
from skinapp.teach.pipeline import Taught
from skinapp.teach.progress import Progress, Stopped
from skinapp.teach.workspace import Room, Rooms, Work
from skinapp.ui import components
from skinapp.ui.components import EVIDENCE_JS, language_of, photo_input
from skinapp.ui.gradio_internals import hardening
from skinapp.ui.server import uploads
from skinapp.ui.server.visitors import visitor
from skinapp.web import STATIC, answering
from skinapp.web.views import classification
from skinapp.web.views import page as page_view
from skinapp.web.views import teach as teach_view

TEACH_JS = "".join((STATIC / "tabs" / name).read_text(encoding="utf-8") for name in ("drop.js", "teach.js"))
TEACHING = 3
"""Lessons at the same time; whoever comes next waits in line."""
TELL_S = 0.4
"""Seconds between two words on how far the work is."""
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
WORK: dict[str, Any] = {**PRIVATE, "concurrency_id": "teach", "concurrency_limit": TEACHING, "trigger_mode": "once"}

T = TypeVar("T")
Shown = dict[Any, Any]


def add(served: Served, say: gr.I18n) -> None:
    """Put the tab's components and its events into the page that is being built."""
    Tab(served, say).listen()


class Tab:
    """The tab's parts, from top to bottom, and what happens between them."""

    def __init__(self, served: Served, say: gr.I18n) -> None:
        self.served, self.say, self.rooms = served, say, Rooms(uploads.room)
        with gr.Column(elem_id="teach-tab"):
            self.desk = gr.HTML(say("teach"), js_on_load=TEACH_JS, apply_default_css=False)
            self.given = gr.HTML("", js_on_load=TEACH_JS, apply_default_css=False)
            self.learned = gr.HTML("", js_on_load=TEACH_JS, apply_default_css=False)
            with gr.Row(elem_id="trial", visible=False) as self.trial:
                with gr.Column(elem_id="trial-give"):
                    self.photo = photo_input(say("own_photo"), say("own_drop"), "trial-photo", 320)
                with gr.Column(elem_id="trial-answer"):
                    self.told = gr.HTML("", apply_default_css=False)
                with gr.Column(elem_id="trial-map"):
                    self.map = gr.HTML("", js_on_load=EVIDENCE_JS, apply_default_css=False)

    def listen(self) -> None:
        """Say what happens when."""
        steps = [self.given, self.learned, self.trial]
        trial = [self.told, self.map]
        self.desk.bring(self.bring, None, [*steps, self.photo, *trial], **WORK).failure(self.sorry, None, steps, **PRIVATE)
        self.desk.sample(self.sample, None, [*steps, self.photo, *trial], **WORK).failure(self.sorry, None, steps, **PRIVATE)
        self.given.train(self.train, None, [*steps, self.photo, *trial], **WORK).failure(self.sorry, None, steps, **PRIVATE)
        for place in (self.given, self.learned):
            place.stop(self.stop, None, None, queue=False, trigger_mode="multiple", **PRIVATE)
        self.given.forget(self.forget, None, [*steps, self.photo, *trial], **PRIVATE)
        components.answer_photos(self.name, self.photo, trial)
        blocks = gr.context.Context.root_block
        if blocks is not None:
            blocks.unload(self.leave)

    def bring(self, event: gr.EventData, request: gr.Request) -> Iterator[Shown]:
        """Read the zip that was uploaded."""
        zipped = hardening.uploaded(event._data.get("file") if isinstance(event._data, dict) else None)
        try:
            yield from self._gather(zipped, request)
        finally:
            discard(zipped)

    def sample(self, request: gr.Request) -> Iterator[Shown]:
        """Read the set that is drawn here."""
        yield from self._gather(None, request)

    def _gather(self, zipped: Path | None, request: gr.Request) -> Iterator[Shown]:
        language, session = language_of(request), _session(request)
        yield {**self._nothing(), self.given: teach_view.working(Progress(), language)}
        try:
            room = self.rooms.new(session, _visitor(request))
            place = room.fresh("drawn.zip")

            def task() -> dataset.Collection:
                source = zipped or sample.pack(place)
                return dataset.gather(source, self.served.spec.transform, place.parent, room.progress)

            work = Work(task)
            yield from self._watched(work, room, self.given, language)
            room.collection = _result(work)
            yield {self.given: teach_view.given(room.collection, language)}
        except Stopped:
            self.rooms.close(session)
            yield {self.given: teach_view.told(self._stopped(session).to(language), language)}
        except (TeachError, StorageError) as error:
            self.rooms.close(session)
            yield {self.given: teach_view.told(error.message.to(language), language)}

    def train(self, event: gr.EventData, request: gr.Request) -> Iterator[Shown]:
        """Learn from the pictures that were read."""
        language, session = language_of(request), _session(request)
        yield {**self._nothing(), self.given: gr.skip(), self.learned: teach_view.working(Progress(), language)}
        try:
            room = self.rooms.of(session)
            if room.collection is None:
                raise TeachError(Message("taught.gone"))
            _discard(room)
            share = _share(event._data)
            work = Work(partial(self._taught, room, room.collection, room.fresh("my-model"), share))
            yield from self._watched(work, room, self.learned, language)
            room.taught = _result(work)
            told = teach_view.taught(room.taught, room.collection, _link(room.taught), language)
            yield {
                self.given: teach_view.given(room.collection, language, share),
                self.learned: told,
                self.trial: gr.update(visible=True),
                self.told: classification.empty(language),
            }
        except Stopped:
            yield {
                self.learned: teach_view.told(self._stopped(session).to(language), language),
                self.given: self._again(session, language),
            }
        except (TeachError, StorageError) as error:
            told = teach_view.told(error.message.to(language), language)
            yield {self.learned: told, self.given: self._again(session, language)}

    def _taught(self, room: Room, given: dataset.Collection, out: Path, share: float) -> Taught:
        room.seen = room.seen or pipeline.look(self.served, given, room.progress)
        return pipeline.teach(self.served, given, room.seen, share, out, room.progress)

    def _watched(self, work: Work[T], room: Room, place: gr.HTML, language: Language) -> Iterator[Shown]:
        """How far the work is, again and again; whoever goes away stops it."""
        progress = room.progress
        try:
            while work.is_alive():
                room.touched = time.monotonic()
                yield {place: teach_view.working(progress, language)}
                work.join(TELL_S)
        finally:
            if work.is_alive():
                progress.stop()
            if not self.rooms.has(room):
                work.join()
                shutil.rmtree(room.folder, ignore_errors=True)

    def stop(self, request: gr.Request) -> None:
        """End the work that goes on."""
        try:
            self.rooms.of(_session(request)).progress.stop()
        except TeachError:
            return

    def forget(self, request: gr.Request) -> Shown:
        """Delete everything and begin anew."""
        self.rooms.close(_session(request))
        return self._nothing()

    def leave(self, request: gr.Request) -> None:
        """The page was closed or loaded again."""
        self.rooms.close(_session(request))

    def name(self, photo: dict[str, Any] | None, request: gr.Request) -> tuple[str, str]:
        """What the visitor's own model names a photo."""
        language = language_of(request)
        if photo is None:
            return classification.empty(language), ""
        try:
            room = self.rooms.of(_session(request))
            if room.taught is None:
                raise TeachError(Message("taught.gone"))
        except TeachError as error:
            return page_view.failed(error.message.to(language), language), ""
        path = hardening.uploaded(photo)
        room.brought.append(path)
        return answering.named(room.taught.namer, path, language)

    def sorry(self, request: gr.Request) -> Shown:
        """A fault of ours."""
        language = language_of(request)
        return {self.given: teach_view.told(text("requests.unexpected", language), language), self.learned: ""}

    def _stopped(self, session: str) -> Message:
        """Why the work ended early."""
        return Message("taught.displaced" if self.rooms.is_displaced(session) else "teach.stopped")

    def _again(self, session: str, language: Language) -> Any:
        """Step 1 as it was, whose button can be pressed again; nothing where the pictures are gone."""
        try:
            found = self.rooms.of(session).collection
        except TeachError:
            return ""
        return teach_view.given(found, language) if found is not None else ""

    def _nothing(self) -> Shown:
        return {
            self.given: "",
            self.learned: "",
            self.trial: gr.update(visible=False),
            self.photo: None,
            self.told: "",
            self.map: "",
        }


def _result(work: Work[T]) -> T:
    """What came out of the work, for which there may have been no place."""
    with stored():
        return work.result()


def _discard(room: Room) -> None:
    """Delete a room's model, and let the next work start."""
    if room.taught is not None:
        shutil.rmtree(room.taught.namer.source.folder.parent, ignore_errors=True)
    room.taught, room.progress = None, Progress()


def _share(given: Any) -> float:
    """The share that the visitor keeps back, within its limits."""
    share = given.get("share") if isinstance(given, dict) else None
    least, most = quotas.SHARES
    return min(most, max(least, float(share))) if isinstance(share, int | float) else teach_view.SHARE


def _link(taught: Taught) -> str:
    """Where the zip can be downloaded, as long as its room is there."""
    return f"gradio_api/file={taught.namer.source.folder.with_suffix('.zip')}"


def _visitor(request: gr.Request) -> str:
    """Who rooms are counted for: names of sessions are had for nothing."""
    return visitor(request.request.scope) if request.request else ""


def _session(request: gr.Request) -> str:
    return str(request.session_hash)
