"""Chooses the limits of photo quality by asking where an answer would no longer be right: photos that the model answers are given
each fault in growing strengths, and a limit lies where too few of them keep their answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import quality, triage
from skinapp.imaging import decode, preprocess
from skinapp.imaging.decode import Photo
from skinapp.labels import CODES, Priority
from skinapp.model.session import Runner
from skinapp.model.spec import ModelSpec, QualityLimits, QualityThresholds, Rule
from train.data import dataset
from train.evaluate import faults

PHOTOS = 140
"""Given every fault, as many of each lesion."""
MIN_KEPT = {"refuse": 0.6, "warn": 0.8}
"""A photo is sent back, or warned of, where a smaller share of photos like it would keep their answer."""
MIN_PASSING = {"refuse": 0.999, "warn": 0.98}
"""The share of real photos that each single limit must let through all the same."""
MIN_LESIONS_PASSING = {"refuse": 0.98, "warn": 0.95}
"""The share of real lesions that their evidence must let through."""
BATCH = 16

Numbers = NDArray[np.float64]


class Fault(NamedTuple):
    """The figure that tells of a fault, whether it falls or rises with it, and photos with it, mildest first."""

    figure: str
    falls: bool
    changes: Sequence[Callable[[Photo], Photo]]


def _blurred(share: float) -> Callable[[Photo], Photo]:
    return lambda photo: cv2.GaussianBlur(photo, (0, 0), share * min(photo.shape[:2]))


def _shaken(share: float) -> Callable[[Photo], Photo]:
    return lambda photo: faults.smeared(photo, share * min(photo.shape[:2]))


def _lit(times: float) -> Callable[[Photo], Photo]:
    return lambda photo: cv2.convertScaleAbs(photo, alpha=times)


def _faded(share: float) -> Callable[[Photo], Photo]:
    def change(photo: Photo) -> Photo:
        middle = photo.mean(axis=(0, 1))
        return np.rint(middle + (photo - middle) * share).astype(np.uint8)

    return change


def _shining(share: float) -> Callable[[Photo], Photo]:
    """With a burnt-out spot of this radius beside the middle."""

    def change(photo: Photo) -> Photo:
        height, width = photo.shape[:2]
        spot, radius = np.zeros((height, width), np.float32), share * min(height, width)
        centre = (round(width / 2 + radius / 3), round(height / 2 - radius / 3))
        cv2.circle(spot, centre, max(1, round(radius)), 1.0, -1)
        light = cv2.GaussianBlur(spot, (0, 0), max(0.5, radius / 6))[..., None]
        return np.rint(photo + (255 - photo.astype(np.float32)) * light).astype(np.uint8)

    return change


def _small(side: int) -> Callable[[Photo], Photo]:
    return lambda photo: faults.scaled_down(photo, side)


def _hairy(count: int) -> Callable[[Photo], Photo]:
    """With this many dark hairs across the middle, the same ones in every run."""

    def change(photo: Photo) -> Photo:
        height, width = photo.shape[:2]
        side, rng, hairy = min(height, width), np.random.default_rng(count), photo.copy()
        for _ in range(count):
            angle, offset = rng.uniform(0, np.pi), rng.uniform(-0.35, 0.35) * side
            along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
            middle = np.array([width, height]) / 2 + offset * across
            ends = [(middle + end * side * along).round().astype(int).tolist() for end in (-0.5, 0.5)]
            cv2.line(hairy, ends[0], ends[1], (45, 35, 30), max(1, round(side / 100)), cv2.LINE_AA)
        return hairy

    return change


FAULTS = {
    "blurred": Fault("min_sharpness", True, [_blurred(share) for share in (0.006, 0.012, 0.02, 0.035)]),
    "shaken": Fault("min_evenness", True, [_shaken(share) for share in (0.03, 0.06, 0.1, 0.18)]),
    "dark": Fault("min_brightness", True, [_lit(times) for times in (0.6, 0.4, 0.25, 0.15)]),
    "bright": Fault("max_brightness", False, [_lit(times) for times in (1.3, 1.6, 2.0, 3.0)]),
    "flat": Fault("min_contrast", True, [_faded(share) for share in (0.5, 0.3, 0.15, 0.07)]),
    "glare": Fault("max_glare", False, [_shining(share) for share in (0.06, 0.12, 0.2, 0.3)]),
    "small": Fault("min_short_side", True, [_small(side) for side in (96, 64, 44, 28)]),
    "hairy": Fault("max_hair", False, [_hairy(count) for count in (8, 16, 32, 64)]),
}


@dataclass(frozen=True)
class Predictions:
    """What was predicted of photos: each one's figures, its lesion and whether it was Urgent."""

    figures: list[quality.Figures]
    predicted: NDArray[np.int64]
    urgent: NDArray[np.bool_]

    def column(self, limit_name: str) -> Numbers:
        """The figure of every photo that a limit is about."""
        return np.array([getattr(figures, limit_name.split("_", 1)[1]) for figures in self.figures], np.float64)

    def kept_by(self, after: "Predictions") -> NDArray[np.bool_]:
        """Whether each photo still gets its answer: the same lesion, and Urgent where it was."""
        return (after.predicted == self.predicted) & (after.urgent | ~self.urgent)


