"""Joins the packages: a photo goes in, an Assessment comes out. Owns no mathematics."""

import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import framing, prediction_set, quality, triage
from skinapp.assessment import view as which_view
from skinapp.assessment.answer import Answer
from skinapp.assessment.explain import Evidence
from skinapp.assessment.framing import Framing, FramingFlaw
from skinapp.assessment.loaded_model import BrowserModel, LoadedModel, ModelInfo, browser_model, milliseconds
from skinapp.errors import ModelError
from skinapp.i18n.messages import Language, text
from skinapp.imaging import decode, looks
from skinapp.imaging.decode import Decoded, Photo
from skinapp.imaging.preprocess import Box
from skinapp.labels import CODES, LESIONS, SEVERITY, THRESHOLDS, Lesion, Priority, View
from skinapp.model import hub, session
from skinapp.model.session import Outputs
from skinapp.model.spec import LESION, HeatmapScale, Look, Rule

SCHEMA = 1


@dataclass(frozen=True)
class Assessment:
    """The answer to one photo: chances in the order of `labels.CODES`, and where the evidence for every lesion lies.

    `focus` is the lesion that decides the priority, or would if the photo could be judged.
    """

    chances: NDArray[np.float64]
    evidence: Evidence
    priority: Priority
    focus: Lesion
    quality: quality.QualityCheck
    framing: Framing
    model: ModelInfo
    elapsed_ms: dict[str, float]
    rule: Rule
    view: View | None
    """How the photo was taken; None where the model can't tell."""
    careful: bool
    """Whether the answer is the mean of several looks."""
    enlarged: float = 1.0
    """How many times as long and wide the photo is in its file as where it was assessed."""

    @classmethod
    def blank(cls, priority: Priority, model: ModelInfo) -> Self:
        """An assessment of nothing, of this priority: what the page's HTML is rendered from where the figures come later.

        Without a priority it has every fault that a photo can have, with one every warning.
        """
        figures, faults = quality.Figures(0, 0, 0, 0, 0, 0, 0, 0), tuple(quality.Issue)
        warnings = (*faults, *FramingFlaw)
        is_ok = priority in SEVERITY
        check = quality.QualityCheck(figures, () if is_ok else faults, warnings if is_ok else ())
        scale = HeatmapScale(dict.fromkeys(CODES, 0.0), dict.fromkeys(CODES, 1.0), 0.0)
        return cls(
            chances=np.full(len(CODES), 1 / len(CODES)),
            evidence=Evidence(CODES, np.zeros((len(CODES), 1, 1), np.float32), Box(0, 0, 1, 1), scale),
            priority=priority,
            focus=LESIONS[0],
            quality=check,
            framing=Framing(None, ()),
            model=model,
            elapsed_ms={"total": 0.0},
            rule=Rule(1.0, dict.fromkeys(THRESHOLDS, 1.0), {}),
            view=None,
            careful=False,
        )

    @property
    def top(self) -> Lesion:
        """The likeliest lesion."""
        return LESIONS[int(self.chances.argmax())]

    @property
    def malignant(self) -> float:
        """The probability of a cancer or its precursor, whichever."""
        return triage.malignant(self.chances)

    @property
    def set(self) -> tuple[str, ...] | None:
        """The codes of the lesions among which the true one is nine times in ten; None where the model doesn't say."""
        return prediction_set.of(self.chances, self.rule.sets)

    @property
    def reason(self) -> triage.Reason | None:
        """The threshold that was reached, or would have been had the photo been better; None for what is Low."""
        return triage.reason(self.chances, self.rule.thresholds)

    def overlay(self, photo: Photo, code: str | None = None) -> Photo:
        """The photo with the evidence for one lesion on it; without `code`, for the one that explains the priority."""
        return self.evidence.overlay(photo, code or self.focus.code)

    def to_dict(self, language: Language = "en") -> dict[str, Any]:
        """The report that the API, the CLI and the page give."""
        among, reason = self.set, self.reason
        return {
            "schema": SCHEMA,
            "status": "ok" if self.quality.ok else "retake",
            "priority": self.priority.value,
            "top": {"code": self.top.code, "name": self.top.name, "probability": float(self.chances.max())},
            "probabilities": triage.by_code(self.chances),
            "set": None if among is None else list(among),
            "reason": None if reason is None else vars(reason),
            "view": None if self.view is None else self.view.value,
            "careful": self.careful,
            "quality": {**self.quality.to_dict(), "box": self._box()},
            "advice": self.advice(language),
            "disclaimer": text("disclaimer", language),
            "model": vars(self.model),
            "elapsed_ms": {stage: round(spent, 2) for stage, spent in self.elapsed_ms.items()},
        }

    def _box(self) -> list[int] | None:
        """The lesion's box in the pixels of the photo's file."""
        return [round(edge * self.enlarged) for edge in self.framing.box] if self.framing.box else None

    def advice(self, language: Language = "en") -> str:
        """What to do next: for a photo that can't be judged, how to take a better one first; what it was answered in spite of."""
        hints = [text(f"issues.{issue}", language) for issue in self.quality.issues]
        warnings = [text(f"warnings.{warning}", language) for warning in self.quality.warnings if self.quality.ok]
        return " ".join([*hints, text(f"advice.{self.priority}", language), *warnings])

    def centred(self, photo: Photo) -> Photo | None:
        """The part of the photo with the lesion in its middle; None where no lesion was found, or where that is all of it."""
        if self.framing.box is None:
            return None
        height, width = photo.shape[:2]
        left, top, right, bottom = framing.crop(self.framing.box, width, height)
        return None if right - left == width == height else np.ascontiguousarray(photo[top:bottom, left:right])


