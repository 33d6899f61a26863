"""The photo tab: one photo in, its priority, bars and overlay out, as soon as the photo is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from skinapp import wording
from skinapp.assessor import Assessor
from skinapp.errors import SkinAppError
from skinapp.ui import answer, gates

EVIDENCE_JS = (Path(__file__).parent / "static" / "evidence.js").read_text(encoding="utf-8")
REAR_CAMERA = gr.WebcamOptions(mirror=False, constraints={"video": {"facingMode": {"ideal": "environment"}}})


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's components and its one event into the page that is being built."""
    with gr.Row(elem_id="photo-tab", equal_height=False):
        with gr.Column(elem_id="give"):
            photo = gr.Image(
                label=say("photo"),
                placeholder=say("drop"),  # type: ignore[arg-type]  # the front end translates it, the type doesn't say so
                sources=["upload", "webcam", "clipboard"],
                webcam_options=REAR_CAMERA,
                format="png",
                height="var(--photo-height)",
                buttons=["fullscreen"],
                elem_id="photo",
            )
            gr.HTML(say("tips"), apply_default_css=False)
        with gr.Column(elem_id="answer"):
            told = gr.HTML(say("empty"), apply_default_css=False)
        with gr.Column(elem_id="evidence"):
            shown = gr.HTML("", js_on_load=EVIDENCE_JS, apply_default_css=False)
    gates.only_uploads(photo)

    def answer_photo(given: dict[str, Any] | None, request: gr.Request) -> Iterator[tuple[Any, str]]:
        if given is None:
            yield say("empty"), ""
        else:
            yield from _answered(assessor, gates.uploaded(given), language_of(request))

    def apologise(request: gr.Request) -> tuple[str, str]:
        language = language_of(request)
        return answer.failed(wording.UNEXPECTED.to(language), language), ""

    gr.on(
        [photo.input, photo.clear],  # not `change`, which fires twice when one photo replaces another
        answer_photo,
        photo,
        [told, shown],
        preprocess=False,  # skinapp decodes; Gradio would open the picture first and fail in its own words
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    ).failure(apologise, None, [told, shown], show_progress="hidden", api_visibility="private")


def language_of(request: gr.Request) -> wording.Language:
    """The language that the visitor's browser asks for."""
    return wording.preferred(request.headers.get("accept-language", ""))


def _answered(assessor: Assessor, path: Path, language: wording.Language) -> Iterator[tuple[str, str]]:
    """First that the photo is being looked at, then the answer or what is wrong with the photo."""
    yield answer.busy(language), ""
    try:
        photo, assessment = assessor.read_and_assess(path)
    except SkinAppError as error:
        yield answer.failed(str(error), language), ""
    else:
        yield answer.answer(assessment, language), answer.evidence(photo, assessment, language)
