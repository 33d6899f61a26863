"""Chooses, on the photos to choose by and on the very file that is served, every number that config.json states about answers:
temperature, thresholds and the heatmap's scale. Which photos are answered at all, train/calibrate/abstention.py chooses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import explain, prediction_set, quality, triage
from skinapp.imaging import decode, looks, preprocess
from skinapp.labels import ALARMING, CODES, NEAR, TOGETHER, Priority, View
from skinapp.model.session import Outputs, Runner
from skinapp.model.spec import Clinical, HeatmapScale, Look, ModelSpec, Rule, Transform, ViewHead
from train.calibrate import ood_scores
from train.data import dataset
from train.evaluate import metrics

SENSITIVITY = {"mel": 0.95, "bcc": 0.90, "akiec": 0.85, "vasc": 0.85}
"""What each threshold must find on the photos to choose by: a missed cancer costs most, a vascular lesion least."""
NEARLY = 0.8
"""How much of melanoma's threshold nothing may reach and be Low: INT8 alone moves the log-odds there by 0.21 (one standard
deviation, the 200 photos of `val` nearest to the threshold), and this is 0.23 below."""

CALLED_LOW = 0.04
"""The share of each malignant lesion, and of squamous cell carcinomas, that may be called Low on the photos to choose by."""
TOO_FEW = 9
"""Photos of a lesion of which nine in ten can't be told."""

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


@dataclass(frozen=True)
class Looks:
    """The answers to photos: those to the first look at each, and the mean of the logits of all looks `[n, 7]`."""

    first: Outputs
    mean: NDArray[np.float32]


def calibrate(spec: ModelSpec, runner: Runner, rows: Sequence[dataset.Row], training_rows: Sequence[dataset.Row]) -> ModelSpec:
    """The spec with every number of the answer chosen on `rows`, lesions outside of the seven among them; `training_rows` are
    photos that the network has learned from, by which views are told apart."""
    outputs = predict_looks(spec.transform, runner, [row.path for row in rows], spec.looks)
    truths, is_clinical = np.array([row.target for row in rows]), np.array([row.view is View.CLINICAL for row in rows])
    is_one_of_seven = truths >= 0
    mix = shares(truths[is_one_of_seven & (_collections(rows) == rows[0].collection)])
    quick, careful = (
        [rule(logits[is_in_view], truths[is_in_view], mix) for is_in_view in (~is_clinical, is_clinical) if is_in_view.any()]
        for logits in (outputs.first.logits, outputs.mean)
    )
    shift = map_shift(spec, runner, [row for row in rows if row.target >= 0])
    clinical = Clinical(view_head(spec, runner, training_rows), quick[1], careful[1], spec.quality) if is_clinical.any() else None
    return replace(
        spec,
        temperature=quick[0].temperature,
        thresholds=quick[0].thresholds,
        sets=quick[0].sets,
        careful=careful[0],
        clinical=clinical,
        mix=dict(zip(CODES, (round(float(share), 4) for share in mix), strict=True)),
        heatmap=heatmap_scale(outputs.first.cams[is_one_of_seven], truths[is_one_of_seven], _blank_evidence(spec, runner), shift),
    )


def _collections(rows: Sequence[dataset.Row]) -> NDArray[np.str_]:
    return np.array([row.collection for row in rows])


def shares(truths: NDArray[np.int64]) -> metrics.Floats:
    """How common each lesion is `[7]`."""
    return np.bincount(truths, minlength=len(CODES)) / len(truths)


def rule(logits: NDArray[np.float32], truths: NDArray[np.int64], mix: metrics.Floats) -> Rule:
    """Temperature, thresholds and prediction sets from the logits of one view's photos, as common as in the mix."""
    heat = temperature(logits, truths, metrics.mix_weights(truths, mix))
    chances = triage.probabilities(logits, heat)
    return Rule(heat, thresholds(chances, truths), prediction_sets(chances, truths))


def view_head(spec: ModelSpec, runner: Runner, rows: Sequence[dataset.Row]) -> ViewHead:
    """What tells embeddings of plain camera photos from those of photos through a dermatoscope."""
    embeddings = predict(spec.transform, runner, [row.path for row in rows]).embedding
    is_clinical = np.array([row.view is View.CLINICAL for row in rows])
    return ViewHead(*ood_scores.linear_separator(embeddings[is_clinical], embeddings[~is_clinical]))


