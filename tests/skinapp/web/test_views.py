"""HTML without a page around it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from skinapp.assessment import explain
from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Classification
from skinapp.assessment.explain import Evidence
from skinapp.i18n.messages import LANGUAGES, Language
from skinapp.imaging.preprocess import Box
from skinapp.metrics import ground_truth
from skinapp.model.hub import EMBEDDED
from skinapp.model.spec import HeatmapScale
from skinapp.web import render
from skinapp.web.views import about, answer, classification, many, page, report
from tests.support import drawings

ODD = "<odd> {odd} \"'&"
VOID = ("br", "img", "input")


def test_the_layer_on_the_photo_looks_like_the_overlay(assessor: Assessor) -> None:
    photo = (drawings.lesion(explain.LAYER_SIDE, explain.LAYER_SIDE) * 0.45).astype(np.uint8)
    assessment = assessor.assess([photo])[0]
    layer = assessment.evidence.layer("mel").astype(float)
    weight = layer[:, :, 3:] / 255
    laid = photo * (1 - weight) + layer[:, :, :3] * weight
    assert np.abs(laid - assessment.overlay(photo, "mel")).max() < 3


def test_what_isnt_ours_is_escaped(assessor: Assessor) -> None:
    assert "<b>" not in page.failed("<b>bold</b>", "en")
    footer = page.footer(assessor.model, ("<i>{0}</i>",), "en")
    assert "&lt;i&gt;&#123;0&#125;&lt;/i&gt;" in footer


@pytest.mark.parametrize(
    ("chance", "text"), [(0.0, "<1%"), (0.0099, "<1%"), (0.01, "1%"), (0.345, "34%"), (0.99, "99%"), (1.0, ">99%")]
)
def test_no_probability_is_shown_as_nothing_or_all(chance: float, text: str) -> None:
    assert render.percent(chance) == text


def test_about_says_what_a_plain_photo_is_worth_and_what_lesions_it_does_not_know_were_answered() -> None:
    embedded = Assessor.load(str(EMBEDDED), "cpu", 1)
    html = about.about(embedded, EMBEDDED, "en", "http://localhost")
    measured = json.loads((EMBEDDED / "metrics.json").read_text())["test"]["int8"]
    values = {view: f"{one['balanced_accuracy']['value']:.0%}" for view, one in measured["by_view"].items()}
    assert f"it named {values['clinical']} of the lesions right, against {values['dermoscopic']}" in html
    for view, one in measured["by_view"].items():
        assert f"({one['n']} photos)" in html and f"{one['balanced_accuracy']['value']:.1%}" in html, view
    scc = measured["outside"]["scc"]["clinical"]["priorities"]
    cells = "".join(f"<td>{scc[priority]}</td>" for priority in ("urgent", "high", "medium", "low", "unclear"))
    assert f"Squamous cell carcinoma <small>By a plain camera ({sum(scc.values())} photos)</small></th>{cells}" in html
    assert "dermatoscope photos of single" not in html


def everything(assessor: Assessor, language: Language) -> Iterator[str]:
    """Every view of a page but those of its tabs with scripts of their own, of photos that are good, warned of and bad."""
    for shown in (page.header, page.tips, page.empty, page.busy, many.empty_table, classification.empty):
        yield shown(language)
    yield page.footer(assessor.model, [ODD], language)
    yield many.refused(ODD, language)
    yield many.figures(ground_truth.figures(["mel", "nv", "bkl"], ["mel", "mel", "nv"]), {ODD: "mel"}, language)
    yield many.rows(1, [many.Unread(ODD, ODD)], language)
    for folder in (assessor.documents, EMBEDDED):
        yield about.about(assessor, folder, language, f"http://{ODD}")
    for photo in (drawings.lesion(), drawings.plain(3)):
        assessment = assessor.assess([photo], {"decode": 1.0})[0]
        yield from (answer.answer(assessment, language), answer.evidence(photo, assessment, language))
        if assessment.quality.ok:
            yield report.offer(assessment, language)
        yield many.rows(
            1, [many.Row.of(ODD, replace(assessment, model=replace(assessment.model, id=ODD)), photo, language)], language
        )
    yield page.failed(ODD, language)
    model = replace(assessor.model, id=ODD)
    scale = HeatmapScale({ODD: 0.0, "b": 0.0}, {ODD: 1.0, "b": 1.0}, 0.0)
    cams = np.zeros((2, 4, 4), np.float32)
    named = Classification(
        (ODD, "b"), np.array([0.3, 0.7]), Evidence((ODD, "b"), cams, Box(0, 0, 320, 240), scale), model, {"total": 1.0}
    )
    yield from (classification.result(named, language), classification.header(named.labels, language))
    yield classification.evidence(drawings.lesion(320, 240), named, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_view_is_html_in_every_language(assessor: Assessor, language: Language) -> None:
    for html in everything(assessor, language):
        assert html.startswith("<") or html == ""
        assert "<odd>" not in html and not re.search(r">\s*\n\s*<", html) and balanced(html)
        assert "{odd}" not in html, "the browser's translator would fill it"


def balanced(html: str) -> bool:
    """Whether every tag that is opened is closed, innermost first."""
    opened = list[str]()
    for end, tag, alone in re.findall(r"<(/?)([a-z0-9]+)(?:\s[^<>]*?)?(/?)>", html):
        if end:
            if not opened or opened.pop() != tag:
                return False
        elif not alone and tag not in VOID:
            opened.append(tag)
    return not opened
