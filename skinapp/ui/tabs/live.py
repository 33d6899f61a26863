"""The Live tab: a camera's picture, and beside it the answer that follows it."""

import gradio as gr

from skinapp.ui.components import script
from skinapp.web.views import report


def add(say: gr.I18n) -> None:
    """Put the tab's content into the page that is being built."""
    scripts = (script("gradio", "evidence"), report.script(), script("live"))
    gr.HTML(say("live"), js_on_load="\n".join(scripts), apply_default_css=False, elem_id="live-tab")
