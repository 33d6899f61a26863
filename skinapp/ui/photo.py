"""The photo tab: one photo in, its priority, bars and overlay out, as soon as the photo is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.errors import PhotoError, StorageError
from skinapp.i18n import wording
from skinapp.imaging import decode, encode
from skinapp.ui import answer, cache, examples, gates, line, report

STATIC = Path(__file__).parent / "static"
EVIDENCE_JS = (STATIC / "evidence.js").read_text(encoding="utf-8")
EXAMPLES_JS = (STATIC / "examples.js").read_text(encoding="utf-8")
GIVEN_JS = """async (photo, centred) => {
    await new Promise((done) => setTimeout(done));
    return [document.querySelector("#photo img") ? photo : null, centred];
}"""
"""Gradio sends an example that was removed once more as the photo: what is seen on the page counts, once it has been drawn."""
REAR_CAMERA = gr.WebcamOptions(mirror=False, constraints={"video": {"facingMode": {"ideal": "environment"}}})


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's components and its events into the page that is being built."""
    with gr.Row(elem_id="photo-tab", equal_height=False):
        with gr.Column(elem_id="give"):
            photo = photo_input(say("photo"), say("drop"))
            centred = gr.Checkbox(label=say("centred"), value=False, container=False, elem_id="centred")
            gr.HTML(say("tips"), apply_default_css=False)
            shelf = gr.HTML(say("examples"), js_on_load=EXAMPLES_JS, apply_default_css=False)
        with gr.Column(elem_id="answer"):
            told = gr.HTML(say("empty"), js_on_load=report.script(), apply_default_css=False)
        with gr.Column(elem_id="evidence"):
            shown = gr.HTML("", js_on_load=EVIDENCE_JS, apply_default_css=False)
    _answer_photos(assessor, say, photo, centred, [told, shown])
    _answer_examples(assessor, shelf, [photo, told, shown])


def language_of(request: gr.Request) -> wording.Language:
    """The language that the visitor's browser asks for."""
    return wording.preferred(request.headers.get("accept-language", ""))


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
    gates.only_uploads(photo)
    return photo


def _answer_photos(assessor: Assessor, say: gr.I18n, photo: gr.Image, centred: gr.Checkbox, outputs: list[gr.HTML]) -> None:
    def answer_photo(given: dict[str, Any] | None, centred: bool, request: gr.Request) -> Iterator[tuple[Any, str]]:
        if given is None:
            yield say("empty"), ""
        else:
            yield from _answered(assessor, gates.uploaded(given), language_of(request), centred=bool(centred))

    gr.on(
        [photo.input, photo.clear, centred.input],  # not `change`, which fires twice when one photo replaces another
        answer_photo,
        [photo, centred],
        list(outputs),
        js=GIVEN_JS,
        preprocess=False,  # skinapp decodes; Gradio would open the picture first and fail in its own words
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
        **line.JOIN,
    ).failure(_apologise, None, list(outputs), show_progress="hidden", api_visibility="private")


def _answer_examples(assessor: Assessor, shelf: gr.HTML, outputs: list[gr.Image | gr.HTML]) -> None:
    """Answer an example that is pressed as if it had been uploaded, and show it in the photo's place."""
    known = examples.gather(assessor.documents)

    def answer_example(event: gr.EventData, request: gr.Request) -> Iterator[tuple[Any, str, str]]:
        language, number = language_of(request), event._data.get("number") if isinstance(event._data, dict) else None
        if not isinstance(number, int) or not 0 <= number < len(known):
            raise gr.Error(wording.EXAMPLES["gone"].to(language), print_exception=False)
        content = known[number].content
        try:
            seen: Any = cache.keep("image.png", encode.png(encode.shrunk(decode.read(content))))
        except StorageError as error:
            raise gr.Error(error.said.to(language), print_exception=False) from None
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
        **line.JOIN,
    ).failure(_apologise, None, list(outputs[1:]), show_progress="hidden", api_visibility="private")


def _apologise(request: gr.Request) -> tuple[str, str]:
    language = language_of(request)
    return answer.failed(wording.UNEXPECTED.to(language), language), ""


def _answered(
    assessor: Assessor, source: Path | bytes, language: wording.Language, *, centred: bool = False
) -> Iterator[tuple[str, str]]:
    """First that the photo is being looked at, then the answer, or that to the part around the spot, or what is wrong with it."""
    yield answer.busy(language), ""
    yield answered(assessor, source, language, centred=centred)


def answered(
    assessor: Assessor, source: Path | bytes | decode.Photo, language: wording.Language, *, centred: bool = False
) -> tuple[str, str]:
    """The HTML of the answer to a photo, or of what is wrong with it, and that of the evidence."""
    try:
        photo, assessment = assessor.read_and_assess(source, centred=centred)
    except PhotoError as error:
        return answer.failed(error.said.to(language), language), ""
    saved = report.offer(assessment, language) if assessment.report.ok else ""
    return answer.answer(assessment, language) + saved, answer.evidence(photo, assessment, language)
