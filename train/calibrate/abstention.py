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

MAX_LESIONS = 1500
"""Photos of lesions that the lesion head is taught by."""

SKIN_PHOTOS = 300
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
    def to_learn_from(self) -> Sequence[dataset.Row]:
        """The lesions that heads are taught by."""
        return self.train[:: max(1, len(self.train) // MAX_LESIONS)]


def fit_abstention(spec: ModelSpec, runner: Runner, photos: Photos) -> ModelSpec:
    """The spec with its lesion head, frame head and each view's limits of quality; its other numbers are there already."""
    outputs = _predict(spec, runner, photos.val)
    other_paths = [path for path, _ in photos.others.get("val", ())]
    spec = replace(
        spec,
        lesion_head=LesionHead((0.0,) * outputs.embedding.shape[1], 0.0),
        frame_head=framing.frame_head(spec.transform, photos.val, outputs.cams, photos.masks),
        quality=quality_limits.unlimited(),
    )
    if other_paths:
        lesion_embeddings = _predict(spec, runner, photos.to_learn_from).embedding
        others_embeddings = [answers.predict(spec.transform, runner, other_paths).embedding]
        skin = bare_skin(photos.train)
        if skin:
            others_embeddings.append(runner.run(preprocess.batch(skin, spec.transform)).embedding)
        spec = replace(spec, lesion_head=ood_scores.lesion_head(lesion_embeddings, np.concatenate(others_embeddings)))
    clean = answers.quality_figures(spec, [row.path for row in photos.val], outputs)
    for view in View:
        indices = [i for i, row in enumerate(photos.val) if row.view is view]
        if indices:
            limits = quality_limits.choose(spec, runner, [photos.val[i] for i in indices], [clean[i] for i in indices])
            spec = _with_limits(spec, view, limits)
    return spec


def _with_limits(spec: ModelSpec, view: View, limits: QualityThresholds) -> ModelSpec:
    if view is View.CLINICAL and spec.clinical:
        return replace(spec, clinical=replace(spec.clinical, quality=limits))
    return replace(spec, quality=limits)


def bare_skin(rows: Sequence[dataset.Row]) -> list[Photo]:
    """The plainest corner of some photos by plain cameras: skin as far away as a lesion is, and no lesion."""
    clinical = [row for row in rows if row.view is View.CLINICAL]
    return [_plainest_corner(decode.read(row.path)) for row in clinical[:: max(1, len(clinical) // SKIN_PHOTOS)]]


def _plainest_corner(photo: Photo) -> Photo:
    side = round(CORNER * min(photo.shape[:2]))
    corners = [photo[rows, columns] for rows in (np.s_[:side], np.s_[-side:]) for columns in (np.s_[:side], np.s_[-side:])]
    return np.ascontiguousarray(min(corners, key=lambda corner: float(corner.std(axis=(0, 1)).sum())))


def measure(assessor: Assessor, photos: Photos) -> dict[str, Any]:
    """Who is let through, what every score of lesions would do, how the lesion is found and what centring it changes."""
    spec, runner = assessor.spec, assessor.session
    figures: dict[str, Any] = {}
    if photos.test:
        figures["lesions"] = lesions(assessor, photos.test)
    if photos.test and photos.others.get("test"):
        rows = photos.to_learn_from
        paths = {split: [path for path, _ in photos_of] for split, photos_of in photos.others.items()}
        figures["scores"] = ood_scores.compare(
            _predict(spec, runner, rows),
            np.array([row.target for row in rows]),
            answers.predict(spec.transform, runner, paths["val"]),
            _predict(spec, runner, photos.val),
            _predict(spec, runner, photos.test),
            answers.predict(spec.transform, runner, paths["test"]),
            [kind for _, kind in photos.others["test"]],
        )
    if photos.masks and spec.frame_head != FrameHead((), 0.0):
        figures |= _framing(assessor, photos, photos.masks)
    return figures


def lesions(assessor: Assessor, rows: Sequence[dataset.Row]) -> dict[str, Any]:
    """The shares of lesions' photos that are answered and that are answered without a warning, and what each fault costs; where
    there are both views, also those of each."""
    checks = [assessment.quality for assessment in _assess(assessor, [row.path for row in rows])]
    indices_by_view = {view.value: [i for i, row in enumerate(rows) if row.view is view] for view in View}
    by_view = {
        name: _figures([checks[i] for i in indices], [rows[i] for i in indices])
        for name, indices in indices_by_view.items()
        if indices
    }
    return _figures(checks, rows) | ({"by_view": by_view} if len(by_view) > 1 else {})


def _figures(checks: Sequence[quality.QualityCheck], rows: Sequence[dataset.Row]) -> dict[str, Any]:
    weights = metrics.resamples([row.group for row in rows])
    is_unwarned = np.array([check.ok and not check.warnings for check in checks])
    faults = (*quality.Issue, *FramingFlaw)
    return {
        "n": len(rows),
        "let_through": metrics.interval(metrics.average(np.array([check.ok for check in checks]), weights)),
        "without_warning": metrics.interval(metrics.average(is_unwarned, weights)),
        "refused_for": {fault.value: _share(fault in check.issues for check in checks) for fault in quality.Issue},
        "warned_of": {fault.value: _share(check.ok and fault in check.warnings for check in checks) for fault in faults},
    }


def refusals(assessor: Assessor, others: Sequence[tuple[Path, str]], clinical: Sequence[dataset.Row] = ()) -> dict[str, Any]:
    """How many photos that are no lesions are sent back, by kind; also bare skin beside the lesions of some photos."""
    assessments = _assess(assessor, [path for path, _ in others])
    refused_by_kind: dict[str, list[bool]] = {}
    for (_, kind), assessment in zip(others, assessments, strict=True):
        refused_by_kind.setdefault(kind, []).append(not assessment.quality.ok)
    if photos := bare_skin(clinical):
        enlarged = [cv2.resize(photo, (USUAL_SIDE, USUAL_SIDE), interpolation=cv2.INTER_CUBIC) for photo in photos]
        refused_by_kind[BARE] = [not assessment.quality.ok for photo in enlarged for assessment in assessor.assess([photo])]
    return {
        kind: {"n": len(events), "refused": round(sum(events) / len(events), 4)}
        for kind, events in sorted(refused_by_kind.items())
    }


def _framing(assessor: Assessor, photos: Photos, masks: Path) -> dict[str, Any]:
    val_outputs, test_outputs = (_predict(assessor.spec, assessor.session, rows) for rows in (photos.val, photos.test))
    return {
        "frame": framing.find_rates(photos.test, test_outputs.cams, assessor, masks),
        "centred": framing.centring_effect(photos.val, val_outputs, assessor),
    }


def _predict(spec: ModelSpec, runner: Runner, rows: Sequence[dataset.Row]) -> Outputs:
    return answers.predict(spec.transform, runner, [row.path for row in rows])


def _assess(assessor: Assessor, paths: Sequence[Path]) -> list[Assessment]:
    return [assessor.read_and_assess(path)[1] for path in paths]


def _share(events: Any) -> float:
    return round(float(np.mean(list(events))), 4)
