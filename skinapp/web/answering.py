"""A photo goes in; what a visitor sees of its answer, or of what is wrong with it, comes out: HTML, and figures for scripts."""

from pathlib import Path
from typing import Any

import numpy as np

from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.assessment.classifier import Classifier
from skinapp.errors import LabelError, PhotoError
from skinapp.followup import compare
from skinapp.i18n.messages import Language, text
from skinapp.imaging import decode, encode, synthetic
from skinapp.imaging.decode import Photo
from skinapp.labels import CODES
from skinapp.metrics import ground_truth
from skinapp.web.views import answer as answer_view
from skinapp.web.views import classification, examples, followup, many, page, report


def answer(
    assessor: Assessor,
    source: Path | bytes | Photo,
    language: Language,
    *,
    centred: bool = False,
    careful: bool = True,
) -> tuple[str, str]:
    """The HTML of the answer to a photo, or of what is wrong with it, and that of the evidence."""
    try:
        photo, assessment = assessor.read_and_assess(source, centred=centred, careful=careful)
    except PhotoError as error:
        return page.failed(error.message.to(language), language), ""
    saved = report.offer(assessment, language) if assessment.quality.ok else ""
    return answer_view.answer(assessment, language) + saved, answer_view.evidence(photo, assessment, language)


def classification_of(classifier: Classifier, source: Path | bytes, language: Language) -> tuple[str, str]:
    """The answer to a photo and its map, or what is wrong with it."""
    try:
        photo, predicted = classifier.read_and_assess(source)
    except PhotoError as error:
        return page.failed(error.message.to(language), language), ""
    return classification.result(predicted, language), classification.evidence(photo, predicted, language)


def warm(model: Assessor | Classifier) -> None:
    """Answer a drawing, so that the first visitor doesn't wait for what only a first answer takes."""
    content = encode.jpeg(synthetic.draw(examples.SPOTS["even"]))
    match model:
        case Assessor():
            answer(model, content, "en")
        case Classifier():
            classification_of(model, content, "en")


def table_row(assessor: Assessor, language: Language, file: tuple[str, Path]) -> many.Row | many.Unread:
    """The row of a photo in the table of many, which has a name and a place."""
    name, path = file
    try:
        photo, assessment = assessor.read_and_assess(path)
    except PhotoError as error:
        return many.Unread(name, error.message.to(language))
    return many.Row.of(name, assessment, photo, language)


def accuracy(answers: Any, labels: Path | None, language: Language) -> str:
    """How right the answers of the table are, each a file's name and a lesion as a browser sends them, by a CSV with `labels` or
    by the files' folders."""
    predicted = {str(file): code for file, code in _pairs(answers)[: many.MAX_PHOTOS] if code in CODES}
    try:
        truths = ground_truth.truths(list(predicted), {} if labels is None else ground_truth.read(_start(labels)))
    except LabelError as error:
        return many.refused(error.message.to(language), language)
    if not truths:
        return "" if labels is None else many.refused(text("many.no_labels", language), language)
    counted = ground_truth.figures([predicted[file] for file in truths], list(truths.values()))
    return many.figures(counted, truths, language)


def comparison(assessor: Assessor, earlier: Path, later: Path, language: Language) -> str:
    """The differences of two photos of one lesion and both answers, or what is wrong with each that can't be read."""
    photos, reasons = list[tuple[Photo, Assessment]](), list[str | None]()
    for path in (earlier, later):
        try:
            photos.append(assessor.read_and_assess(path))
            reasons.append(None)
        except PhotoError as error:
            reasons.append(error.message.to(language))
    if any(reasons):
        return followup.failed(reasons, language)
    (before, first), (after, second) = photos
    is_readable = first.quality.ok and second.quality.ok
    return followup.compared((first, second), compare.compare(before, after) if is_readable else None, language)


def answer_still(assessor: Assessor, content: bytes, max_pixels: int, language: Language) -> tuple[str, str]:
    """The full answer to one picture of a camera, and its evidence."""
    return answer(assessor, decode.read(content, max_pixels), language)


def live_report(assessor: Assessor, content: bytes, max_pixels: int) -> dict[str, Any]:
    """What one frame of a camera shows, as the browser's own modules would say it, with every lesion's evidence in 0..255."""
    photo = decode.read(content, max_pixels)
    assessment = assessor.assess([photo])[0]
    heats = [np.rint(assessment.evidence.heatmap(code) * 255).astype(int) for code in CODES]
    return {
        **assessment.quality.to_dict(),
        "chances": assessment.chances.tolist(),
        "view": assessment.view or "",
        "priority": assessment.priority,
        "focus": assessment.focus.code,
        "figures": vars(assessment.quality.figures),
        "seen": assessment.evidence.view_box._asdict(),
        "width": photo.shape[1],
        "height": photo.shape[0],
        "elapsed_ms": assessment.elapsed_ms,
        "heat": {
            "cells": list(heats[0].shape),
            "codes": {code: heat.ravel().tolist() for code, heat in zip(CODES, heats, strict=True)},
        },
    }


def _pairs(answers: Any) -> list[tuple[Any, Any]]:
    pairs = answers if isinstance(answers, list) else []
    return [(pair[0], pair[1]) for pair in pairs if isinstance(pair, list) and len(pair) == 2]


def _start(path: Path) -> bytes:
    """As much of a file as is ever read."""
    with path.open("rb") as file:
        return file.read(decode.MAX_BYTES)
