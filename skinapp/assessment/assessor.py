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
from skinapp.assessment.loaded_model import BrowserModel, LoadedModel, ModelInfo, browser_model, milliseconds_since
from skinapp.errors import ModelError
from skinapp.i18n.messages import Language, text
from skinapp.imaging import aside, decode, looks
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

        Without a priority it has every fault that a photo can have, with one every warning, a view and a set.
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
            rule=Rule(1.0, dict.fromkeys(THRESHOLDS, 1.0), dict.fromkeys(CODES, 0.0)),
            view=View.DERMOSCOPIC,
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
        codes, reason = self.set, self.reason
        return {
            "schema": SCHEMA,
            "status": "ok" if self.quality.ok else "retake",
            "priority": self.priority.value,
            "top": {"code": self.top.code, "name": self.top.name, "probability": float(self.chances.max())},
            "probabilities": triage.by_code(self.chances),
            "set": None if codes is None else list(codes),
            "reason": None if reason is None else vars(reason),
            "view": None if self.view is None else self.view.value,
            "careful": self.careful,
            "quality": {**self.quality.to_dict(), "box": self._box()},
            "advice": self.advice(language),
            "disclaimer": text("disclaimer", language),
            "model": vars(self.model),
            "elapsed_ms": {stage: round(elapsed_ms, 2) for stage, elapsed_ms in self.elapsed_ms.items()},
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


@dataclass(frozen=True)
class Seen:
    """What is measured of a photo and of the network's view of it while the network works."""

    view: quality.Seen
    colours: framing.Grid | None


class Assessor(LoadedModel):
    """A model of the seven lesions, which assesses photos."""

    def __init__(self, source: hub.LocalModel, runner: session.Runner, notices: Sequence[str]) -> None:
        super().__init__(source, runner, notices)
        if self.spec.subject != LESION:
            raise ModelError(
                f"{self.model.id} names classes of its own ({', '.join(self.spec.labels[:3])}, ...), no lesions; "
                "serve it with app.py or 'python -m skinapp', without --engine ray."
            )

    def browser_model(self) -> BrowserModel:
        """The same model as browsers run it."""
        is_on_hub = hub.HUB_MODEL.fullmatch(self.model.id) is not None
        portable = browser_model(f"{self.model.id}@{self.model.revision}" if is_on_hub else str(self.source.folder))
        return replace(portable, model=replace(portable.model, id=self.model.id))

    def read_and_assess(
        self, source: str | PathLike[str] | bytes | NDArray[np.generic], *, centred: bool = False, careful: bool = False
    ) -> Answer[Assessment]:
        """The photo of a file, of bytes or of an array, and its assessment; `centred`: both of the part around the lesion."""
        started = time.perf_counter()
        # The part around a small lesion needs every pixel that there is.
        decoded = decode.read_reduced(source, decode.ALL if centred else self.need)
        assessment = self.assess_decoded([decoded], {"decode": milliseconds_since(started)}, careful=careful)[0]
        part = assessment.centred(decoded.photo) if centred else None
        if part is None:
            return Answer(decoded.photo, assessment)
        return Answer(part, self.assess([part], {"decode": milliseconds_since(started)}, careful=careful)[0])

    def assess(
        self, photos: Sequence[Photo], earlier_ms: dict[str, float] | None = None, *, careful: bool = False
    ) -> list[Assessment]:
        """One pass over all photos, or `careful` over several looks at each; `earlier_ms` are the times of earlier stages.
        Stages are stated a batch."""
        return self.assess_decoded(
            [Decoded(photo, photo.shape[1], photo.shape[0]) for photo in photos], earlier_ms, careful=careful
        )

    def assess_decoded(
        self, decoded: Sequence[Decoded], earlier_ms: dict[str, float] | None = None, *, careful: bool = False
    ) -> list[Assessment]:
        """The same of photos that were reduced while they were decoded."""
        elapsed = dict(earlier_ms or {})
        chosen_looks = self.spec.looks if careful and self.spec.looks else looks.PLAIN
        views = self.views([item.photo for item in decoded], elapsed, chosen_looks)
        first_views = views[:: len(chosen_looks)]
        seen = aside.begin(lambda: [self._see(item.photo, view) for item, view in zip(decoded, first_views, strict=True)])
        outputs = self.answer(views, elapsed)
        started = time.perf_counter()
        outputs_by_photo = (
            Outputs(*(values[first : first + len(chosen_looks)] for values in astuple(outputs)))
            for first in range(0, len(views), len(chosen_looks))
        )
        answers = [
            self._judge(item, seen_of_photo, photo_outputs, chosen_looks)
            for item, seen_of_photo, photo_outputs in zip(decoded, seen(), outputs_by_photo, strict=True)
        ]
        elapsed["judge"] = milliseconds_since(started)
        elapsed["total"] = sum(elapsed.values())
        return [replace(answer, elapsed_ms=elapsed) for answer in answers]

    def _see(self, photo: Photo, view: Photo) -> Seen:
        """What a photo's figures and framing need that the network needn't answer first."""
        return Seen(quality.see(view), framing.colour_features(photo) if self.spec.frame_head.weights else None)

    def _judge(self, decoded: Decoded, seen: Seen, outputs: Outputs, chosen_looks: Sequence[Look]) -> Assessment:
        """The assessment of one photo from all looks at it. What is the mean of them is the answer; whether it may be given, how
        the photo was taken and where the lesion lies, the first look says, at the photo as it is."""
        spec, embedding, cams, photo = self.spec, outputs.embedding[0], outputs.cams[0], decoded.photo
        view_of_photo = which_view.of(embedding, spec.clinical)
        rule = spec.rule(view_of_photo, careful=len(chosen_looks) > 1)
        chances = triage.probabilities(outputs.logits.mean(0), rule.temperature)
        boxes = looks.view_boxes(photo, spec.transform, chosen_looks)
        framing_result = framing.find_framing(photo, cams, boxes[0], spec.frame_head, seen.colours)
        short_side = min(decoded.width, decoded.height)
        figures = quality.complete(seen.view, short_side, embedding, cams[outputs.logits[0].argmax()], spec.lesion_head)
        check = quality.judge(figures, spec.limits(view_of_photo), framing_result.flaws)
        focus = triage.deciding_lesion(chances, rule.thresholds)
        is_one_look, scale = len(chosen_looks) == 1, spec.heatmap
        if not is_one_look:
            cams, scale = looks.merge_maps(outputs.cams, chosen_looks, boxes, scale.shift), replace(scale, shift=0.0)
        return Assessment(
            chances=chances,
            evidence=Evidence(CODES, cams, looks.covering_box(boxes), scale),
            priority=focus.priority if check.ok else Priority.UNCLEAR,
            focus=focus,
            quality=check,
            framing=framing_result,
            model=self.model,
            elapsed_ms={},
            rule=rule,
            view=view_of_photo if spec.clinical else None,
            careful=not is_one_look,
            enlarged=decoded.width / photo.shape[1],
        )
