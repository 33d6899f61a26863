"""The photo tab: one photo in, its priority, bars and overlay out, as soon as the photo is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.errors import StorageError
from skinapp.i18n.messages import Language, text
from skinapp.imaging import decode, encode
from skinapp.ui.components import EVIDENCE_JS, apologise, language_of, photo_input
from skinapp.ui.gradio_internals import hardening
from skinapp.ui.server import queueing, uploads
from skinapp.web import STATIC
from skinapp.web.answering import answered
from skinapp.web.views import examples, report
from skinapp.web.views import page as page_view

EXAMPLES_JS = (STATIC / "tabs" / "examples.js").read_text(encoding="utf-8")
GIVEN_JS = """async (photo, ...ways) => {
    await new Promise((done) => setTimeout(done));
    return [document.querySelector("#photo img") ? photo : null, ...ways];
}"""
"""Gradio sends an example that was removed once more as the photo: what is seen on the page counts, once it has been drawn."""


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's components and its events into the page that is being built."""
    with gr.Row(elem_id="photo-tab", equal_height=False):
        with gr.Column(elem_id="give"):
            photo = photo_input(say("photo"), say("drop"))
            centred = gr.Checkbox(label=say("centred"), value=False, container=False, elem_id="centred")
            careful = gr.Checkbox(label=say("careful"), value=True, container=False, elem_id="careful")
            gr.HTML(say("tips"), apply_default_css=False)
            shelf = gr.HTML(say("examples"), js_on_load=EXAMPLES_JS, apply_default_css=False)
        with gr.Column(elem_id="answer"):
            told = gr.HTML(say("empty"), js_on_load=report.script(), apply_default_css=False)
        with gr.Column(elem_id="evidence"):
            shown = gr.HTML("", js_on_load=EVIDENCE_JS, apply_default_css=False)
    _answer_photos(assessor, say, photo, (centred, careful), [told, shown])
    _answer_examples(assessor, shelf, [photo, told, shown])


def _answer_photos(
    assessor: Assessor, say: gr.I18n, photo: gr.Image, ways: tuple[gr.Checkbox, gr.Checkbox], outputs: list[gr.HTML]
) -> None:
    def answer_photo(
        given: dict[str, Any] | None, centred: bool, careful: bool, request: gr.Request
    ) -> Iterator[tuple[Any, str]]:
        if given is None:
            yield say("empty"), ""
        else:
            yield from _answered(assessor, hardening.uploaded(given), language_of(request), bool(centred), bool(careful))

    gr.on(
        # not `change`, which fires twice when one photo replaces another
        [photo.input, photo.clear, *(box.input for box in ways)],
        answer_photo,
        [photo, *ways],
        list(outputs),
        js=GIVEN_JS,
        preprocess=False,  # skinapp decodes; Gradio would open the picture first and fail in its own words
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
        **queueing.JOIN,
    ).failure(apologise, None, list(outputs), show_progress="hidden", api_visibility="private")


def _answer_examples(assessor: Assessor, shelf: gr.HTML, outputs: list[gr.Image | gr.HTML]) -> None:
    """Answer an example that is pressed as if it had been uploaded, and show it in the photo's place."""
    known = examples.gather(assessor.documents)

    def answer_example(event: gr.EventData, request: gr.Request) -> Iterator[tuple[Any, str, str]]:
        language, number = language_of(request), event._data.get("number") if isinstance(event._data, dict) else None
        if not isinstance(number, int) or not 0 <= number < len(known):
            raise gr.Error(text("examples.gone", language), print_exception=False)
        content = known[number].content
        try:
            seen: Any = uploads.keep("image.png", encode.png(encode.shrunk(decode.read(content))))
        except StorageError as error:
            raise gr.Error(error.message.to(language), print_exception=False) from None
        for told, shown in _answered(assessor, content, language):
            yield seen, told, shown
            seen = gr.skip()  # packed as PNG once, which takes as long as the answer

    shelf.click(
        answer_example,
        None,
        list(outputs),
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
        **queueing.JOIN,
    ).failure(apologise, None, list(outputs[1:]), show_progress="hidden", api_visibility="private")


def _answered(
    assessor: Assessor, source: Path | bytes, language: Language, centred: bool = False, careful: bool = True
) -> Iterator[tuple[str, str]]:
    """First that the photo is being looked at, then the answer, or that to the part around the spot, or what is wrong with it."""
    yield page_view.busy(language), ""
    yield answered(assessor, source, language, centred=centred, careful=careful)
