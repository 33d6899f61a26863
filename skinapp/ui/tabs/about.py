"""The About tab: what this is for and not for, how good it is as measured, what happens to a photo, and how to call it.

Its content goes out when the tab is first opened: plots and tables weigh more than the rest of the page.
"""

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.ui.components import language_of
from skinapp.web.views.about import about

LOCAL = "http://127.0.0.1:7860"


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's one component into the page that is being built."""
    folder = assessor.documents
    # A tab's components are mounted when it is first opened: then this one asks for its content.
    shown = gr.HTML(say("loading"), js_on_load="trigger('load')", apply_default_css=False, elem_id="about")

    def tell(request: gr.Request) -> str:
        return about(assessor, folder, language_of(request), request.headers.get("origin") or LOCAL)

    shown.load(tell, None, shown, queue=False, show_progress="hidden", api_visibility="private")