def choose(spec: ModelSpec, runner: Runner, rows: Sequence[dataset.Row], clean: Sequence[quality.Figures]) -> QualityThresholds:
    """One view's hard and soft limits, from photos with faults; `clean` are the figures of all rows' photos as they are.

    The photos at hand are almost all of light skin in a dermatoscope's bright light. Brightness is therefore let down to half of
    theirs, whatever the answers to darkened photos do, so that darker skin is not taken for a dark photo.
    """
    photos = [decode.read(row.path) for row in evenly(rows, PHOTOS)]
    rule = spec.rule(rows[0].view, careful=False)
    clean_predictions = predict(spec, runner, photos, rule)
    limits_by_kind: dict[str, dict[str, float]] = {"refuse": {}, "warn": {}}
    for fault in FAULTS.values():
        faulty = [predict(spec, runner, [change(photo) for photo in photos], rule) for change in fault.changes]
        values = np.concatenate([predictions.column(fault.figure) for predictions in (clean_predictions, *faulty)])
        is_kept = np.concatenate([clean_predictions.kept_by(predictions) for predictions in (clean_predictions, *faulty)])
        clean_values = Predictions(list(clean), np.zeros(0, np.int64), np.zeros(0, np.bool_)).column(fault.figure)
        for kind, limits in limits_by_kind.items():
            limits[fault.figure] = limit(values, is_kept, clean_values, fault.falls, MIN_KEPT[kind], MIN_PASSING[kind])
    dark = float(np.quantile([figures.brightness for figures in clean], 1 - MIN_PASSING["refuse"]))
    evidence = [figures.lesion_evidence for figures in clean]
    for kind, limits in limits_by_kind.items():
        limits["min_brightness"] = min(limits["min_brightness"], dark / 2)
        limits["min_lesion_evidence"] = float(np.quantile(evidence, 1 - MIN_LESIONS_PASSING[kind]))
    return QualityThresholds(_limits(limits_by_kind["refuse"]), _limits(limits_by_kind["warn"]))


def limit(values: Numbers, is_kept: NDArray[np.bool_], clean: Numbers, falls: bool, min_kept: float, min_passing: float) -> float:
    """Where, going towards the worst, the share of answers kept falls under `min_kept`, or where the share `min_passing` of
    the clean photos ends if that is further; the worst value seen where the answers hold out."""
    sign = 1.0 if falls else -1.0
    order = np.argsort(-sign * values, kind="stable")  # best first
    is_holding = without_rises(is_kept[order].astype(np.float64)) >= min_kept
    worst = values[order][is_holding][-1] if is_holding.any() else values[order][0]
    clean_edge = np.quantile(sign * clean, 1 - min_passing)
    return float(sign * min(sign * worst, clean_edge))


def without_rises(values: Numbers) -> Numbers:
    """The nearest sequence that never rises: neighbours that rise are averaged."""
    blocks: list[tuple[float, int]] = []
    for value in values.tolist():
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (later, few), (earlier, many) = blocks.pop(), blocks.pop()
            blocks.append(((later * few + earlier * many) / (few + many), few + many))
    return np.concatenate([np.full(count, mean) for mean, count in blocks])


def predict(spec: ModelSpec, runner: Runner, photos: Sequence[Photo], rule: Rule) -> Predictions:
    """What the model predicts of photos by this rule, whether or not they may be answered."""
    figures: list[quality.Figures] = []
    chances = []
    for first in range(0, len(photos), BATCH):
        batch = photos[first : first + BATCH]
        views = [preprocess.view(photo, spec.transform) for photo in batch]
        outputs = runner.run(preprocess.normalize(np.stack(views), spec.transform))
        predicted = outputs.logits.argmax(1)
        figures += [
            quality.measure(min(photo.shape[:2]), views[i], outputs.embedding[i], outputs.cams[i, predicted[i]], spec.lesion_head)
            for i, photo in enumerate(batch)
        ]
        chances.append(triage.probabilities(outputs.logits, rule.temperature))
    all_chances = np.concatenate(chances)
    urgent = [triage.deciding_lesion(of_photo, rule.thresholds).priority is Priority.URGENT for of_photo in all_chances]
    return Predictions(figures, all_chances.argmax(1), np.array(urgent))


def evenly(rows: Sequence[dataset.Row], count: int) -> list[dataset.Row]:
    """About this many rows, as many of each lesion as far as there are, evenly over the list."""
    chosen = []
    for target in range(len(CODES)):
        of_lesion = [row for row in rows if row.target == target]
        chosen += of_lesion[:: max(1, len(of_lesion) * len(CODES) // count)]
    return chosen


def unlimited() -> QualityThresholds:
    """Limits that let every photo through without a warning."""
    free = {field.name: 0 if field.name == "min_short_side" else _free(field.name) for field in fields(QualityLimits)}
    return QualityThresholds(QualityLimits(**free), QualityLimits(**free))  # type: ignore[arg-type]


def _free(name: str) -> float:
    return -1e9 if name.startswith("min_") else 1e9


def _limits(limits: Mapping[str, float]) -> QualityLimits:
    numbers = {name: round(value, 4) for name, value in limits.items()}
    return QualityLimits(**{**numbers, "min_short_side": round(limits["min_short_side"])})  # type: ignore[arg-type]
