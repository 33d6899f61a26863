"""HTML without a page around it."""

import json

import numpy as np
import pytest

from skinapp.assessment import explain
from skinapp.assessment.assessor import Assessor
from skinapp.model.hub import EMBEDDED
from skinapp.web import render
from skinapp.web.views import about, page
from tests.support import drawings


def test_the_layer_on_the_photo_looks_like_the_overlay(assessor: Assessor) -> None:
    photo = (drawings.lesion(explain.LAYER_SIDE, explain.LAYER_SIDE) * 0.45).astype(np.uint8)
    assessment = assessor.assess([photo])[0]
    layer = assessment.layer("mel").astype(float)
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
    report = json.loads((EMBEDDED / "metrics.json").read_text())["test"]["int8"]
    values = {view: f"{one['balanced_accuracy']['value']:.0%}" for view, one in report["by_view"].items()}
    assert f"it named {values['clinical']} of the lesions right, against {values['dermoscopic']}" in html
    for view, one in report["by_view"].items():
        assert f"({one['n']} photos)" in html and f"{one['balanced_accuracy']['value']:.1%}" in html, view
    scc = report["outside"]["scc"]["clinical"]["priorities"]
    cells = "".join(f"<td>{scc[priority]}</td>" for priority in ("urgent", "high", "medium", "low", "unclear"))
    assert f"Squamous cell carcinoma <small>By a plain camera ({sum(scc.values())} photos)</small></th>{cells}" in html
    assert "dermatoscope photos of single" not in html