def prediction_sets(chances: metrics.Floats, truths: NDArray[np.int64]) -> dict[str, float]:
    """For each lesion the probability that nine in ten of its own photos reach (split conformal prediction by class; Vovk, 2012);
    where its photos are too few to tell, that which nine in ten of all photos reach for theirs."""
    own_lesion_chances = chances[truths >= 0, truths[truths >= 0]]
    limits = {}
    for lesion, code in enumerate(CODES):
        lesion_chances = chances[truths == lesion, lesion]
        lesion_chances = lesion_chances if len(lesion_chances) >= TOO_FEW else own_lesion_chances
        rank = int((1 - prediction_set.COVERAGE) * (len(lesion_chances) + 1))
        limits[code] = float(np.floor(np.sort(lesion_chances)[rank - 1] * 1e4) / 1e4) if rank else 0.0
    return limits


def predict(transform: Transform, runner: Runner, paths: Sequence[Path]) -> Outputs:
    """The answers to photos, together."""
    return predict_looks(transform, runner, paths, looks.PLAIN).first


def predict_looks(transform: Transform, runner: Runner, paths: Sequence[Path], looks_: Sequence[Look]) -> Looks:
    """The answers to all looks at photos."""
    firsts, means = [], []
    for start in range(0, len(paths), BATCH):
        photos = [decode.read(path) for path in paths[start : start + BATCH]]
        views = [view for photo in photos for view in looks.views(photo, transform, looks_)]
        outputs = runner.run(preprocess.normalize(np.stack(views), transform))
        firsts.append([values[:: len(looks_)] for values in astuple(outputs)])
        means.append(outputs.logits.reshape(len(photos), len(looks_), -1).mean(1))
    return Looks(Outputs(*(np.concatenate(values) for values in zip(*firsts, strict=True))), np.concatenate(means))


def quality_figures(spec: ModelSpec, paths: Sequence[Path], outputs: Outputs) -> list[quality.Figures]:
    """Each photo's figures of quality, from the answers to all of them."""
    figures = []
    for index, path in enumerate(paths):
        photo, cam = decode.read(path), outputs.cams[index, outputs.logits[index].argmax()]
        view = preprocess.view(photo, spec.transform)
        figures.append(quality.measure(min(photo.shape[:2]), view, outputs.embedding[index], cam, spec.lesion_head))
    return figures


def lean(logits: NDArray[np.float32], rows: Sequence[dataset.Row]) -> tuple[float, metrics.Floats]:
    """How far to lean the answers towards the common lesions, as a power of how common each is in the first collection, and what
    to add to the logits for it `[7]`.

    A network trained as though all lesions were equally common takes too many for rare ones. The lean is the one of the best
    standing, in the mean over collections and views, that of which training keeps the best weights, too.
    """
    truths, sources = np.array([row.target for row in rows]), np.array([row.source for row in rows])
    log_counts = np.log(np.bincount(truths[_collections(rows) == rows[0].collection], minlength=len(CODES)) + 1.0)
    log_counts -= log_counts.mean()
    source_masks = [sources == name for name in np.unique(sources)]
    scores = []
    for power in LEANS:
        chances = triage.probabilities(np.asarray(logits + power * log_counts, np.float32), 1.0)
        scores.append(np.mean([metrics.score(metrics.standing(chances[mask], truths[mask])) for mask in source_masks]))
    best = float(LEANS[int(np.argmax(scores))])
    return best, best * log_counts


def temperature(logits: NDArray[np.float32], truths: NDArray[np.int64], weights: metrics.Floats | None = None) -> float:
    """The temperature of least negative log-likelihood of photos that count by these weights (all alike without), by thirds of a
    bracket in which there is one minimum."""
    is_known = truths >= 0
    logits, truths = logits[is_known], truths[is_known]
    counts = np.ones(len(truths)) if weights is None else weights[is_known]

    def loss(log_heat: float) -> float:
        return metrics.nll(triage.probabilities(logits, np.exp(log_heat)), truths, counts)

    low, high = np.log(0.1), np.log(10)
    for _ in range(60):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (left, high) if loss(left) > loss(right) else (low, right)
    return round(float(np.exp((low + high) / 2)), 4)


