"""A photo goes in, the HTML of its answer and of its evidence comes out, or of what is wrong with it."""

from pathlib import Path

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Namer
from skinapp.errors import PhotoError
from skinapp.i18n.messages import Language
from skinapp.imaging import decode
from skinapp.web.views import answer, classification, page, report


def answered(
    assessor: Assessor,
    source: Path | bytes | decode.Photo,
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
    saved = report.offer(assessment, language) if assessment.report.ok else ""
    return answer.answer(assessment, language) + saved, answer.evidence(photo, assessment, language)


def named(namer: Namer, path: Path, language: Language) -> tuple[str, str]:
    """The answer to an uploaded photo and its map, or what is wrong with it."""
    try:
        photo, found = namer.read_and_assess(path)
    except PhotoError as error:
        return page.failed(error.message.to(language), language), ""
    return classification.result(found, language), classification.evidence(photo, found, language)
