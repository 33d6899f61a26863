"""Joins the rooms: a photo goes in, an Assessment comes out. Owns no mathematics."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skinapp import explain, hub, image, preprocess, quality, session, triage, wording
from skinapp.errors import ModelError, ProviderError
from skinapp.image import Photo
from skinapp.labels import CODES, LESIONS, Lesion, Priority
from skinapp.preprocess import Box
from skinapp.spec import HeatmapScale

log = logging.getLogger(__name__)

SCHEMA = 1


@dataclass(frozen=True)
class Model:
    """Which model answered, and where it ran."""

    id: str
    revision: str
    file: str
    precision: str
    provider: str


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
    seen: Box
    scale: HeatmapScale
    model: Model
    elapsed_ms: dict[str, float]

    @property
    def top(self) -> Lesion:
        """The likeliest lesion."""
        return LESIONS[int(self.chances.argmax())]

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
            "quality": self.report.to_dict(),
            "advice": self.advice(language),
            "disclaimer": wording.DISCLAIMER.to(language),
            "model": vars(self.model),
            "elapsed_ms": {stage: round(spent, 2) for stage, spent in self.elapsed_ms.items()},
        }

    def advice(self, language: wording.Language = "en") -> str:
        """What to do next: for a photo that can't be judged, how to take a better one first."""
        hints = [wording.ISSUES[issue].to(language) for issue in self.report.issues]
        return " ".join([*hints, wording.ADVICE[self.priority].to(language)])


class Assessor:
    """A loaded model that assesses photos; may be shared by threads."""

    def __init__(self, source: hub.Source, ran: session.Runs, notices: Sequence[str]) -> None:
        file = source.spec.files[source.file]
        self.spec, self.session, self.notices = source.spec, ran, tuple(notices)
        self.model = Model(source.id, source.revision, source.file, file.precision, ran.provider)

    @classmethod
    def load(cls, model: str | None = None, provider: str = session.AUTO, threads: int = 0) -> Self:
        """The assessor of a model folder or Hub model on the best provider that really works."""
        notices: list[str] = []
        for rung in session.rungs(provider):
            try:
                source = hub.fetch(model, lambda spec, rung=rung: session.file_for(spec, rung))  # type: ignore[misc]
                ran = session.Session(source.folder / source.file, source.spec, rung, threads)
            except ProviderError as error:
                if provider != session.AUTO:
                    raise
                log.warning("%s", error)
                notices.append(str(error))
                continue
            return cls(source, ran, [*notices, source.notice] if source.notice else notices)
        raise ProviderError(f"No execution provider works here ({' '.join(notices)}); install requirements.txt again.")

    def read_and_assess(self, source: str | PathLike[str] | bytes | Photo) -> tuple[Photo, Assessment]:
        """The photo of a file, of bytes or of an array, and its assessment."""
        began = time.perf_counter()
        photo = image.read(source)
        return photo, self.assess([photo], {"decode": _ms(began)})[0]

    def assess(self, photos: Sequence[Photo], spent: dict[str, float] | None = None) -> list[Assessment]:
        """One pass over all photos; `spent` holds the milliseconds of earlier stages. Stages are stated a batch."""
        elapsed = dict(spent or {})
        began = time.perf_counter()
        views = [preprocess.view(photo, self.spec.transform) for photo in photos]
        pixels = preprocess.normalize(np.stack(views), self.spec.transform)
        elapsed["preprocess"], began = _ms(began), time.perf_counter()
        answer = self.session.run(pixels)
        if not all(np.isfinite(values).all() for values in vars(answer).values()):
            # Nothing passes a threshold that is compared with nan: it would be a Low.
            raise ModelError(f"{self.model.file} answered with numbers that are not finite; fetch or export the model again.")
        elapsed["model"], began = _ms(began), time.perf_counter()
        chances = triage.probabilities(answer.logits, self.spec.temperature)
        reports = [
            quality.inspect(photo, view, embedding, self.spec.lesion_head, self.spec.quality)
            for photo, view, embedding in zip(photos, views, answer.embedding, strict=True)
        ]
        elapsed["judge"] = _ms(began)
        elapsed["total"] = sum(elapsed.values())
        return [self._assessment(photo, chances[i], answer.cams[i], reports[i], elapsed) for i, photo in enumerate(photos)]

    def _assessment(
        self,
        photo: Photo,
        chances: NDArray[np.float64],
        cams: NDArray[np.float32],
        report: quality.Report,
        elapsed_ms: dict[str, float],
    ) -> Assessment:
        focus = triage.deciding(chances, self.spec.thresholds)
        return Assessment(
            chances=chances,
            cams=cams,
            priority=focus.priority if report.ok else Priority.UNCLEAR,
            focus=focus,
            report=report,
            seen=preprocess.seen(photo, self.spec.transform),
            scale=self.spec.heatmap,
            model=self.model,
            elapsed_ms=elapsed_ms,
        )


def _ms(began: float) -> float:
    return (time.perf_counter() - began) * 1000
