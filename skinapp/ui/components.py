"""What several tabs have in common: where a photo is given, in which language its answer is, and how an event is answered."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

import gradio as gr
from gradio.i18n import I18nData

from skinapp.guards import queueing
from skinapp.i18n.messages import Language, requested, text
from skinapp.ui.gradio_internals import events, files
from skinapp.web import STATIC
from skinapp.web.views import page

Payload = dict[str, Any] | None
"""A photo as Gradio hands it over unread; files.received_file gives its path."""
REAR_CAMERA = gr.WebcamOptions(mirror=False, constraints={"video": {"facingMode": {"ideal": "environment"}}})


class EventOptions(TypedDict, total=False):
    """What an event may say beside its function, its inputs and its outputs."""

    show_progress: Literal["hidden"]
    api_visibility: Literal["private"]
    trigger_mode: Literal["once", "multiple", "always_last"]
    queue: bool
    concurrency_id: str
    concurrency_limit: int


PRIVATE: EventOptions = {"show_progress": "hidden", "api_visibility": "private"}
"""Of the page alone: no program calls it, and the page shows by itself that it waits."""
AT_ONCE: EventOptions = {**PRIVATE, "queue": False}
"""The same, without a place in the queue."""
ASSESS: EventOptions = {"concurrency_id": "assess", "concurrency_limit": queueing.ASSESSING}
"""Of events that assess photos."""


def script(*names: str) -> str:
    """The text of scripts of static/tabs, one after the other, for a component or an event."""
    return "\n".join((STATIC / "tabs" / f"{name}.js").read_text(encoding="utf-8") for name in names)


def language_of(request: gr.Request) -> Language:
    """The language that the visitor's browser asks for."""
    return requested(request.headers)


def photo_input(
    label: I18nData, drop: I18nData, elem_id: str = "photo", height: str | int = "var(--photo-height)", classes: str | None = None
) -> gr.Image:
    """Where a photo is given; the front end translates both texts, though the type of the second doesn't say so."""
    text: Any = drop
    photo = gr.Image(
        label=label,
        placeholder=text,
        sources=["upload", "webcam", "clipboard"],
        webcam_options=REAR_CAMERA,
        format="png",
        height=height,
        buttons=["fullscreen"],
        elem_id=elem_id,
        elem_classes=classes,
    )
    files.refuse_addresses(photo)
    return photo


def answer_photos(
    function: Callable[..., Any],
    photos: Sequence[gr.Image],
    outputs: Sequence[gr.HTML],
    options: Sequence[gr.Checkbox] = (),
    js: str | None = None,
) -> None:
    """Answer as soon as one of the photos is given or removed, or an option chosen."""
    triggers = [event for photo in photos for event in events.photo_changes(photo)] + [option.input for option in options]
    answer_on(triggers, function, outputs, [*photos, *options], js=js)


def answer_on(
    triggers: Sequence[Any],
    function: Callable[..., Any],
    outputs: Sequence[gr.Image | gr.HTML],
    inputs: Sequence[gr.Image | gr.Checkbox] = (),
    js: str | None = None,
) -> None:
    """Answer the last of such events; a fault of ours is told in the place of the first HTML, and empties the others."""
    first, *others = [output for output in outputs if isinstance(output, gr.HTML)]

    def apologise(request: gr.Request) -> dict[Any, str]:
        return {first: apology(language_of(request)), **dict.fromkeys(others, "")}

    # skinapp decodes (`preprocess`); Gradio would open the picture first and fail in its own words
    gr.on(
        triggers, function, list(inputs), list(outputs), js=js, preprocess=False, trigger_mode="always_last", **PRIVATE, **ASSESS
    ).failure(apologise, None, [first, *others], **PRIVATE)


def apology(language: Language) -> str:
    """A fault of ours, in an answer's place."""
    return page.failed(text("requests.unexpected", language), language)
