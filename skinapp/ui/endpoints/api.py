"""The two functions that a program calls, /classify and /classify_batch; what they answer is Assessment.to_dict."""

from functools import partial
from pathlib import Path, PurePath
from typing import Any

import gradio as gr

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Namer
from skinapp.errors import PhotoError, SkinAppError
from skinapp.i18n.messages import Language, text
from skinapp.imaging import encode
from skinapp.ui.components import language_of
from skinapp.ui.gradio_internals import hardening
from skinapp.ui.server import queueing, uploads

MOST = 64
"""Photos in one call of /classify_batch."""


def add(assessor: Assessor | Namer) -> None:
    """Put the two functions, with the components that describe their input and output, into the page being built."""
    with gr.Row(visible=False):
        photo, careful, report = gr.Image(label="photo"), gr.Checkbox(True, label="careful"), gr.JSON(label="report")
        overlay = gr.Image(label="overlay", interactive=False)
        photos, rows = gr.File(label="photos", file_count="multiple"), gr.JSON(label="rows")
        one, many = gr.Button(), gr.Button()
    hardening.only_uploads(photo)
    hardening.only_uploads(photos)

    def classify(photo: dict[str, Any] | None, careful: bool, request: gr.Request) -> tuple[dict[str, Any], str]:
        """The report on one photo of a skin lesion, and the photo with the evidence laid on it; `careful`: from several looks."""
        return _classify(assessor, photo, careful is not False, language_of(request))

    def classify_batch(photos: list[dict[str, Any]] | None, request: gr.Request) -> list[dict[str, Any]]:
        """The reports on several photos, each from one look, with its file's name; an unreadable file gives its error instead."""
        return _classify_batch(assessor, photos or [], language_of(request))

    one.click(classify, [photo, careful], [report, overlay], api_name="classify", preprocess=False, **queueing.JOIN)
    many.click(classify_batch, photos, rows, api_name="classify_batch", preprocess=False, **queueing.JOIN)


def _classify(
    assessor: Assessor | Namer, given: dict[str, Any] | None, careful: bool, language: Language
) -> tuple[dict[str, Any], str]:
    if given is None:
        raise _told(text("requests.no_photo", language))
    try:
        photo, assessment = assessor.read_and_assess(hardening.uploaded(given), careful=careful)
        return assessment.to_dict(language), uploads.keep("image.jpeg", encode.jpeg(assessment.overlay(photo)))
    except SkinAppError as error:
        raise _told(str(error)) from None


def _classify_batch(assessor: Assessor | Namer, given: list[dict[str, Any]], language: Language) -> list[dict[str, Any]]:
    if not given:
        raise _told(text("requests.no_photo", language))
    if len(given) > MOST:
        raise _told(text("requests.too_many", language, count=len(given), most=MOST))
    paths = [hardening.uploaded(entry) for entry in given]
    names = [PurePath(entry.get("orig_name") or path).name for entry, path in zip(given, paths, strict=True)]
    reports = queueing.each(partial(_report, assessor, language), paths)
    return [{"file": name, **report} for name, report in zip(names, reports, strict=True)]


def _report(assessor: Assessor | Namer, language: Language, path: Path) -> dict[str, Any]:
    try:
        return assessor.read_and_assess(path)[1].to_dict(language)
    except PhotoError as error:
        return {"error": str(error)}


def _told(message: str) -> gr.Error:
    return gr.Error(message, print_exception=False)
