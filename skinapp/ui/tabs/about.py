"""The About tab: what this is for and not for, how good it is as measured, what happens to a photo, and how to call it.

Its content goes out when the tab is first opened: plots and tables weigh more than the rest of the page.
"""

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.ui.components import AT_ONCE, language_of, script
from skinapp.web.views import about as about_view

LOCAL = "http://127.0.0.1:7860"


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's one component into the page that is being built."""
    about = gr.HTML(say("loading"), js_on_load=script("about"), apply_default_css=False, elem_id="about")

    def load(request: gr.Request) -> str:
        return about_view.about(assessor, assessor.documents, language_of(request), request.headers.get("origin") or LOCAL)

    about.load(load, None, about, **AT_ONCE)
