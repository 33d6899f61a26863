"""The On-device tab: a frame with the page that answers in the visitor's browser."""

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import Language
from skinapp.ui.endpoints.ondevice_files import ENTRY, PATH, available_model
from skinapp.web import STATIC
from skinapp.web.views import ondevice as ondevice_view

FRAME_JS = (STATIC / "tabs" / "iframe.js").read_text(encoding="utf-8")


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's content into the page that is being built."""
    gr.HTML(say("ondevice"), js_on_load=FRAME_JS, apply_default_css=False, elem_id="ondevice-tab")


def content(assessor: Assessor, language: Language) -> str:
    """The frame, or what is missing for it."""
    return (
        ondevice_view.missing(language)
        if available_model(assessor) is None
        else ondevice_view.frame(f".{PATH}/{ENTRY}", language)
    )
