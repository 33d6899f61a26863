"""What several tabs have in common: where a photo is given, in which language its answer is, and what runs beside it."""

from typing import Any

import gradio as gr

from skinapp.i18n.messages import Language, preferred, text
from skinapp.ui.gradio_internals import hardening
from skinapp.ui.server import queueing
from skinapp.web import STATIC
from skinapp.web.views import page

EVIDENCE_JS = (STATIC / "tabs" / "evidence.js").read_text(encoding="utf-8")
REAR_CAMERA = gr.WebcamOptions(mirror=False, constraints={"video": {"facingMode": {"ideal": "environment"}}})


def language_of(request: gr.Request) -> Language:
    """The language that the visitor's browser asks for."""
    return preferred(request.headers.get("accept-language", ""))


def photo_input(label: Any, drop: Any, place: str = "photo", height: str | int = "var(--photo-height)") -> gr.Image:
    """Where a photo is given, with what is said there; the front end translates both."""
    photo = gr.Image(
        label=label,
        placeholder=drop,
        sources=["upload", "webcam", "clipboard"],
        webcam_options=REAR_CAMERA,
        format="png",
        height=height,
        buttons=["fullscreen"],
        elem_id=place,
    )
    hardening.only_uploads(photo)
    return photo


def answer_photos(name: Any, photo: gr.Image, outputs: list[gr.HTML]) -> None:
    """Have each photo named as soon as it is there."""
    gr.on(
        [photo.input, photo.clear],  # not `change`, which fires twice when one photo replaces another
        name,
        photo,
        list(outputs),
        preprocess=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
        **queueing.JOIN,
    ).failure(apologise, None, list(outputs), show_progress="hidden", api_visibility="private")


def apologise(request: gr.Request) -> tuple[str, str]:
    """A fault of ours, in the answer's place."""
    language = language_of(request)
    return page.failed(text("requests.unexpected", language), language), ""
