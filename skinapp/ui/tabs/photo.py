"""The photo tab: one photo in, its priority, bars and overlay out, as soon as the photo is there."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.errors import StorageError
from skinapp.i18n.messages import Language, text
from skinapp.imaging import decode, encode
from skinapp.ui.components import Payload, answer_on, answer_photos, language_of, photo_input, script
from skinapp.ui.gradio_internals import events, files
from skinapp.ui.server import uploads
from skinapp.web import answering
from skinapp.web.views import page, report
from skinapp.web.views.examples import Example


def add(assessor: Assessor, shelf: Sequence[Example], say: gr.I18n) -> None:
    """Put the tab's components and its events into the page that is being built; `shelf` are the photos to try."""
    with gr.Row(elem_id="photo-tab", equal_height=False):
        with gr.Column(elem_id="give"):
            photo = photo_input(say("photo"), say("drop"))
            centred = gr.Checkbox(label=say("centred"), value=False, container=False, elem_id="centred")
            careful = gr.Checkbox(label=say("careful"), value=True, container=False, elem_id="careful")
            gr.HTML(say("tips"), apply_default_css=False)
            buttons = gr.HTML(say("examples"), js_on_load=script("examples"), apply_default_css=False)
        with gr.Column(elem_id="answer"):
            shown = gr.HTML(say("empty"), js_on_load=report.script(), apply_default_css=False)
        with gr.Column(elem_id="evidence"):
            evidence = gr.HTML("", js_on_load=script("evidence"), apply_default_css=False)

    def answer_photo(photo: Payload, centred: bool, careful: bool, request: gr.Request) -> Iterator[tuple[Any, str]]:
        if photo is None:
            yield say("empty"), ""
        else:
            path = files.received_file(photo)
            yield from _answer_steps(assessor, path, language_of(request), centred=bool(centred), careful=bool(careful))

    def answer_example(event: gr.EventData, request: gr.Request) -> Iterator[tuple[Any, str, str]]:
        yield from _answer_example(assessor, shelf, events.payload(event).get("number"), language_of(request))

    answer_photos(answer_photo, [photo], [shown, evidence], [centred, careful], js=script("photo_input"))
    answer_on([buttons.click], answer_example, [photo, shown, evidence])


def _answer_example(
    assessor: Assessor, shelf: Sequence[Example], number: Any, language: Language
) -> Iterator[tuple[Any, str, str]]:
    """Answer an example that is pressed as if it had been uploaded, and show it in the photo's place."""
    if not isinstance(number, int) or not 0 <= number < len(shelf):
        raise gr.Error(text("examples.gone", language), print_exception=False)
    content = shelf[number].content
    try:
        photo: Any = uploads.keep("image.png", encode.png(encode.to_overlay_size(decode.read(content))))
    except StorageError as error:
        raise gr.Error(error.message.to(language), print_exception=False) from None
    for shown, evidence in _answer_steps(assessor, content, language):
        yield photo, shown, evidence
        photo = gr.skip()  # packed as PNG once, which takes as long as the answer


def _answer_steps(assessor: Assessor, source: Path | bytes, language: Language, **how: bool) -> Iterator[tuple[str, str]]:
    """First that the photo is being assessed, then the answer, or that to the part around the spot, or what is wrong with it."""
    yield page.busy(language), ""
    yield answering.answer(assessor, source, language, **how)
