"""The Teach tab: pictures in, a model of one's own out, to be tried and downloaded here."""

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from skinapp import settings
from skinapp.assessment.loaded_model import LoadedModel
from skinapp.i18n.messages import text
from skinapp.scratch import discard
from skinapp.teach.networks import Networks
from skinapp.ui.components import AT_ONCE, PRIVATE, EventOptions, Payload, answer_photos, language_of, photo_input, script
from skinapp.ui.gradio_internals import accounts, events, files
from skinapp.ui.server import uploads
from skinapp.web.teaching import NOTHING, Step, Teaching
from skinapp.web.views import classification
from skinapp.web.views import teach as teach_view

TEACHING = 3
"""Lessons at the same time; whoever comes next waits in the queue."""
STOP: EventOptions = {**AT_ONCE, "trigger_mode": "multiple"}
WORK: EventOptions = {**PRIVATE, "concurrency_id": "teach", "concurrency_limit": TEACHING, "trigger_mode": "once"}

Update = dict[Any, Any]
"""New values of components."""


def add(base: LoadedModel, page: gr.Blocks, say: gr.I18n) -> None:
    """Put the tab's components and its events into the page that is being built."""
    tab = Tab(base, say)
    tab.listen()
    page.unload(tab.leave)


class Tab:
    """The tab's parts, from top to bottom, and what happens between them."""

    def __init__(self, base: LoadedModel, say: gr.I18n) -> None:
        self.teaching, scripts = Teaching(_networks(base), uploads.new_workspace, files.link), script("gradio", "drop", "teach")
        with gr.Column(elem_id="teach-tab"):
            self.start = gr.HTML(say("teach"), js_on_load=f"{scripts}\n{script('camera', 'record')}", apply_default_css=False)
            self.pictures = gr.HTML("", js_on_load=scripts, apply_default_css=False)
            self.model = gr.HTML("", js_on_load=scripts, apply_default_css=False)
            with gr.Column(elem_id="trial-live", visible=False) as self.live_trial:
                self.live = gr.HTML(say("teach_live"), js_on_load=script("camera", "live_trial"), apply_default_css=False)
                self.bars = gr.HTML("", elem_id="live-bars", apply_default_css=False)
            with gr.Row(elem_id="trial", visible=False) as self.trial:
                with gr.Column(elem_id="trial-give"):
                    self.photo = photo_input(say("own_photo"), say("own_drop"), "trial-photo", 320)
                with gr.Column(elem_id="trial-answer"):
                    self.answer = gr.HTML("", apply_default_css=False)
                with gr.Column(elem_id="trial-map"):
                    self.map = gr.HTML("", js_on_load=script("evidence"), apply_default_css=False)

    def listen(self) -> None:
        """Say what happens when."""
        steps = [self.pictures, self.model, self.trial, self.live_trial]
        everything = [*steps, self.photo, self.answer, self.map]
        for begun in (
            self.start.bring(self.bring, None, everything, **WORK),
            self.start.sample(self.sample, None, everything, **WORK),
            self.pictures.train(self.train, None, everything, **WORK),
            self.model.train(self.train, None, everything, **WORK),
            self.pictures.extend(self.extend, None, everything, **WORK),
        ):
            begun.failure(self.apologise, None, steps, **PRIVATE)
        for component in (self.pictures, self.model):
            component.stop(self.stop, None, None, **STOP)
        self.pictures.edit(self.edit, None, everything, **PRIVATE)
        self.live.frame(self.frame, None, [self.bars], **AT_ONCE)
        self.pictures.forget(self.forget, None, everything, **PRIVATE)
        answer_photos(self.answer_photo, [self.photo], [self.answer, self.map])

    def bring(self, event: gr.EventData, request: gr.Request) -> Iterator[Update]:
        """Read the zip that was uploaded."""
        payload = events.payload(event)
        zipped = files.received_file(payload.get("file"))
        try:
            visitor = accounts.visitor_of(request)
            yield from self._updates(self.teaching.gather(zipped, _session(request), visitor, language_of(request)))
        finally:
            discard(zipped)
        if payload.get("train") is True and self.teaching.has_pictures(_session(request)):
            yield from self._updates(self.teaching.train(None, None, _session(request), language_of(request)))

    def extend(self, event: gr.EventData, request: gr.Request) -> Iterator[Update]:
        """Read more pictures of a class."""
        payload = events.payload(event)
        zipped = files.received_file(payload.get("file"))
        try:
            yield from self._updates(self.teaching.add(zipped, payload.get("label"), _session(request), language_of(request)))
        finally:
            discard(zipped)

    def edit(self, event: gr.EventData, request: gr.Request) -> Update:
        """Change the classes, or show one's pictures."""
        return self._update(self.teaching.edit(events.payload(event), _session(request), language_of(request)))

    def frame(self, event: gr.EventData, request: gr.Request) -> Update:
        """What the model sees in a frame of the visitor's camera."""
        html = self.teaching.frame(events.payload(event).get("picture"), _session(request), language_of(request))
        return {self.bars: html if html is not None else gr.skip()}

    def sample(self, request: gr.Request) -> Iterator[Update]:
        """Read the set that is drawn here."""
        visitor = accounts.visitor_of(request)
        yield from self._updates(self.teaching.gather(None, _session(request), visitor, language_of(request)))

    def train(self, event: gr.EventData, request: gr.Request) -> Iterator[Update]:
        """Learn from the pictures that were read."""
        payload = events.payload(event)
        steps = self.teaching.train(payload.get("share"), payload.get("on"), _session(request), language_of(request))
        yield from self._updates(steps)

    def stop(self, request: gr.Request) -> None:
        """End the work that goes on."""
        self.teaching.stop(_session(request))

    def forget(self, request: gr.Request) -> Update:
        """Delete everything and begin anew."""
        self.teaching.close(_session(request))
        return self._update(NOTHING)

    def leave(self, request: gr.Request) -> None:
        """The page was closed or loaded again."""
        self.teaching.close(_session(request))

    def answer_photo(self, photo: Payload, request: gr.Request) -> tuple[str, str]:
        """What the visitor's own model answers to a photo."""
        language = language_of(request)
        if photo is None:
            return classification.empty(language), ""
        return self.teaching.answer(files.received_file(photo), _session(request), language)

    def apologise(self, request: gr.Request) -> Update:
        """A fault of ours."""
        language = language_of(request)
        return {self.pictures: teach_view.notice(text("requests.unexpected", language), language), self.model: ""}

    def _updates(self, steps: Generator[Step, None, None]) -> Iterator[Update]:
        """What happens, step by step; whoever goes away ends it."""
        with closing(steps):
            yield from map(self._update, steps)

    def _update(self, step: Step) -> Update:
        """A step's news; a model that goes takes the photo with it that it was tried with, and the map."""
        update: Update = {self.pictures: step.pictures, self.model: step.model, self.answer: step.answer}
        if step.can_try is not None:
            update[self.trial] = update[self.live_trial] = gr.update(visible=step.can_try)
        changed = {component: value for component, value in update.items() if value is not None}
        return changed if step.can_try is not False else {**changed, self.photo: None, self.map: ""}


def _networks(base: LoadedModel) -> Networks:
    """The page's network, and the general one that its environment names."""
    configured = settings.read(os.environ)
    return Networks.of(base, configured.general, configured.provider, configured.threads)


def _session(request: gr.Request) -> str:
    return str(request.session_hash)
