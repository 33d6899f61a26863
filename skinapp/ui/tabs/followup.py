"""The Follow-up tab: two photos of one lesion in, their differences and each one's answer out; nothing is stored."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.ui.components import Payload, answer_photos, language_of, photo_input, script
from skinapp.ui.gradio_internals import files
from skinapp.web import answering
from skinapp.web.views import followup as followup_view


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's components and its event into the page that is being built."""
    with gr.Column(elem_id="follow-tab"):
        with gr.Row(elem_id="then-and-now", equal_height=True):
            photos = [photo_input(say(name), say(f"drop_{name}"), name, classes="slot") for name in followup_view.PHOTOS]
        comparison = gr.HTML(say("follow"), js_on_load=script("followup"), apply_default_css=False, elem_id="followed")

    def follow(earlier: Payload, later: Payload, request: gr.Request) -> Iterator[Any]:
        language = language_of(request)
        if earlier is None or later is None:
            yield say("follow") if earlier is later else followup_view.other(language)
        else:
            yield followup_view.busy(language)
            yield answering.comparison(assessor, files.received_file(earlier), files.received_file(later), language)

    answer_photos(follow, photos, [comparison])
