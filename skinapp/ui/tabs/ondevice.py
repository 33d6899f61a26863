"""The On-device tab: a frame with the page that answers in the visitor's browser."""

import gradio as gr

from skinapp.ui.components import script


def add(say: gr.I18n) -> None:
    """Put the tab's content into the page that is being built."""
    gr.HTML(say("ondevice"), js_on_load=script("gradio", "iframe"), apply_default_css=False, elem_id="ondevice-tab")
