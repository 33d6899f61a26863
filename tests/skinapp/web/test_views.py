"""HTML without a page around it."""

import numpy as np
import pytest

from skinapp.assessment import explain
from skinapp.assessment.assessor import Assessor
from skinapp.web.views import answer
from tests.support import drawings


def test_the_layer_on_the_photo_looks_like_the_overlay(assessor: Assessor) -> None:
    photo = (drawings.lesion(explain.LAYER_SIDE, explain.LAYER_SIDE) * 0.45).astype(np.uint8)
    assessment = assessor.assess([photo])[0]
    layer = assessment.layer("mel").astype(float)
    weight = layer[:, :, 3:] / 255
    laid = photo * (1 - weight) + layer[:, :, :3] * weight
    assert np.abs(laid - assessment.overlay(photo, "mel")).max() < 3


def test_what_isnt_ours_is_escaped(assessor: Assessor) -> None:
    assert "<b>" not in answer.failed("<b>bold</b>", "en")
    footer = answer.footer(assessor.model, ("<i>{0}</i>",), "en")
    assert "&lt;i&gt;&#123;0&#125;&lt;/i&gt;" in footer


@pytest.mark.parametrize(
    ("chance", "text"), [(0.0, "&lt;1%"), (0.0099, "&lt;1%"), (0.01, "1%"), (0.345, "34%"), (0.99, "99%"), (1.0, "&gt;99%")]
)
def test_no_probability_is_shown_as_nothing_or_all(chance: float, text: str) -> None:
    assert answer.percent(chance) == text
