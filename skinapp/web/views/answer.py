"""An assessment becomes the HTML that a visitor reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from skinapp.assessment import explain
from skinapp.assessment.assessor import Assessment
from skinapp.assessment.loaded_model import ModelInfo
from skinapp.i18n.messages import Language, text
from skinapp.imaging import encode
from skinapp.imaging.decode import Photo
from skinapp.imaging.preprocess import Box
from skinapp.labels import LESIONS, SEVERITY, Lesion, Priority, View
from skinapp.web.render import data_uri, render


@dataclass(frozen=True)
class Bar:
    """One lesion with its probability."""

    code: str
    priority: Priority
    chance: float


@dataclass(frozen=True)
class Answer:
    """The priority and how far up the scale it stands, 0 for a photo that can't be judged; the bars, likeliest first; what the
    photo was answered in spite of, or why it wasn't; and what answered."""

    priority: Priority
    step: int
    steps: int
    is_ok: bool
    issues: Sequence[str]
    warnings: Sequence[str]
    bars: Sequence[Bar]
    malignant: float
    among: str | None
    taken: View | None
    model: ModelInfo
    elapsed_ms: int

    @classmethod
    def of(cls, assessment: Assessment, language: Language) -> Self:
        priority, report, among = assessment.priority, assessment.quality, assessment.set
        separator = text("list.separator", language)
        return cls(
            priority=priority,
            step=len(SEVERITY) - SEVERITY.index(priority) if priority in SEVERITY else 0,
            steps=len(SEVERITY),
            is_ok=report.ok,
            issues=report.issues,
            warnings=report.warnings if report.ok else (),
            bars=[Bar(lesion.code, lesion.priority, chance) for lesion, chance in ranked(assessment)],
            malignant=assessment.malignant,
            among=None if among is None else separator.join(text(f"lesions.{code}", language) for code in among),
            taken=assessment.view,
            model=assessment.model,
            elapsed_ms=round(assessment.elapsed_ms["total"]),
        )


@dataclass(frozen=True)
class Layer:
    """The evidence for one kind as a picture, and whether it is the one in sight."""

    code: str
    name: str
    chance: float
    source: str
    in_sight: bool


@dataclass(frozen=True)
class Stage:
    """A photo, the layers, and where they lie on it: exactly over the part that the network saw. `chosen` is a layer's code."""

    photo: str
    place: str
    layers: Sequence[Layer]
    chosen: str | None
    dimmed: str = f"{1 - explain.UNSEEN:.2f}"

    @classmethod
    def of(cls, photo: Photo, seen: Box, layers: Sequence[Layer], chosen: str | None = None) -> Self:
        (height, width), (left, top, right, bottom) = photo.shape[:2], seen
        place = (
            f"left: {left / width:.4%}; top: {top / height:.4%}; "
            f"width: {(right - left) / width:.4%}; height: {(bottom - top) / height:.4%}"
        )
        return cls(data_uri("jpeg", encode.jpeg(encode.to_overlay_size(photo))), place, layers, chosen)


def answer(assessment: Assessment, language: Language) -> str:
    """The priority with its advice, the seven bars and their sum; in quiet lines what the photo is worth and what answered."""
    return render("answer.answer", language, Answer.of(assessment, language))


def evidence(photo: Photo, assessment: Assessment, language: Language) -> str:
    """The photo under a layer for each lesion, at first the one that explains the priority; nothing where it can't be judged."""
    if not assessment.quality.ok:
        return ""
    focus = assessment.focus.code
    layers = [
        Layer(
            code=lesion.code,
            name=text(f"lesions.{lesion.code}", language),
            chance=chance,
            source=data_uri("webp", encode.webp(assessment.evidence.layer(lesion.code))),
            in_sight=lesion.code == focus,
        )
        for lesion, chance in ranked(assessment)
    ]
    return render("answer.evidence", language, Stage.of(photo, assessment.evidence.view_box, layers, focus))


def ranked(assessment: Assessment) -> list[tuple[Lesion, float]]:
    """Lesions with their probabilities, likeliest first."""
    pairs = zip(LESIONS, assessment.chances.tolist(), strict=True)
    return sorted(pairs, key=lambda pair: -pair[1])
