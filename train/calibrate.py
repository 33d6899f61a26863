"""Chooses, on the photos to choose by and on the very file that is served, every number that config.json states about answers:
temperature, thresholds and the heatmap's scale. Which photos are answered at all, train/refusal.py chooses.
"""

from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import explain, quality, triage
from skinapp.imaging import decode, preprocess
from skinapp.labels import ALARMING, CODES, NEAR
from skinapp.model.session import Answer, Runs
from skinapp.model.spec import HeatmapScale, ModelSpec, Transform
from train import data, metrics

SENSITIVITY = {"mel": 0.95, "bcc": 0.90, "akiec": 0.85, "vasc": 0.85}
"""What each threshold must find on the photos to choose by: a missed cancer costs most, a vascular lesion least."""
NEARLY = 0.8
"""How much of melanoma's threshold nothing may reach and be Low: INT8 alone moves the log-odds there by 0.21 (one standard
deviation, the 200 photos of `val` nearest to the threshold), and this is 0.23 below."""

UNIFORM = [(grey, grey, grey) for grey in range(0, 256, 32)] + [
    (255, 224, 196),
    (222, 178, 152),
    (160, 110, 80),
    (90, 60, 45),
]
"""Colours of pictures without any structure, whose maps must be blank: greys and skins."""

LEANS = np.arange(0, 1.01, 0.25)
"""In coarse steps: between finer ones the few photos of the rarest lesion would choose."""
SHIFTS = np.round(np.arange(-0.6, 0.61, 0.05), 2)
MARGIN = 1.1
"""How far the maps' floor lies above those pictures' evidence: other colours reach a little more."""

BATCH = 16


def calibrate(spec: ModelSpec, runs: Runs, rows: Sequence[data.Row]) -> ModelSpec:
    """The spec with every number of the answer chosen on these rows."""
    answer = look(spec.transform, runs, [row.path for row in rows])
    truths = np.array([row.target for row in rows])
    heat = temperature(answer.logits, truths)
    return replace(
        spec,
        temperature=heat,
        thresholds=thresholds(triage.probabilities(answer.logits, heat), truths),
        heatmap=heatmap_scale(answer.cams, truths, _blank_evidence(spec, runs), map_shift(spec, runs, rows)),
    )


def look(transform: Transform, runs: Runs, paths: Sequence[Path]) -> Answer:
    """The answers to photos, together."""
    answers = []
    for first in range(0, len(paths), BATCH):
        photos = [decode.read(path) for path in paths[first : first + BATCH]]
        answers.append(runs.run(preprocess.batch(photos, transform)))
    parts = zip(*(astuple(answer) for answer in answers), strict=True)
    return Answer(*(np.concatenate(part) for part in parts))


def measured(spec: ModelSpec, paths: Sequence[Path], answer: Answer) -> list[quality.Figures]:
    """Each photo's figures of quality, from the answers to all of them."""
    found = []
    for place, path in enumerate(paths):
        photo, cam = decode.read(path), answer.cams[place, answer.logits[place].argmax()]
        view = preprocess.view(photo, spec.transform)
        found.append(quality.measure(photo, view, answer.embedding[place], cam, spec.lesion_head))
    return found


def lean(logits: NDArray[np.float32], truths: NDArray[np.int64]) -> tuple[float, metrics.Floats]:
    """How far to lean the answers towards the common lesions, as a power of how common each is on these photos, and what to add
    to the logits for it `[7]`.

    A network trained as though all lesions were equally common takes too many for rare ones. The lean is the one of the best
    standing, that of which training keeps the best weights, too.
    """
    common = np.log(np.bincount(truths, minlength=len(CODES)) + 1.0)
    common -= common.mean()
    scores = []
    for power in LEANS:
        leaned = np.asarray(logits + power * common, np.float32)
        scores.append(metrics.score(metrics.standing(triage.probabilities(leaned, temperature(leaned, truths)), truths)))
    best = float(LEANS[int(np.argmax(scores))])
    return best, best * common


