"""Teaches and measures where the lesion lies: photos with outlines of their lesions make the frame head, others tell how well it
finds them, and whether answers get better where the photo is cropped around the lesion.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import framing, triage
from skinapp.assessment.assessor import Assessor
from skinapp.imaging import decode, preprocess
from skinapp.imaging.preprocess import Box
from skinapp.model.session import Outputs
from skinapp.model.spec import FrameHead, Transform
from train.calibrate.logistic import logistic
from train.data import dataset
from train.evaluate import metrics

CELLS_PER_PHOTO = 150
"""Of a photo that the head is taught by; its neighbours tell the same."""
RIDGE = 1e-4
MIN_OVERLAP = 0.5
"""The overlap (IoU) with the outline's box from which on a lesion counts as found."""


def outline(masks: Path, photo: Path) -> NDArray[np.uint8] | None:
    """The mask of a photo's lesion `[h, w]`, 255 inside; None where there is none."""
    path = masks / f"{photo.stem}.png"
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
    return None if mask is None or not mask.any() else np.asarray((mask > 0) * 255, np.uint8)


def frame_head(transform: Transform, rows: Sequence[dataset.Row], cams: NDArray[np.float32], masks: Path | None) -> FrameHead:
    """A logistic regression on `frame.features` of places inside and outside of outlines; without masks, one that finds none."""
    rng, samples, inside = np.random.default_rng(0), [], []
    for row, maps in zip(rows, cams, strict=True):
        mask = outline(masks, row.path) if masks else None
        if mask is None:
            continue
        photo = decode.read(row.path)
        features = framing.features(photo, maps, preprocess.view_box(photo, transform))
        covered = cv2.resize(mask, features.shape[:0:-1], interpolation=cv2.INTER_AREA).ravel() / 255
        cells = rng.integers(len(covered), size=CELLS_PER_PHOTO)
        samples.append(features.reshape(-1, len(covered)).T[cells])
        inside.append(covered[cells])
    if not samples:
        return FrameHead((), 0.0)
    weights, bias = logistic(np.vstack(samples).astype(np.float64), np.concatenate(inside), RIDGE, is_balanced=False)
    return FrameHead(tuple(float(f"{weight:.5g}") for weight in weights), float(f"{bias:.5g}"))


def find_rates(rows: Sequence[dataset.Row], cams: NDArray[np.float32], assessor: Assessor, masks: Path) -> dict[str, Any]:
    """How often the lesion is found, and how good two boxes are that know nothing of the photo."""
    overlaps: dict[str, list[float]] = {"frame": [], "whole photo": [], "middle": [], "otsu": []}
    groups = []
    for row, maps in zip(rows, cams, strict=True):
        if (mask := outline(masks, row.path)) is None:
            continue
        photo, true_box = decode.read(row.path), _box(mask)
        height, width = photo.shape[:2]
        boxes = {
            "frame": framing.find_box(photo, maps, preprocess.view_box(photo, assessor.spec.transform), assessor.spec.frame_head),
            "whole photo": Box(0, 0, width, height),
            "middle": Box(*(round(share * side) for share, side in zip((0.2, 0.2, 0.8, 0.8), (width, height) * 2, strict=True))),
            "otsu": _by_otsu(photo),
        }
        for method, box in boxes.items():
            overlaps[method].append(overlap(box, true_box) if box else 0.0)
        groups.append(row.group)
    weights = metrics.resamples(groups)
    return {
        method: {
            "n": len(groups),
            "found": metrics.interval(metrics.average(np.array(values) >= MIN_OVERLAP, weights)),
            "overlap": metrics.interval(metrics.average(np.array(values), weights)),
        }
        for method, values in overlaps.items()
    }


def overlap(first: Box, second: Box) -> float:
    """The area that two boxes share by the area that they cover (IoU)."""
    width = min(first.right, second.right) - max(first.left, second.left)
    height = min(first.bottom, second.bottom) - max(first.top, second.top)
    shared = max(0, width) * max(0, height)
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (first, second)]
    return shared / (sum(areas) - shared)


def flaws(rows: Sequence[dataset.Row], outputs: Outputs, assessor: Assessor) -> dict[str, float]:
    """The share of photos that is warned of each flaw of framing."""
    counts = dict.fromkeys(framing.FramingFlaw, 0)
    for row, cams in zip(rows, outputs.cams, strict=True):
        photo = decode.read(row.path)
        result = framing.find_framing(photo, cams, preprocess.view_box(photo, assessor.spec.transform), assessor.spec.frame_head)
        for flaw in result.flaws:
            counts[flaw] += 1
    return {flaw.value: round(count / len(rows), 4) for flaw, count in counts.items()}


def centring_effect(rows: Sequence[dataset.Row], outputs: Outputs, assessor: Assessor) -> dict[str, Any]:
    """Balanced accuracy and melanoma AUC of the photos as they are and cropped around the lesion."""
    truths, groups = np.array([row.target for row in rows]), [row.group for row in rows]
    cropped = outputs.logits.copy()
    changed = 0
    for index, row in enumerate(rows):
        photo = decode.read(row.path)
        view = preprocess.view_box(photo, assessor.spec.transform)
        box = framing.find_box(photo, outputs.cams[index], view, assessor.spec.frame_head)
        if box is None:
            continue
        left, top, right, bottom = framing.crop(box, photo.shape[1], photo.shape[0])
        crop = np.ascontiguousarray(photo[top:bottom, left:right])
        cropped[index] = assessor.session.run(preprocess.batch([crop], assessor.spec.transform)).logits[0]
        changed += 1
    weights = metrics.resamples(groups)
    variants = {"as it is": outputs.logits, "centred": cropped}
    figures = {variant: _figures(logits, truths, weights, assessor) for variant, logits in variants.items()}
    return {"n": len(rows), "cropped": changed, **figures}


def _figures(
    logits: NDArray[np.float32], truths: NDArray[np.int64], weights: metrics.Floats, assessor: Assessor
) -> dict[str, Any]:
    chances = triage.probabilities(logits, assessor.spec.temperature)
    answers = metrics.Answers(chances, truths, np.zeros(len(truths), "U1"), assessor.spec.thresholds["mel"])
    names = ("balanced_accuracy", "melanoma.auc", "melanoma.sensitivity")
    return metrics.measure({name: metrics.FIGURES[name] for name in names}, answers, weights)


def _box(mask: NDArray[np.uint8]) -> Box:
    left, top, width, height = cv2.boundingRect(mask)
    return Box(left, top, left + width, top + height)


def _by_otsu(photo: decode.Photo) -> Box:
    """The classical way: what differs from the skin by more than Otsu's threshold, its largest part."""
    no_maps = np.zeros((1, 1, 1), np.float32)
    distance = framing.features(photo, no_maps, Box(0, 0, photo.shape[1], photo.shape[0]))[9]
    grey = np.rint(distance / max(float(distance.max()), 1e-6) * 255).astype(np.uint8)
    _, parts = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(parts)
    left, top, width, height, _ = boxes[1 + int(boxes[1:, 4].argmax())] if len(boxes) > 1 else (0, 0, *grey.shape[::-1], 0)
    across, down = photo.shape[1] / grey.shape[1], photo.shape[0] / grey.shape[0]
    return Box(round(left * across), round(top * down), round((left + width) * across), round((top + height) * down))
