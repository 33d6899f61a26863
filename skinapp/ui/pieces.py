"""What the On-device tab is told: the page's own HTML with sample figures in it, the program's rules, and its sentences.

The browser puts its figures into this HTML, so that an answer looks the same wherever it was computed. Knows no gradio.
"""

from html import escape
from typing import Any

import numpy as np

from skinapp.assessment import explain, quality
from skinapp.assessment.assessor import Assessment
from skinapp.assessment.loaded_model import Model
from skinapp.i18n import wording
from skinapp.i18n.wording import ONDEVICE, Language
from skinapp.imaging import decode, encode
from skinapp.labels import LESIONS, SEVERITY, Priority
from skinapp.ui import answer

ISSUES = Assessment.blank(Priority.UNCLEAR, Model("", "", "", "", "")).report.issues
"""In the order in which the HTML lists its reasons."""


def rules() -> dict[str, Any]:
    """What the program, not the model, fixes for every answer."""
    return {
        "lesions": [{"code": one.code, "priority": one.priority, "malignant": one.malignant} for one in LESIONS],
        "severity": SEVERITY,
        "quality": {"white": quality.WHITE, "hair": quality.HAIR, "hair_width": quality.HAIR_WIDTH},
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


def pieces(model: Model, language: Language) -> dict[str, Any]:
    """The HTML and the sentences of one language."""
    samples = {priority: Assessment.blank(priority, model) for priority in Priority}
    return {
        "answers": {priority: answer.answer(sample, language) for priority, sample in samples.items()},
        "evidence": answer.evidence(np.zeros((1, 1, 3), np.uint8), samples[Priority.LOW], language),
        "busy": answer.busy(language),
        "failed": answer.failed("", language),
        "empty": answer.empty(language),
        "tab": _tab(language),
        "header": answer.header(language),
        "footer": _footer(model, language),
        "ran": wording.ANSWER["ran"].to(language),
        "say": {key: said.to(language) for key, said in ONDEVICE.items()},
    }


def missing(language: Language) -> str:
    """What stands in the tab where it can't run: why, and what to do."""
    return (
        f'<section class="card failed" lang="{language}"><h2>{ONDEVICE["missing"].to(language)}</h2>'
        f"<p>{ONDEVICE['missing_why'].to(language)}</p><p>{ONDEVICE['missing_cure'].to(language)}</p></section>"
    )


def frame(address: str, language: Language) -> str:
    """The tab's page inside the program's page; it is given its address when it is first seen, because it brings 10 MB along."""
    title = ONDEVICE["title"].to(language)
    source = escape(f"{address}?lang={language}")
    return (
        f'<iframe class="ondevice-frame" title="{title}" data-src="{source}" '
        f'allow="camera; cross-origin-isolated; clipboard-read; clipboard-write"></iframe>'
    )


def _tab(language: Language) -> str:
    """The tab itself: a box that takes photos, and places for the answer and the evidence."""
    say = {key: said.to(language) for key, said in ONDEVICE.items()}
    return (
        f'<div class="ondevice" lang="{language}"><div class="give"><div class="card drop">'
        f'<div class="prompt"><span class="camera-icon" aria-hidden="true"></span>'
        f"<h2>{say['drop']}</h2><p>{say['drop_how']}</p></div>"
        f'<div class="loading" role="status"><progress></progress><p class="loading-text"></p></div>'
        f'<img class="preview" alt="{say["preview"]}">'
        f'<div class="live"><div class="frame"><video muted playsinline></video><canvas class="map"></canvas></div></div>'
        f'<input type="file" accept="image/*" hidden><div class="buttons">'
        f'<button type="button" class="choose">{say["choose"]}</button>'
        f'<button type="button" class="camera">{say["camera"]}</button>'
        f'<button type="button" class="take">{say["take"]}</button>'
        f'<button type="button" class="stop">{say["stop"]}</button></div></div>'
        f'<p class="private" hidden>{say["private"]}</p><p class="not-private" hidden>{say["not_private"]}</p>'
        f'<p class="no-camera" hidden>{say["no_camera"]}</p><p class="engine"></p>{answer.tips(language)}</div>'
        f'<div class="told" aria-live="polite"></div><div class="shown"></div></div>'
    )


def _footer(model: Model, language: Language) -> str:
    return (
        f'<footer class="foot" lang="{language}"><p class="disclaimer">{wording.DISCLAIMER.to(language)}</p>'
        f"<p>{wording.PAGE['model'].to(language)}: {answer.named(model)} · {escape(model.precision)}</p></footer>"
    )