def temperature(logits: NDArray[np.float32], truths: NDArray[np.int64]) -> float:
    """The temperature of least negative log-likelihood, by thirds of a bracket in which there is one minimum."""
    low, high = np.log(0.1), np.log(10)
    for _ in range(60):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        worse = metrics.nll(triage.probabilities(logits, np.exp(left)), truths) > metrics.nll(
            triage.probabilities(logits, np.exp(right)), truths
        )
        low, high = (left, high) if worse else (low, right)
    return round(float(np.exp((low + high) / 2)), 4)


def thresholds(chances: NDArray[np.float64], truths: NDArray[np.int64]) -> dict[str, float]:
    """For each alarming lesion the highest threshold that finds its share, but never above 1/7: the likeliest of seven lesions
    has at least that, so its own priority is never lost. And how near to melanoma's nothing is Low."""
    found = {}
    for code in ALARMING:
        own = np.sort(chances[truths == CODES.index(code), CODES.index(code)])
        missed = int(np.floor(len(own) * (1 - SENSITIVITY[code]) + 1e-9))
        found[code] = min(np.floor(own[missed] * 1e4) / 1e4, np.floor(1e4 / len(CODES)) / 1e4) if len(own) else 1 / len(CODES)
    found[NEAR] = np.floor(found["mel"] * NEARLY * 1e4) / 1e4
    return {code: max(float(value), 1e-4) for code, value in found.items()}


def heatmap_scale(cams: NDArray[np.float32], truths: NDArray[np.int64], blank: NDArray[np.float32], shift: float) -> HeatmapScale:
    """Blank up to a little above what pictures without structure reach; hottest from where a quarter of the lesion's own photos
    have a spot."""
    floor, full = {}, {}
    for lesion, code in enumerate(CODES):
        own = cams[truths == lesion, lesion].reshape(-1, cams.shape[2] * cams.shape[3]).max(axis=1)
        low = max(0.0, float(blank[lesion]) * MARGIN)
        high = max(float(np.percentile(own, 75)) if len(own) else 0.0, low * 1.25, 1e-3)
        floor[code], full[code] = round(low, 4), round(high, 4)
    return HeatmapScale(floor, full, shift)


def map_shift(spec: ModelSpec, runs: Runs, rows: Sequence[data.Row]) -> float:
    """The shift at which the map of a photo and that of the photo turned by half agree best, over 200 photos.

    Measured, because padding tells only the most it can be (0.48 cells for TensorFlow's networks): training takes some back. On
    the photos with lesion masks the same shift puts most of the map inside the lesion.
    """
    agreement = np.zeros(len(SHIFTS))
    for row in rows[:: max(1, len(rows) // 200)]:
        view = preprocess.view(decode.read(row.path), spec.transform)
        answer = runs.run(preprocess.normalize(np.stack([view, view[::-1, ::-1]]), spec.transform))
        upright, turned = (_stretched(cam) for cam in answer.cams[:, answer.logits[0].argmax()])
        agreement += [_agree(upright, turned, shift) for shift in SHIFTS]
    return float(SHIFTS[agreement.argmax()])


def _stretched(cam: NDArray[np.float32]) -> NDArray[np.float32]:
    return (cam - cam.min()) / max(float(np.ptp(cam)), 1e-6)


def _agree(upright: NDArray[np.float32], turned: NDArray[np.float32], shift: float) -> float:
    """The correlation of two enlarged maps, the second turned back, without the edges that the shift cuts off."""
    side, edge = 16 * upright.shape[0], slice(2 * upright.shape[0], -2 * upright.shape[0])
    one, other = (explain.enlarge(cam, side, side, shift) for cam in (upright, turned))
    pair = one[edge, edge].ravel(), other[::-1, ::-1][edge, edge].ravel()
    return float(np.corrcoef(*pair)[0, 1]) if min(np.ptp(values) for values in pair) > 0 else 0.0


def _blank_evidence(spec: ModelSpec, runs: Runs) -> NDArray[np.float32]:
    """The strongest evidence for each lesion `[7]` anywhere in pictures of one colour."""
    height, width = spec.transform.input_size[1:]
    views = np.stack([np.full((height, width, 3), colour, np.uint8) for colour in UNIFORM])
    return np.asarray(runs.run(preprocess.normalize(views, spec.transform)).cams.max(axis=(0, 2, 3)))
