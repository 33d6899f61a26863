"""Which of a model's own classes a photo shows: the answer of models that somebody taught, without a word about lesions."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import triage
from skinapp.assessment.answer import Answer
from skinapp.assessment.assessor import SCHEMA
from skinapp.assessment.explain import Evidence
from skinapp.assessment.loaded_model import LoadedModel, ModelInfo, milliseconds_since
from skinapp.i18n.messages import Language, text
from skinapp.imaging import decode, preprocess
from skinapp.imaging.decode import Photo
from skinapp.model.session import TaughtOutputs


@dataclass(frozen=True)
class Classification:
    """The answer to one photo: chances in the order of `labels`, and where the evidence for every class lies."""

    labels: tuple[str, ...]
    chances: NDArray[np.float64]
    evidence: Evidence
    model: ModelInfo
    elapsed_ms: dict[str, float]
    likeness: float | None = None
    """The cosine between the photo and those of the class that it is most like, where the model tells it, and the least
    that its own pictures have."""
    least_likeness: float | None = None

    @property
    def is_none(self) -> bool:
        """Whether it is less like any class than the classes' own pictures are."""
        return self.likeness is not None and self.least_likeness is not None and self.likeness < self.least_likeness

    @property
    def top(self) -> str:
        """The likeliest class."""
        return self.labels[int(self.chances.argmax())]

    def ranked(self) -> list[tuple[str, float]]:
        """Classes with their probabilities, likeliest first."""
        return sorted(zip(self.labels, self.chances.tolist(), strict=True), key=lambda pair: -pair[1])

    def overlay(self, photo: Photo, label: str | None = None) -> Photo:
        """The photo with the evidence for one class on it; without `label`, for the likeliest."""
        return self.evidence.overlay(photo, label or self.top)

    def to_dict(self, language: Language = "en") -> dict[str, Any]:
        """The report that the API and the CLI give: the same keys as an assessment's; what is about lesions is null."""
        return {
            "schema": SCHEMA,
            "status": "ok",
            "priority": None,
            "top": {"code": self.top, "name": self.top, "probability": float(self.chances.max())},
            "probabilities": dict(zip(self.labels, self.chances.tolist(), strict=True)),
            "set": None,
            "reason": None,
            "view": None,
            "careful": False,
            "quality": None,
            "advice": None,
            "disclaimer": text("own.disclaimer", language),
            "model": vars(self.model),
            "elapsed_ms": {stage: round(elapsed_ms, 2) for stage, elapsed_ms in self.elapsed_ms.items()},
            **({} if self.likeness is None else self._likeness()),
        }

    def _likeness(self) -> dict[str, Any]:
        """Whether it shows none of the classes, and by which numbers."""
        return {"none_of_these": self.is_none, "likeness": self.likeness, "least_likeness": self.least_likeness}


class Classifier(LoadedModel):
    """A model of somebody's own classes, which names what photos show."""

    def read_and_assess(
        self, source: str | PathLike[str] | bytes | NDArray[np.generic], *, careful: bool = False
    ) -> Answer[Classification]:
        """The photo of a file, of bytes or of an array, and what it is named; always from one look, `careful` or not."""
        started = time.perf_counter()
        photo = decode.read_reduced(source, self.need).photo
        return Answer(photo, self.assess([photo], {"decode": milliseconds_since(started)})[0])

    def assess_decoded(
        self, decoded: Sequence[decode.Decoded], earlier_ms: dict[str, float] | None = None, *, careful: bool = False
    ) -> list[Classification]:
        """What photos are named that were reduced while they were decoded; always from one look each."""
        return self.assess([photo.photo for photo in decoded], earlier_ms)

    def assess(self, photos: Sequence[Photo], earlier_ms: dict[str, float] | None = None) -> list[Classification]:
        """One pass over all photos; `earlier_ms` are the times of earlier stages. Stages are stated a batch."""
        elapsed = dict(earlier_ms or {})
        _, outputs = self.forward(photos, elapsed)
        chances = triage.probabilities(outputs.logits, self.spec.temperature)
        elapsed["total"] = sum(elapsed.values())
        return [
            Classification(
                labels=self.spec.labels,
                chances=chances[index],
                evidence=Evidence(
                    self.spec.labels, outputs.cams[index], preprocess.view_box(photo, self.spec.transform), self.spec.heatmap
                ),
                model=self.model,
                elapsed_ms=elapsed,
                likeness=float(outputs.likeness[index]) if isinstance(outputs, TaughtOutputs) else None,
                least_likeness=self.spec.least_likeness,
            )
            for index, photo in enumerate(photos)
        ]