class Assessor(LoadedModel):
    """A model of the seven lesions, which assesses photos."""

    def __init__(self, source: hub.LocalModel, ran: session.Runner, notices: Sequence[str]) -> None:
        super().__init__(source, ran, notices)
        if self.spec.subject != LESION:
            raise ModelError(
                f"{self.model.id} names classes of its own ({', '.join(self.spec.labels[:3])}, ...), no lesions; "
                "serve it with app.py or 'python -m skinapp', without --engine ray."
            )

    def browser_model(self) -> BrowserModel:
        """The same model as browsers run it."""
        is_on_hub = hub.HUB_MODEL.fullmatch(self.model.id) is not None
        found = browser_model(f"{self.model.id}@{self.model.revision}" if is_on_hub else str(self.source.folder))
        return replace(found, model=replace(found.model, id=self.model.id))

    def read_and_assess(
        self, source: str | PathLike[str] | bytes | NDArray[np.generic], *, centred: bool = False, careful: bool = False
    ) -> Answer[Assessment]:
        """The photo of a file, of bytes or of an array, and its assessment; `centred`: both of the part around the lesion."""
        began = time.perf_counter()
        # The part around a small lesion needs every pixel that there is.
        read = decode.read_reduced(source, decode.ALL if centred else self.need)
        assessment = self.assess_decoded([read], {"decode": milliseconds(began)}, careful=careful)[0]
        part = assessment.centred(read.photo) if centred else None
        if part is None:
            return Answer(read.photo, assessment)
        return Answer(part, self.assess([part], {"decode": milliseconds(began)}, careful=careful)[0])

    def assess(
        self, photos: Sequence[Photo], spent: dict[str, float] | None = None, *, careful: bool = False
    ) -> list[Assessment]:
        """One pass over all photos, or `careful` over several looks at each; `spent` holds the milliseconds of earlier stages.
        Stages are stated a batch."""
        return self.assess_decoded([Decoded(photo, photo.shape[1], photo.shape[0]) for photo in photos], spent, careful=careful)

    def assess_decoded(
        self, read: Sequence[Decoded], spent: dict[str, float] | None = None, *, careful: bool = False
    ) -> list[Assessment]:
        """The same of photos that were reduced while they were decoded."""
        elapsed = dict(spent or {})
        at = self.spec.looks if careful and self.spec.looks else looks.PLAIN
        views, answer = self.forward([one.photo for one in read], elapsed, at)
        began = time.perf_counter()
        parts = (
            Outputs(*(values[first : first + len(at)] for values in astuple(answer))) for first in range(0, len(views), len(at))
        )
        answers = [self._judge(one, view, part, at) for one, view, part in zip(read, views[:: len(at)], parts, strict=True)]
        elapsed["judge"] = milliseconds(began)
        elapsed["total"] = sum(elapsed.values())
        return [replace(one, elapsed_ms=elapsed) for one in answers]

    def _judge(self, read: Decoded, view: Photo, answer: Outputs, at: Sequence[Look]) -> Assessment:
        """The assessment of one photo from all looks at it. What is the mean of them is the answer; whether it may be given, how
        the photo was taken and where the lesion lies, the first look says, at the photo as it is."""
        spec, embedding, cams, photo = self.spec, answer.embedding[0], answer.cams[0], read.photo
        taken = which_view.of(embedding, spec.clinical)
        rule = spec.rule(taken, careful=len(at) > 1)
        chances = triage.probabilities(answer.logits.mean(0), rule.temperature)
        boxes = looks.view_boxes(photo, spec.transform, at)
        found = framing.find_framing(photo, cams, boxes[0], spec.frame_head)
        short_side = min(read.width, read.height)
        figures = quality.measure(short_side, view, embedding, cams[answer.logits[0].argmax()], spec.lesion_head)
        check = quality.judge(figures, spec.limits(taken), found.flaws)
        focus = triage.deciding(chances, rule.thresholds)
        is_one, scale = len(at) == 1, spec.heatmap
        if not is_one:
            cams, scale = looks.merge_maps(answer.cams, at, boxes, scale.shift), replace(scale, shift=0.0)
        return Assessment(
            chances=chances,
            evidence=Evidence(CODES, cams, looks.covering_box(boxes), scale),
            priority=focus.priority if check.ok else Priority.UNCLEAR,
            focus=focus,
            quality=check,
            framing=found,
            model=self.model,
            elapsed_ms={},
            rule=rule,
            view=taken if spec.clinical else None,
            careful=not is_one,
            enlarged=read.width / photo.shape[1],
        )
