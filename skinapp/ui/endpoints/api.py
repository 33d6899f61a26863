"""The two functions that a program calls, /classify and /classify_batch; what they answer is Assessment.to_dict."""

from pathlib import PurePath
from typing import Any

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Classifier
from skinapp.errors import SkinAppError
from skinapp.i18n.messages import Language, text
from skinapp.imaging import encode
from skinapp.ui.components import ASSESS, Payload, language_of
from skinapp.ui.gradio_internals import files
from skinapp.ui.server import uploads
from skinapp.web import calls


def add(model: Assessor | Classifier) -> None:
    """Put the two functions, with the components that describe their input and output, into the page being built."""
    with gr.Row(visible=False):
        photo, careful, report = gr.Image(label="photo"), gr.Checkbox(True, label="careful"), gr.JSON(label="report")
        overlay = gr.Image(label="overlay", interactive=False)
        photos, rows = gr.File(label="photos", file_count="multiple"), gr.JSON(label="rows")
        one, many = gr.Button(), gr.Button()
    for component in (photo, photos):
        files.refuse_addresses(component)

    def classify(photo: Payload, careful: bool, request: gr.Request) -> tuple[dict[str, Any], str]:
        """The report on one photo of a skin lesion, and the photo with the evidence laid on it; `careful`: from several looks."""
        return _classify(model, photo, careful is not False, language_of(request))

    def classify_batch(photos: list[dict[str, Any]] | None, request: gr.Request) -> list[dict[str, Any]]:
        """The reports on several photos, each from one look, with its file's name; an unreadable file gives its error instead."""
        return _classify_batch(model, photos or [], language_of(request))

    # Gradio names each event after its function, private ones too, and numbers who comes later: no other may have these names.
    one.click(classify, [photo, careful], [report, overlay], api_name="classify", preprocess=False, **ASSESS)
    many.click(classify_batch, photos, rows, api_name="classify_batch", preprocess=False, **ASSESS)


def _classify(model: Assessor | Classifier, payload: Payload, careful: bool, language: Language) -> tuple[dict[str, Any], str]:
    if payload is None:
        raise _error(text("requests.no_photo", language))
    try:
        report, overlay = calls.report(model, files.received_file(payload), language, careful=careful, draw=encode.jpeg)
        return report, uploads.keep("image.jpeg", overlay)
    except SkinAppError as error:
        raise _error(str(error)) from None


def _classify_batch(model: Assessor | Classifier, payloads: list[dict[str, Any]], language: Language) -> list[dict[str, Any]]:
    if reason := calls.refusal(payloads):
        raise _error(reason.to(language))
    paths = [files.received_file(payload) for payload in payloads]
    names = [PurePath(payload.get("orig_name") or path).name for payload, path in zip(payloads, paths, strict=True)]
    return calls.reports(model, list(zip(names, paths, strict=True)), language)


def _error(message: str) -> gr.Error:
    return gr.Error(message, print_exception=False)
