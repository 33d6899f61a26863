"""Joins the rooms: a photo goes in, an Assessment comes out. Owns no mathematics."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import explain, framing, quality, triage
from skinapp.assessment.framing import Flaw, Framing
from skinapp.assessment.loaded_model import Model, Portable, Served, milliseconds, portable
from skinapp.errors import ModelError
from skinapp.i18n import wording
from skinapp.imaging import decode, preprocess
from skinapp.imaging.decode import Photo
from skinapp.imaging.preprocess import Box
from skinapp.labels import CODES, LESIONS, SEVERITY, Lesion, Priority
from skinapp.model import hub, session
from skinapp.model.spec import LESION, HeatmapScale

SCHEMA = 1


@dataclass(frozen=True)
class Assessment:
    """The answer to one photo: chances in the order of `labels.CODES`, and every lesion's class map `[7, h, w]`.

    `focus` is the lesion that decides the priority, or would if the photo could be judged.
    """

    chances: NDArray[np.float64]
    cams: NDArray[np.float32]
    priority: Priority
    focus: Lesion
    report: quality.Report
    framing: Framing
    seen: Box
    scale: HeatmapScale
    model: Model
    elapsed_ms: dict[str, float]

    @classmethod
    def blank(cls, priority: Priority, model: Model) -> Self:
        """An assessment of nothing, of this priority: what the page's HTML is rendered from where the figures come later.

        Without a priority it has every fault that a photo can have, with one every warning.
        """
        figures, faults = quality.Figures(0, 0, 0, 0, 0, 0, 0, 0), tuple(quality.Issue)
        warnings = (*faults, *Flaw)
        report = quality.Report(figures, (), warnings) if priority in SEVERITY else quality.Report(figures, faults, ())
        return cls(
            chances=np.full(len(CODES), 1 / len(CODES)),
            cams=np.zeros((len(CODES), 1, 1), np.float32),
            priority=priority,
            focus=LESIONS[0],
            report=report,
            framing=Framing(None, ()),
            seen=Box(0, 0, 1, 1),
            scale=HeatmapScale(dict.fromkeys(CODES, 0.0), dict.fromkeys(CODES, 1.0), 0.0),
            model=model,
            elapsed_ms={"total": 0.0},
        )

    @property
    def top(self) -> Lesion:
        """The likeliest lesion."""
        return LESIONS[int(self.chances.argmax())]

    @property
    def malignant(self) -> float:
        """The probability of a cancer or its precursor, whichever."""
        return triage.malignant(self.chances)

    def overlay(self, photo: Photo, code: str | None = None) -> Photo:
        """The photo with the evidence for one lesion on it; without `code`, for the one that explains the priority."""
        return explain.overlay(photo, self.heatmap(code or self.focus.code), self.seen, self.scale.shift)

    def layer(self, code: str) -> NDArray[np.uint8]:
        """The evidence for one lesion as RGBA, to be laid over the part of the photo that the network saw."""
        return explain.layer(self.heatmap(code), self.scale.shift)

    def heatmap(self, code: str) -> explain.Heatmap:
        """The evidence for one lesion, `[h, w]` from 0 to 1."""
        return explain.heatmap(self.cams[CODES.index(code)], code, self.scale)

    def to_dict(self, language: wording.Language = "en") -> dict[str, Any]:
        """The report that the API, the CLI and the page give."""
        return {
            "schema": SCHEMA,
            "status": "ok" if self.report.ok else "retake",
            "priority": self.priority.value,
            "top": {"code": self.top.code, "name": self.top.name, "probability": float(self.chances.max())},
            "probabilities": triage.by_code(self.chances),
            "quality": {**self.report.to_dict(), "box": list(self.framing.box) if self.framing.box else None},
            "advice": self.advice(language),
            "disclaimer": wording.DISCLAIMER.to(language),
            "model": vars(self.model),
            "elapsed_ms": {stage: round(spent, 2) for stage, spent in self.elapsed_ms.items()},
        }

    def advice(self, language: wording.Language = "en") -> str:
        """What to do next: for a photo that can't be judged, how to take a better one first; what it was answered in spite of."""
        hints = [wording.ISSUES[issue].to(language) for issue in self.report.issues]
        warnings = [wording.WARNINGS[warning].to(language) for warning in self.report.warnings if self.report.ok]
        return " ".join([*hints, wording.ADVICE[self.priority].to(language), *warnings])

    def centred(self, photo: Photo) -> Photo | None:
        """The part of the photo with the lesion in its middle; None where no lesion was found, or where that is all of it."""
        if self.framing.box is None:
            return None
        height, width = photo.shape[:2]
        left, top, right, bottom = framing.crop(self.framing.box, width, height)
        return None if right - left == width == height else np.ascontiguousarray(photo[top:bottom, left:right])


