"""Teaches a model which photos to answer, on the photos to choose by and on the very file that is served, and measures how it
does on others: what is no lesion, what is too bad a photo, and where the lesion lies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from skinapp.assessment import quality
from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.assessment.framing import FramingFlaw
from skinapp.imaging import decode, preprocess
from skinapp.imaging.decode import Photo
from skinapp.labels import View
from skinapp.model.session import Outputs, Runner
from skinapp.model.spec import FrameHead, LesionHead, ModelSpec, QualityThresholds
from train.calibrate import answers, framing, ood_scores, quality_limits
from train.data import dataset
from train.evaluate import metrics

TAUGHT = 1500
"""Photos of lesions that the lesion head is taught by."""

SKIN = 300
"""Pieces of bare skin that it is taught by as well, where there are photos by plain cameras."""
BARE = "bare_skin_plain_camera"
USUAL_SIDE = 256
"""Pixels that such a piece is enlarged to before it is refused or not: it isn't to be refused for being small."""
CORNER = 0.35
"""The side of such a piece, as a share of its photo's short side."""

Others = Mapping[str, Sequence[tuple[Path, str]]]


@dataclass(frozen=True)
class Photos:
    """Lesions to learn from, to choose by and to test; other pictures with their kinds, by split; outlines of lesions, if any."""

    train: Sequence[dataset.Row]
    val: Sequence[dataset.Row]
    test: Sequence[dataset.Row]
    others: Others
    masks: Path | None
    outside: Mapping[str, Sequence[dataset.Row]] = field(default_factory=lambda: {"val": (), "test": ()})
    """Lesions that are none of the seven, by split."""

    @property
    def known(self) -> Sequence[dataset.Row]:
        """The lesions that heads are taught by."""
        return self.train[:: max(1, len(self.train) // TAUGHT)]


def fit_abstention(spec: ModelSpec, runs: Runner, photos: Photos) -> ModelSpec:
    """The spec with its lesion head, frame head and each view's limits of quality; its other numbers are there already."""
    chosen = _look(spec, runs, photos.val)
    others = [path for path, _ in photos.others.get("val", ())]
    spec = replace(
        spec,
        lesion_head=LesionHead((0.0,) * chosen.embedding.shape[1], 0.0),
        frame_head=framing.frame_head(spec.transform, photos.val, chosen.cams, photos.masks),
        quality=quality_limits.unlimited(),
    )
    if others:
        known = _look(spec, runs, photos.known).embedding
        strange = [answers.predict(spec.transform, runs, others).embedding]
        skin = bare_skin(photos.train)
        if skin:
            strange.append(runs.run(preprocess.batch(skin, spec.transform)).embedding)
        spec = replace(spec, lesion_head=ood_scores.lesion_head(known, np.concatenate(strange)))
    clean = answers.measured(spec, [row.path for row in photos.val], chosen)
    for view in View:
        own = [i for i, row in enumerate(photos.val) if row.view is view]
        if own:
            found = quality_limits.choose(spec, runs, [photos.val[i] for i in own], [clean[i] for i in own])
            spec = _with_limits(spec, view, found)
    return spec


def _with_limits(spec: ModelSpec, view: View, found: QualityThresholds) -> ModelSpec:
    if view is View.CLINICAL and spec.clinical:
        return replace(spec, clinical=replace(spec.clinical, quality=found))
    return replace(spec, quality=found)


def bare_skin(rows: Sequence[dataset.Row]) -> list[Photo]:
    """The plainest corner of some photos by plain cameras: skin as far away as a lesion is, and no lesion."""
    clinical = [row for row in rows if row.view is View.CLINICAL]
    return [_plainest_corner(decode.read(row.path)) for row in clinical[:: max(1, len(clinical) // SKIN)]]


def _plainest_corner(photo: Photo) -> Photo:
    side = round(CORNER * min(photo.shape[:2]))
    corners = [photo[rows, columns] for rows in (np.s_[:side], np.s_[-side:]) for columns in (np.s_[:side], np.s_[-side:])]
    return np.ascontiguousarray(min(corners, key=lambda corner: float(corner.std(axis=(0, 1)).sum())))


def measure(assessor: Assessor, photos: Photos) -> dict[str, Any]:
    """Who is let through, what every score of lesions would do, how the lesion is found and what centring it changes."""
    spec, runs = assessor.spec, assessor.session
    found: dict[str, Any] = {}
    if photos.test:
        found["lesions"] = lesions(assessor, photos.test)
    if photos.test and photos.others.get("test"):
        known, paths = photos.known, {split: [path for path, _ in given] for split, given in photos.others.items()}
        found["scores"] = ood_scores.compare(
            _look(spec, runs, known),
            np.array([row.target for row in known]),
            answers.predict(spec.transform, runs, paths["val"]),
            _look(spec, runs, photos.val),
            _look(spec, runs, photos.test),
            answers.predict(spec.transform, runs, paths["test"]),
            [kind for _, kind in photos.others["test"]],
        )
    if photos.masks and spec.frame_head != FrameHead((), 0.0):
        found |= _framing(assessor, photos, photos.masks)
    return found


def lesions(assessor: Assessor, rows: Sequence[dataset.Row]) -> dict[str, Any]:
    """The shares of lesions' photos that are answered and that are answered without a warning, and what each fault costs; where
    there are both views, also those of each."""
    reports = [assessment.quality for assessment in _assessed(assessor, [row.path for row in rows])]
    parts = {view.value: [i for i, row in enumerate(rows) if row.view is view] for view in View}
    by_view = {name: _answered([reports[i] for i in part], [rows[i] for i in part]) for name, part in parts.items() if part}
    return _answered(reports, rows) | ({"by_view": by_view} if len(by_view) > 1 else {})


def _answered(reports: Sequence[quality.QualityCheck], rows: Sequence[dataset.Row]) -> dict[str, Any]:
    drawn = metrics.resamples([row.group for row in rows])
    plain = np.array([report.ok and not report.warnings for report in reports])
    faults = (*quality.Issue, *FramingFlaw)
    return {
        "n": len(rows),
        "let_through": metrics.interval(metrics.average(np.array([report.ok for report in reports]), drawn)),
        "without_warning": metrics.interval(metrics.average(plain, drawn)),
        "refused_for": {fault.value: _share(fault in report.issues for report in reports) for fault in quality.Issue},
        "warned_of": {fault.value: _share(report.ok and fault in report.warnings for report in reports) for fault in faults},
    }


def refusals(assessor: Assessor, others: Sequence[tuple[Path, str]], clinical: Sequence[dataset.Row] = ()) -> dict[str, Any]:
    """How many photos that are no lesions are sent back, by kind; also bare skin beside the lesions of some photos."""
    assessments = _assessed(assessor, [path for path, _ in others])
    refused: dict[str, list[bool]] = {}
    for (_, kind), assessment in zip(others, assessments, strict=True):
        refused.setdefault(kind, []).append(not assessment.quality.ok)
    if photos := bare_skin(clinical):
        usual = [cv2.resize(photo, (USUAL_SIDE, USUAL_SIDE), interpolation=cv2.INTER_CUBIC) for photo in photos]
        refused[BARE] = [not assessment.quality.ok for photo in usual for assessment in assessor.assess([photo])]
    return {kind: {"n": len(found), "refused": round(sum(found) / len(found), 4)} for kind, found in sorted(refused.items())}


def _framing(assessor: Assessor, photos: Photos, masks: Path) -> dict[str, Any]:
    chosen, tested = (_look(assessor.spec, assessor.session, rows) for rows in (photos.val, photos.test))
    return {
        "frame": framing.found(photos.test, tested.cams, assessor, masks),
        "centred": framing.centred(photos.val, chosen, assessor),
    }


def _look(spec: ModelSpec, runs: Runner, rows: Sequence[dataset.Row]) -> Outputs:
    return answers.predict(spec.transform, runs, [row.path for row in rows])


def _assessed(assessor: Assessor, paths: Sequence[Path]) -> list[Assessment]:
    return [assessor.read_and_assess(path)[1] for path in paths]


def _share(events: Any) -> float:
    return round(float(np.mean(list(events))), 4)
