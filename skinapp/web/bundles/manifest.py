"""What the On-device tab is told: the page's own HTML with sample figures in it, the program's rules, and its sentences.

The browser puts its figures into this HTML, so that an answer looks the same wherever it was computed. Knows no gradio.
"""

from typing import Any

import numpy as np

from skinapp.assessment import explain, framing, quality
from skinapp.assessment.assessor import Assessment
from skinapp.assessment.loaded_model import ModelInfo
from skinapp.i18n.messages import Language, section
from skinapp.imaging import decode, encode
from skinapp.labels import LESIONS, SEVERITY, Priority, View
from skinapp.web.views import answer, page
from skinapp.web.views.ondevice import footer, tab

ISSUES = Assessment.blank(Priority.UNCLEAR, ModelInfo("", "", "", "", "")).quality.issues
"""In the order in which the HTML lists its reasons."""


def rules() -> dict[str, Any]:
    """What the program, not the model, fixes for every answer."""
    return {
        "lesions": [{"code": one.code, "priority": one.priority, "malignant": one.malignant} for one in LESIONS],
        "severity": SEVERITY,
        "quality": {"white": quality.WHITE, "hair": quality.HAIR, "hair_width": quality.HAIR_WIDTH},
        "framing": {
            "side": framing.SIDE,
            "pixels": framing.PIXELS_PER_CELL,
            "edge": framing.EDGE,
            "shade": framing.MAX_SHADE,
            "evidence": framing.EVIDENCE_SCALE,
            "max_log_odds": framing.MAX_LOG_ODDS,
            "far": framing.FAR,
            "aside": framing.ASIDE,
            "crop": framing.CROP,
        },
        "photo": {
            "max_bytes": decode.MAX_BYTES,
            "max_pixels": decode.MAX_PIXELS,
            "min_side": decode.MIN_SIDE,
            "max_aspect": decode.MAX_ASPECT,
        },
        "drawing": {
            "side": explain.LAYER_SIDE,
            "strongest": explain.STRONGEST,
            "max_side": encode.MAX_SIDE,
            "colours": explain.COLOURS[:, 0].tolist(),
        },
    }


def pieces(model: ModelInfo, language: Language) -> dict[str, Any]:
    """The HTML and the sentences of one language."""
    samples = {priority: Assessment.blank(priority, model) for priority in Priority}
    return {
        "answers": {priority: answer.answer(sample, language) for priority, sample in samples.items()},
        "evidence": answer.evidence(np.zeros((1, 1, 3), np.uint8), samples[Priority.LOW], language),
        "busy": page.busy(language),
        "failed": page.failed("", language),
        "empty": page.empty(language),
        "tab": tab(language),
        "header": page.header(language),
        "footer": footer(language),
        "ran": section("answer", language)["ran"],
        "lines": lines(language),
        "say": section("ondevice", language),
    }


def lines(language: Language) -> dict[str, Any]:
    """What the lines of an answer are made of that differ from photo to photo: how it was taken, and the prediction set."""
    sentences = section("answer", language)
    return {
        "views": {view.value: sentences[f"view_{view}"] for view in View},
        "set": sentences["set"],
        "names": section("lesions", language),
        "separator": section("list", language)["separator"],
    }
