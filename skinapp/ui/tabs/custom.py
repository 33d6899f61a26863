"""The page of a model with classes of its own: one photo in, plain bars and a map out; and what is known of the model."""

import json
from pathlib import Path

import gradio as gr

from skinapp.assessment.classifier import Namer
from skinapp.i18n import wording
from skinapp.i18n.wording import ABOUT, OWN, REPORT, TEACH, Language
from skinapp.ui.components import Payload, answer_photos, language_of, photo_input, script
from skinapp.ui.gradio_internals import files
from skinapp.web import answering
from skinapp.web.views import answer


def add(namer: Namer, say: gr.I18n) -> None:
    """Put the photo tab's components and its events into the page that is being built."""
    with gr.Row(elem_id="photo-tab", equal_height=False):
        with gr.Column(elem_id="give"):
            photo = photo_input(say("own_photo"), say("own_drop"))
        with gr.Column(elem_id="answer"):
            shown = gr.HTML(say("empty"), apply_default_css=False)
        with gr.Column(elem_id="evidence"):
            evidence = gr.HTML("", js_on_load=script("evidence"), apply_default_css=False)

    def classify(photo: Payload, request: gr.Request) -> tuple[object, str]:
        return (say("empty"), "") if photo is None else answering.named(namer, files.received_file(photo), language_of(request))

    answer_photos(classify, [photo], [shown, evidence])


def add_about(say: gr.I18n) -> None:
    """Put the About tab's one component into the page."""
    gr.HTML(say("own_about"), apply_default_css=False, elem_id="about")


def about(namer: Namer, language: Language) -> str:
    """Which model it is, what it learned from and how good it is, as far as its folder says."""
    facts = [
        (ABOUT["architecture"], answer.foreign(namer.spec.architecture)),
        (REPORT["id"], answer.named(namer.model)),
        (REPORT["file"], f"{answer.foreign(namer.model.file)} ({answer.foreign(namer.model.precision)})"),
        (REPORT["provider"], answer.provider(namer.model)),
        *_measured(namer.documents / "metrics.json", language),
    ]
    rows = "".join(f"<dt>{name.to(language)}</dt><dd>{value}</dd>" for name, value in facts)
    return (
        f'<div class="about" lang="{language}"><section class="card"><h2>{OWN["about"].to(language)}</h2><dl>{rows}</dl>'
        f'<p class="note">{OWN["disclaimer"].to(language)} {OWN["card"].to(language)}</p></section></div>'
    )


def _measured(path: Path, language: Language) -> list[tuple[wording.Said, str]]:
    """Accuracy and balanced accuracy with their intervals, where metrics.json has them."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))["held_out"]
        return [
            (
                TEACH[key],
                f"{held[key]['value']:.1%} ("
                + TEACH["interval"].to(language).format(low=f"{held[key]['low']:.1%}", high=f"{held[key]['high']:.1%}")
                + f"; n = {int(held['n'])})",
            )
            for key in ("accuracy", "balanced_accuracy")
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []
