"""The Follow-up tab: two photos of one lesion in, their differences and each one's answer out; nothing is stored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.errors import PhotoError
from skinapp.followup import compare
from skinapp.i18n.messages import Language, text
from skinapp.imaging.decode import Photo
from skinapp.ui.components import REAR_CAMERA, language_of
from skinapp.ui.gradio_internals import hardening
from skinapp.ui.server import queueing
from skinapp.web import STATIC
from skinapp.web.views import followup as followup_view
from skinapp.web.views import page as page_view

FOLLOW_JS = (STATIC / "tabs" / "followup.js").read_text(encoding="utf-8")


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's components and its event into the page that is being built."""
    with gr.Column(elem_id="follow-tab"):
        with gr.Row(elem_id="then-and-now", equal_height=True):
            given = [_slot(say, which) for which in ("earlier", "later")]
        told = gr.HTML(say("follow"), js_on_load=FOLLOW_JS, apply_default_css=False, elem_id="followed")

    def follow(earlier: dict[str, Any] | None, later: dict[str, Any] | None, request: gr.Request) -> Iterator[Any]:
        language = language_of(request)
        if earlier is None or later is None:
            yield say("follow") if earlier is later else followup_view.other(language)
        else:
            yield followup_view.busy(language)
            yield _compared(assessor, [hardening.uploaded(photo) for photo in (earlier, later)], language)

    gr.on(
        [event for slot in given for event in (slot.input, slot.clear)],
        follow,
        given,
        told,
        preprocess=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
        **queueing.JOIN,
    ).failure(_apologise, None, told, show_progress="hidden", api_visibility="private")


def _slot(say: gr.I18n, which: str) -> gr.Image:
    slot = gr.Image(
        label=say(which),
        placeholder=say(f"drop_{which}"),  # type: ignore[arg-type]  # the front end translates it, the type doesn't say so
        sources=["upload", "webcam", "clipboard"],
        webcam_options=REAR_CAMERA,
        format="png",
        height="var(--photo-height)",
        buttons=["fullscreen"],
        elem_id=which,
        elem_classes="slot",
    )
    hardening.only_uploads(slot)
    return slot


def _compared(assessor: Assessor, paths: list[Path], language: Language) -> str:
    read = [_read(assessor, path) for path in paths]
    reasons = [one.message.to(language) if isinstance(one, PhotoError) else None for one in read]
    pairs = [one for one in read if not isinstance(one, PhotoError)]
    if len(pairs) < len(read):
        return followup_view.failed(reasons, language)
    (earlier, first), (later, second) = pairs
    is_readable = first.report.ok and second.report.ok
    comparison = compare.compare(earlier, later) if is_readable else None
    return followup_view.compared((first, second), comparison, language)


def _read(assessor: Assessor, path: Path) -> tuple[Photo, Assessment] | PhotoError:
    try:
        return assessor.read_and_assess(path)
    except PhotoError as error:
        return error


def _apologise(request: gr.Request) -> str:
    language = language_of(request)
    return page_view.failed(text("requests.unexpected", language), language)
