"""The tab for many photos: the browser sends them a few at a time, and each few become rows of its table.

Nothing of a table is kept here: the browser holds it, sorts it and saves it, and whoever stops or goes away sends no more.
"""

from functools import partial
from typing import Any

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import Language, text
from skinapp.ui.components import ASSESS, PRIVATE, EventOptions, language_of, script
from skinapp.ui.gradio_internals import events, files
from skinapp.web import answering, calls
from skinapp.web.views import many as many_view

PART = 8
"""Photos that the browser sends at once: a pass of the batcher."""
EACH: EventOptions = {**PRIVATE, "trigger_mode": "multiple"}


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's components and its two events into the page that is being built."""
    with gr.Column(elem_id="many-tab"):
        table = gr.HTML(say("many"), js_on_load=script("gradio", "drop", "many"), apply_default_css=False)
        figures = gr.HTML("", js_on_load=script("pass_on"), visible="hidden", event="many-figures")
        rows = gr.HTML("", js_on_load=script("pass_on"), visible="hidden", event="many-rows")

    def assess(event: gr.EventData, request: gr.Request) -> str:
        return _rows(assessor, events.payload(event), language_of(request))

    def measure(event: gr.EventData, request: gr.Request) -> str:
        payload = events.payload(event)
        labels = files.received_file(payload["labels"]) if payload.get("labels") else None
        return answering.accuracy(payload.get("answers"), labels, language_of(request))

    table.assess(assess, None, rows, **EACH, **ASSESS).failure(None, None, rows, js=script("lost"), **EACH)
    table.measure(measure, None, figures, concurrency_limit=1, **EACH)  # one at a time: the last one counts


def _rows(assessor: Assessor, payload: dict[str, Any], language: Language) -> str:
    """The rows of a few photos, under the number of their part."""
    uploaded = payload.get("files")
    if not isinstance(uploaded, list) or not 0 < len(uploaded) <= PART:
        raise gr.Error(text("requests.no_photo", language), print_exception=False)
    photos = [(str(one.get("orig_name")), files.received_file(one)) for one in uploaded if isinstance(one, dict)]
    rows = calls.map_in_order(partial(answering.table_row, assessor, language), photos)
    return many_view.rows(int(payload.get("part", 0)), rows, language)
