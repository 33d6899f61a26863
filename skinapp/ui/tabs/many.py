"""The tab for many photos: the browser sends them a few at a time, and each few become rows of its table.

Nothing of a table is kept here: the browser holds it, sorts it and saves it, and whoever stops or goes away sends no more.
"""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.errors import LabelError, PhotoError
from skinapp.i18n.messages import Language, text
from skinapp.imaging import decode
from skinapp.labels import CODES
from skinapp.metrics import ground_truth
from skinapp.ui.components import language_of
from skinapp.ui.gradio_internals import hardening
from skinapp.ui.server import queueing
from skinapp.web import STATIC
from skinapp.web.views import many as many_view

MANY_JS = "".join((STATIC / "tabs" / name).read_text(encoding="utf-8") for name in ("drop.js", "many.js"))
PASS_ON_JS = "watch('value', () => document.dispatchEvent(new CustomEvent('many-{name}', {{detail: props.value}})));"
PART = 8
"""Photos that the browser sends at once: a pass of the pool."""


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's components and its two events into the page that is being built."""
    with gr.Column(elem_id="many-tab"):
        desk = gr.HTML(say("many"), js_on_load=MANY_JS, apply_default_css=False)
        shown = gr.HTML("", js_on_load=PASS_ON_JS.format(name="figures"), visible="hidden")
        rows = gr.HTML("", js_on_load=PASS_ON_JS.format(name="rows"), visible="hidden")

    def assess(event: gr.EventData, request: gr.Request) -> str:
        return _rows(assessor, event._data, language_of(request))

    def measure(event: gr.EventData, request: gr.Request) -> str:
        return _figures(event._data, language_of(request))

    private: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "multiple", "api_visibility": "private"}
    desk.assess(assess, None, rows, **private, **queueing.JOIN).failure(
        None, None, rows, js="() => `<i data-lost=${Math.random()}></i>`", **private
    )
    desk.measure(measure, None, shown, concurrency_limit=1, **private)  # one at a time: the last one counts


def _rows(assessor: Assessor, given: Any, language: Language) -> str:
    """The rows of a few photos, under the number of their part."""
    files = given.get("files") if isinstance(given, dict) else None
    if not isinstance(files, list) or not 0 < len(files) <= PART:
        raise gr.Error(text("requests.no_photo", language), print_exception=False)
    named = [(str(entry.get("orig_name")), hardening.uploaded(entry)) for entry in files if isinstance(entry, dict)]
    rows = queueing.each(partial(_row, assessor, language), named)
    return many_view.rows(int(given.get("part", 0)), rows, language)


def _row(assessor: Assessor, language: Language, named: tuple[str, Path]) -> many_view.Row | many_view.Unread:
    file, path = named
    try:
        photo, assessment = assessor.read_and_assess(path)
    except PhotoError as error:
        return many_view.Unread(file, error.message.to(language))
    return many_view.Row.of(file, assessment, photo, language)


def _figures(given: Any, language: Language) -> str:
    """How right the answers are: `answers` are pairs of file and lesion named, `labels` an uploaded CSV or nothing."""
    answers = given.get("answers") if isinstance(given, dict) else None
    named = {str(file): code for file, code in _pairs(answers)[: many_view.MOST] if code in CODES}
    try:
        labels = ground_truth.read(_content(given["labels"])) if isinstance(given, dict) and given.get("labels") else {}
    except LabelError as error:
        return many_view.refused(error.message.to(language), language)
    truths = ground_truth.truths(list(named), labels)
    if not truths:
        return many_view.refused(text("many.no_labels", language), language) if labels else ""
    return many_view.figures(ground_truth.figures([named[file] for file in truths], list(truths.values())), truths, language)


def _pairs(answers: Any) -> list[tuple[Any, Any]]:
    pairs = answers if isinstance(answers, list) else []
    return [(pair[0], pair[1]) for pair in pairs if isinstance(pair, list) and len(pair) == 2]


def _content(given: Any) -> bytes:
    with hardening.uploaded(given).open("rb") as file:
        return file.read(decode.MAX_BYTES)
