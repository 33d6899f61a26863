"""What the About tab of a model with classes of its own says."""

import json
from pathlib import Path

from skinapp.assessment.classifier import Namer
from skinapp.i18n.messages import Language, text
from skinapp.web.views import answer


def about(namer: Namer, language: Language) -> str:
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