def thresholds(chances: NDArray[np.float64], truths: NDArray[np.int64]) -> dict[str, float]:
    """For each alarming lesion the highest threshold that finds its share, but never above 1/7: the likeliest of seven lesions
    has at least that, so its own priority is never lost. And how near to melanoma's nothing is Low, and from which probability
    of a malignant lesion on, whichever: the highest at which hardly any malignant one, of the seven or not, is called Low."""
    limits = {}
    for code in ALARMING:
        lesion_chances = np.sort(chances[truths == CODES.index(code), CODES.index(code)])
        may_miss = int(np.floor(len(lesion_chances) * (1 - SENSITIVITY[code]) + 1e-9))
        limits[code] = (
            min(np.floor(lesion_chances[may_miss] * 1e4) / 1e4, np.floor(1e4 / len(CODES)) / 1e4)
            if len(lesion_chances)
            else 1 / len(CODES)
        )
    limits[NEAR] = np.floor(limits["mel"] * NEARLY * 1e4) / 1e4
    limits[TOGETHER] = together(chances, truths, limits)
    return {code: max(float(value), 1e-4) for code, value in limits.items()}


def together(chances: NDArray[np.float64], truths: NDArray[np.int64], limits: Mapping[str, float]) -> float:
    """The threshold of the malignant lesions taken together; those outside of the seven count as a lesion of their own."""
    sums = chances[:, metrics.MALIGNANT].sum(1)
    is_low = np.array([triage.deciding_lesion(row, limits).priority is Priority.LOW for row in chances])
    threshold = 0.9999
    for lesion in (*metrics.MALIGNANT, -1):
        is_lesion = truths == lesion
        unflagged = np.sort(sums[is_lesion & is_low])[int(is_lesion.sum() * CALLED_LOW) :]
        threshold = min([threshold, *unflagged[:1].tolist()])
    return float(np.floor(threshold * 1e4) / 1e4)


def heatmap_scale(cams: NDArray[np.float32], truths: NDArray[np.int64], blank: NDArray[np.float32], shift: float) -> HeatmapScale:
    """Blank up to a little above what pictures without structure reach; hottest from where a quarter of the lesion's own photos
    have a spot."""
    floor, full = {}, {}
    for lesion, code in enumerate(CODES):
        peaks = cams[truths == lesion, lesion].reshape(-1, cams.shape[2] * cams.shape[3]).max(axis=1)
        low = max(0.0, float(blank[lesion]) * MARGIN)
        high = max(float(np.percentile(peaks, 75)) if len(peaks) else 0.0, low * 1.25, 1e-3)
        floor[code], full[code] = round(low, 4), round(high, 4)
    return HeatmapScale(floor, full, shift)


def map_shift(spec: ModelSpec, runner: Runner, rows: Sequence[dataset.Row]) -> float:
    """The shift at which the map of a photo and that of the photo turned by half agree best, over 200 photos.

    Measured, because padding tells only the most it can be (0.48 cells for TensorFlow's networks): training takes some back. On
    the photos with lesion masks the same shift puts most of the map inside the lesion.
    """
    agreement = np.zeros(len(SHIFTS))
    for row in rows[:: max(1, len(rows) // 200)]:
        view = preprocess.view(decode.read(row.path), spec.transform)
        outputs = runner.run(preprocess.normalize(np.stack([view, view[::-1, ::-1]]), spec.transform))
        upright, turned = (_stretched(cam) for cam in outputs.cams[:, outputs.logits[0].argmax()])
        agreement += [_agree(upright, turned, shift) for shift in SHIFTS]
    return float(SHIFTS[agreement.argmax()])


def _stretched(cam: NDArray[np.float32]) -> NDArray[np.float32]:
    return (cam - cam.min()) / max(float(np.ptp(cam)), 1e-6)


def _agree(upright: NDArray[np.float32], turned: NDArray[np.float32], shift: float) -> float:
    """The correlation of two enlarged maps, the second turned back, without the edges that the shift cuts off."""
    side, edge = 16 * upright.shape[0], slice(2 * upright.shape[0], -2 * upright.shape[0])
    first, second = (explain.enlarge(cam, side, side, shift) for cam in (upright, turned))
    pair = first[edge, edge].ravel(), second[::-1, ::-1][edge, edge].ravel()
    return float(np.corrcoef(*pair)[0, 1]) if min(np.ptp(values) for values in pair) > 0 else 0.0


def _blank_evidence(spec: ModelSpec, runner: Runner) -> NDArray[np.float32]:
    """The strongest evidence for each lesion `[7]` anywhere in pictures of one colour."""
    height, width = spec.transform.input_size[1:]
    views = np.stack([np.full((height, width, 3), colour, np.uint8) for colour in UNIFORM])
    return np.asarray(runner.run(preprocess.normalize(views, spec.transform)).cams.max(axis=(0, 2, 3)))
