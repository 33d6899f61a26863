"""The page of a model with classes of its own: one photo in, plain bars and a map out; and what is known of the model."""

from typing import Any

import gradio as gr

from skinapp.assessment.classifier import Namer
from skinapp.i18n.messages import LANGUAGES, Language
from skinapp.ui.components import EVIDENCE_JS, answer_photos, language_of, photo_input
from skinapp.ui.gradio_internals import hardening
from skinapp.web.answering import named
from skinapp.web.views import classification, page


def add(namer: Namer, say: gr.I18n) -> None:
    """Put the photo tab's components and its events into the page that is being built."""
    with gr.Row(elem_id="photo-tab", equal_height=False):
        with gr.Column(elem_id="give"):
            photo = photo_input(say("own_photo"), say("own_drop"))
        with gr.Column(elem_id="answer"):
            told = gr.HTML(say("empty"), apply_default_css=False)
        with gr.Column(elem_id="evidence"):
            shown = gr.HTML("", js_on_load=EVIDENCE_JS, apply_default_css=False)

    def name(given: dict[str, Any] | None, request: gr.Request) -> tuple[Any, str]:
        return (say("empty"), "") if given is None else named(namer, hardening.uploaded(given), language_of(request))

    answer_photos(name, photo, [told, shown])


def add_about(namer: Namer, say: gr.I18n) -> None:
    """Put the About tab's one component into the page."""
    gr.HTML(say("own_about"), apply_default_css=False, elem_id="about")


def translations(namer: Namer) -> dict[Language, dict[str, str]]:
    """What this page says before any answer, by language."""
    return {
        language: {
            "header": classification.header(namer.spec.labels, language),
            "empty": classification.empty(language),
            "footer": page.footer(namer.model, namer.notices, language, "own.disclaimer"),
            "own_about": classification.about(namer, language),
        }
        for language in LANGUAGES
    }
