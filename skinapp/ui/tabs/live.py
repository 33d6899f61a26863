"""The Live tab: a camera's picture, and beside it the answer that follows it."""

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import Language
from skinapp.ui import components
from skinapp.ui.endpoints.live_frames import LIMITS, PATH, files
from skinapp.web import STATIC
from skinapp.web.views import live as live_view
from skinapp.web.views import report


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's content into the page that is being built."""
    scripts = (components.EVIDENCE_JS, report.script(), (STATIC / "tabs" / "live.js").read_text(encoding="utf-8"))
    gr.HTML(say("live"), js_on_load="\n".join(scripts), apply_default_css=False, elem_id="live-tab")


def content(assessor: Assessor, language: Language) -> str:
    """The tab before the camera is on."""
    folder = next(iter(files(assessor))).partition("/")[0]
    return live_view.finder(language, f".{PATH}/{folder}/", LIMITS)
