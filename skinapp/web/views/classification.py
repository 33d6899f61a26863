"""What a model of one's own classes answers, as HTML: plain bars and a map, without a word about lesions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skinapp.assessment.classifier import Classification, Classifier
from skinapp.assessment.loaded_model import ModelInfo
from skinapp.i18n.messages import Language, text
from skinapp.imaging import encode
from skinapp.imaging.decode import Photo
from skinapp.web.render import data_uri, render
from skinapp.web.views.answer import Layer, Stage

BARS = 12
"""Classes that are shown, likeliest first."""
LAYERS = 6
"""Classes whose map can be chosen."""


@dataclass(frozen=True)
class Result:
    """The likeliest class, the bars, how many classes have none, and what answered."""

    top: str
    bars: Sequence[tuple[str, float]]
    more: int
    model: ModelInfo
    elapsed_ms: int
    is_none: bool


def result(named: Classification, language: Language) -> str:
    """The likeliest class, the bars, what answered, and what to think of it."""
    elapsed = round(named.elapsed_ms["total"])
    view = Result(named.top, named.ranked()[:BARS], len(named.labels) - BARS, named.model, elapsed, named.is_none)
    return render("classification.result", language, view)


def evidence(photo: Photo, named: Classification, language: Language) -> str:
    """The photo under the maps of the likeliest classes."""
    layers = [
        Layer(str(place), label, chance, data_uri("webp", encode.webp(named.evidence.layer(label))), place == 0)
        for place, (label, chance) in enumerate(named.ranked()[:LAYERS])
    ]
    return render("classification.evidence", language, Stage.of(photo, named.evidence.view_box, layers))


def header(labels: Sequence[str], language: Language) -> str:
    """The page's name, its question and what it promises."""
    return render("classification.header", language, len(labels), text("list.separator", language).join(labels))


def empty(language: Language) -> str:
    """What stands in the answer's place before there is one."""
    return render("classification.empty", language)


def about(classifier: Classifier, language: Language) -> str:
    """Which model it is, what it learned from and how good it is, as far as its folder says."""
    model = classifier.model
    facts = [
        (text("about.architecture", language), classifier.spec.architecture),
        (text("report.id", language), model.name),
        (text("report.file", language), f"{model.file} ({model.precision})"),
        (text("report.provider", language), model.processor),
        *_measured(classifier.documents / "metrics.json", language),
    ]
    return render("classification.about", language, facts)


def _measured(path: Path, language: Language) -> list[tuple[str, str]]:
    """Accuracy and balanced accuracy with their intervals, where metrics.json has them."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))["held_out"]
        found = []
        for key in ("accuracy", "balanced_accuracy"):
            value, low, high = (f"{held[key][part]:.1%}" for part in ("value", "low", "high"))
            interval = text("teach.interval", language, low=low, high=high)
            found.append((text(f"teach.{key}", language), f"{value} ({interval}; n = {int(held['n'])})"))
        return found
    except (OSError, ValueError, KeyError, TypeError):
        return []
