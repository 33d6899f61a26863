"""The report that a visitor saves: its text is made here with the answer, and tabs/report.js puts in the pictures that the page
shows and hands the file over, so that nothing of it is ever kept on the server."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skinapp.assessment.assessor import Assessment
from skinapp.assessment.loaded_model import ModelInfo
from skinapp.assessment.quality import Figures
from skinapp.i18n.messages import Language
from skinapp.labels import Priority
from skinapp.web import STATIC
from skinapp.web.render import render
from skinapp.web.views.answer import Bar, ranked


@dataclass(frozen=True)
class Report:
    """The answer, the lesion that the overlay is of, the photo's figures as text, what it was answered in spite of, and what
    answered."""

    priority: Priority
    focus: str
    bars: Sequence[Bar]
    malignant: float
    warnings: Sequence[str]
    figures: Mapping[str, str]
    model: ModelInfo
    elapsed_ms: int


def script() -> str:
    """What runs in the browser, with the looks of the report."""
    looks = json.dumps((STATIC / "styles" / "report.css").read_text(encoding="utf-8"))
    return f"const LOOKS = {looks};\n{(STATIC / 'tabs' / 'report.js').read_text(encoding='utf-8')}"


def offer(assessment: Assessment, language: Language) -> str:
    """The button, and beside it the report without its pictures."""
    view = Report(
        priority=assessment.priority,
        focus=assessment.focus.code,
        bars=[Bar(lesion.code, lesion.priority, chance) for lesion, chance in ranked(assessment)],
        malignant=assessment.malignant,
        warnings=assessment.quality.warnings,
        figures=_figures(assessment.quality.figures),
        model=assessment.model,
        elapsed_ms=round(assessment.elapsed_ms["total"]),
    )
    return render("report.offer", language, view)


def _figures(figures: Figures) -> dict[str, str]:
    return {
        "short_side": f"{figures.short_side} px",
        "sharpness": f"{figures.sharpness:.1f}",
        "evenness": f"{figures.evenness:.2f}",
        "brightness": f"{figures.brightness:.0f}",
        "contrast": f"{figures.contrast:.0f}",
        "glare": f"{figures.glare:.1%}",
        "hair": f"{figures.hair:.1%}",
        "lesion_evidence": f"{figures.lesion_evidence:.1f}",
    }
