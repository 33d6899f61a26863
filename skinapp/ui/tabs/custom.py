"""The page of a model with classes of its own: one photo in, plain bars and a map out; and what is known of the model."""

import json
from pathlib import Path
from typing import Any

import gradio as gr

from skinapp.assessment.classifier import Namer
from skinapp.i18n.messages import LANGUAGES, Language, text
from skinapp.ui.components import EVIDENCE_JS, answer_photos, language_of, photo_input
from skinapp.ui.gradio_internals import hardening
from skinapp.web.answering import named
from skinapp.web.views import answer, classification, page


def add(namer: Namer, say: gr.I18n) -> None:
    """Put the photo tab's components and its events into the page that is being built."""
    with gr.Row(elem_id="photo-tab", equal_height=False):
        with gr.Column(elem_id="give"):
            photo = photo_input(say("own_photo"), say("own_drop"))
        with gr.Column(elem_id="answer"):
            told = gr.HTML(say("empty"), apply_default_css=False)
        with gr.Column(elem_id="evidence"):
            shown = gr.HTML("", js_on_load=EVIDENCE_JS, apply_default_css=False)

    def name(given: dict[str, Any] | None, request: gr.Request) -> tuple[Any, str]:
        return (say("empty"), "") if given is None else named(namer, hardening.uploaded(given), language_of(request))

    answer_photos(name, photo, [told, shown])


def add_about(namer: Namer, say: gr.I18n) -> None:
    """Put the About tab's one component into the page."""
    gr.HTML(say("own_about"), apply_default_css=False, elem_id="about")


def translations(namer: Namer) -> dict[Language, dict[str, str]]:
    """What this page says before any answer, by language."""
    return {
        language: {
            "header": classification.header(namer.spec.labels, language),
            "empty": classification.empty(language),
            "footer": page.footer(namer.model, namer.notices, language, "own.disclaimer"),
            "own_about": _about(namer, language),
        }
        for language in LANGUAGES
    }


def _about(namer: Namer, language: Language) -> str:
    """Which model it is, what it learned from and how good it is, as far as its folder says."""
    facts = [
        ("about.architecture", answer.foreign(namer.spec.architecture)),
        ("report.id", answer.named(namer.model)),
        ("report.file", f"{answer.foreign(namer.model.file)} ({answer.foreign(namer.model.precision)})"),
        ("report.provider", answer.provider(namer.model)),
        *_measured(namer.documents / "metrics.json", language),
    ]
    rows = "".join(f"<dt>{text(key, language)}</dt><dd>{value}</dd>" for key, value in facts)
    return (
        f'<div class="about" lang="{language}"><section class="card"><h2>{text("own.about", language)}</h2><dl>{rows}</dl>'
        f'<p class="note">{text("own.disclaimer", language)} {text("own.card", language)}</p></section></div>'
    )


def _measured(path: Path, language: Language) -> list[tuple[str, str]]:
    """Accuracy and balanced accuracy with their intervals, where metrics.json has them."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))["held_out"]
        return [
            (
                f"teach.{key}",
                f"{held[key]['value']:.1%} ("
                + text("teach.interval", language, low=f"{held[key]['low']:.1%}", high=f"{held[key]['high']:.1%}")
                + f"; n = {int(held['n'])})",
            )
            for key in ("accuracy", "balanced_accuracy")
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []
