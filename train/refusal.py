"""Teaches a model which photos to answer, on the photos to choose by and on the very file that is served, and measures how it
does on others: what is no lesion, what is too bad a photo, and where the lesion lies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skinapp.assessment import quality
from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.assessment.framing import Flaw
from skinapp.model.session import Answer, Runs
from skinapp.model.spec import FrameHead, LesionHead, ModelSpec
from train import calibrate, data, framing, limits, metrics, scores

TAUGHT = 1500
"""Photos of lesions that the lesion head is taught by."""

Others = Mapping[str, Sequence[tuple[Path, str]]]


@dataclass(frozen=True)
class Photos:
    """Lesions to learn from, to choose by and to test; other pictures with their kinds, by split; outlines of lesions, if any."""

    train: Sequence[data.Row]
    val: Sequence[data.Row]
    test: Sequence[data.Row]
    others: Others
    masks: Path | None

    @property
    def known(self) -> Sequence[data.Row]:
        """The lesions that heads are taught by."""
        return self.train[:: max(1, len(self.train) // TAUGHT)]


def teach(spec: ModelSpec, runs: Runs, photos: Photos) -> ModelSpec:
    """The spec with its lesion head, frame head and limits of quality; temperature and thresholds are there already."""
    chosen = _look(spec, runs, photos.val)
    others = [path for path, _ in photos.others.get("val", ())]
    spec = replace(
        spec,
        lesion_head=LesionHead((0.0,) * chosen.embedding.shape[1], 0.0),
        frame_head=framing.frame_head(spec.transform, photos.val, chosen.cams, photos.masks),
        quality=limits.unlimited(),
    )
    if others:
        known = _look(spec, runs, photos.known).embedding
        taught = scores.lesion_head(known, calibrate.look(spec.transform, runs, others).embedding)
        spec = replace(spec, lesion_head=taught)
    clean = calibrate.measured(spec, [row.path for row in photos.val], chosen)
    return replace(spec, quality=limits.choose(spec, runs, photos.val, clean))


def measure(assessor: Assessor, photos: Photos) -> dict[str, Any]:
    """Who is let through, what every score of lesions would do, how the lesion is found and what centring it changes."""
    spec, runs = assessor.spec, assessor.session
    found: dict[str, Any] = {}
    if photos.test:
        found["lesions"] = lesions(assessor, photos.test)
    if photos.test and photos.others.get("test"):
        known, paths = photos.known, {split: [path for path, _ in given] for split, given in photos.others.items()}
        found["scores"] = scores.compare(
            _look(spec, runs, known),
            np.array([row.target for row in known]),
            calibrate.look(spec.transform, runs, paths["val"]),
            _look(spec, runs, photos.val),
            _look(spec, runs, photos.test),
            calibrate.look(spec.transform, runs, paths["test"]),
            [kind for _, kind in photos.others["test"]],
        )
    if photos.masks and spec.frame_head != FrameHead((), 0.0):
        found |= _framing(assessor, photos, photos.masks)
    return found


def lesions(assessor: Assessor, rows: Sequence[data.Row]) -> dict[str, Any]:
    """The shares of lesions' photos that are answered and that are answered without a warning, and what each fault costs."""
    reports = [assessment.report for assessment in _assessed(assessor, [row.path for row in rows])]
    drawn = metrics.resamples([row.group for row in rows])
    plain = np.array([report.ok and not report.warnings for report in reports])
    faults = (*quality.Issue, *Flaw)
    return {
        "n": len(rows),
        "let_through": metrics.interval(metrics.average(np.array([report.ok for report in reports]), drawn)),
        "without_warning": metrics.interval(metrics.average(plain, drawn)),
        "refused_for": {fault.value: _share(fault in report.issues for report in reports) for fault in quality.Issue},
        "warned_of": {fault.value: _share(report.ok and fault in report.warnings for report in reports) for fault in faults},
    }


def refusals(assessor: Assessor, others: Sequence[tuple[Path, str]]) -> dict[str, Any]:
    """How many photos that are no lesions are sent back, by kind."""
    assessments = _assessed(assessor, [path for path, _ in others])
    refused: dict[str, list[bool]] = {}
    for (_, kind), assessment in zip(others, assessments, strict=True):
        refused.setdefault(kind, []).append(not assessment.report.ok)
    return {kind: {"n": len(found), "refused": round(sum(found) / len(found), 4)} for kind, found in sorted(refused.items())}


def _framing(assessor: Assessor, photos: Photos, masks: Path) -> dict[str, Any]:
    chosen, tested = (_look(assessor.spec, assessor.session, rows) for rows in (photos.val, photos.test))
    return {
        "frame": framing.found(photos.test, tested.cams, assessor, masks),
        "centred": framing.centred(photos.val, chosen, assessor),
    }


def _look(spec: ModelSpec, runs: Runs, rows: Sequence[data.Row]) -> Answer:
    return calibrate.look(spec.transform, runs, [row.path for row in rows])


def _assessed(assessor: Assessor, paths: Sequence[Path]) -> list[Assessment]:
    return [assessor.read_and_assess(path)[1] for path in paths]


def _share(events: Any) -> float:
    return round(float(np.mean(list(events))), 4)