class Assessor(Served):
    """A model of the seven lesions, which assesses photos."""

    def __init__(self, source: hub.Source, ran: session.Runs, notices: Sequence[str]) -> None:
        super().__init__(source, ran, notices)
        if self.spec.subject != LESION:
            raise ModelError(
                f"{self.model.id} names classes of its own ({', '.join(self.spec.labels[:3])}, ...), no lesions; "
                "serve it with app.py or 'python -m skinapp', without --engine ray."
            )

    def portable(self) -> Portable:
        """The same model as browsers run it."""
        is_on_hub = hub.HUB_MODEL.fullmatch(self.model.id) is not None
        found = portable(f"{self.model.id}@{self.model.revision}" if is_on_hub else str(self.source.folder))
        return replace(found, model=replace(found.model, id=self.model.id))

    def read_and_assess(self, source: str | PathLike[str] | bytes | Photo, *, centred: bool = False) -> tuple[Photo, Assessment]:
        """The photo of a file, of bytes or of an array, and its assessment; `centred`: both of the part around the lesion."""
        began = time.perf_counter()
        photo = decode.read(source)
        assessment = self.assess([photo], {"decode": milliseconds(began)})[0]
        part = assessment.centred(photo) if centred else None
        return (photo, assessment) if part is None else (part, self.assess([part], {"decode": milliseconds(began)})[0])

    def assess(self, photos: Sequence[Photo], spent: dict[str, float] | None = None) -> list[Assessment]:
        """One pass over all photos; `spent` holds the milliseconds of earlier stages. Stages are stated a batch."""
        elapsed = dict(spent or {})
        views, answer = self.look(photos, elapsed)
        began = time.perf_counter()
        chances = triage.probabilities(answer.logits, self.spec.temperature)
        figures = [
            quality.measure(photo, views[i], answer.embedding[i], answer.cams[i, chances[i].argmax()], self.spec.lesion_head)
            for i, photo in enumerate(photos)
        ]
        places = [preprocess.seen(photo, self.spec.transform) for photo in photos]
        framings = [framing.inspect(photo, answer.cams[i], places[i], self.spec.frame_head) for i, photo in enumerate(photos)]
        elapsed["judge"] = milliseconds(began)
        elapsed["total"] = sum(elapsed.values())
        return [
            self._assessment(chances[i], answer.cams[i], figures[i], framings[i], places[i], elapsed) for i in range(len(photos))
        ]

    def _assessment(
        self,
        chances: NDArray[np.float64],
        cams: NDArray[np.float32],
        figures: quality.Figures,
        framing: Framing,
        seen: Box,
        elapsed_ms: dict[str, float],
    ) -> Assessment:
        focus = triage.deciding(chances, self.spec.thresholds)
        report = quality.judge(figures, self.spec.quality, framing.flaws)
        return Assessment(
            chances=chances,
            cams=cams,
            priority=focus.priority if report.ok else Priority.UNCLEAR,
            focus=focus,
            report=report,
            framing=framing,
            seen=seen,
            scale=self.spec.heatmap,
            model=self.model,
            elapsed_ms=elapsed_ms,
        )
