"""python -m train evaluate --model FOLDER --images DIR --labels CSV --json OUT.json [--split test] [--precision int8]

Scores a weight file of a model folder through the app's own code, on any folder of photos and CSV with the columns file, dx.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from skinapp.assessment import triage
from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.errors import ModelError
from skinapp.imaging import decode
from skinapp.imaging.decode import Photo
from skinapp.labels import Priority
from skinapp.model import hub, session
from skinapp.model.spec import WEIGHTS, ModelSpec
from train import corrupt, data, metrics, plots, subgroups

BATCH = 16
PRECISIONS = ("int8", "int8_trt", "w8", "fp32")
PASSES = 8
"""Of test-time augmentation: the four turns of a photo and of its mirror image."""

Look = Callable[[Sequence[Photo]], list[Assessment]]


@dataclass(frozen=True)
class Options:
    """What is scored and how; the report holds all of it."""

    model: str
    images: Path
    labels: data.Labels
    split: str = ""
    precision: str = "int8"
    threads: int = 0
    robustness: bool = True
    tta: bool = False


@dataclass(frozen=True)
class Evaluation:
    """The report that is written, the answers that its plots are drawn from, and what these were taken from."""

    report: dict[str, Any]
    answers: metrics.Answers
    assessments: Sequence[Assessment]


@dataclass
class Seen:
    """What was seen of all photos, in order: the answers, those to the photos with each fault, and the skin's angles."""

    clean: list[Assessment] = field(default_factory=list)
    faulty: dict[str, list[Assessment]] = field(default_factory=dict)
    angles: list[float] = field(default_factory=list)


def evaluate(options: Options) -> Evaluation:
    """The full report, what it was measured on and how."""
    rows = data.read_rows(options.images, options.labels, options.split)
    assessor = load(options.model, options.precision, options.threads)
    found = measure(assessor, rows, robustness=options.robustness, tta=options.tta)
    names = ", ".join(table.name for table in data.tables(options.labels))
    measured_on = {"images": options.images.name, "labels": names, "labels_sha256": data.fingerprint(options.labels)}
    about = {"model": vars(assessor.model), "options": {**vars(options), **measured_on}}
    return replace(found, report={**about, **found.report})


def measure(assessor: Assessor, rows: Sequence[data.Row], *, robustness: bool, tta: bool = False) -> Evaluation:
    """Every figure of the rows' photos, also by subgroup and, with `robustness`, under each fault."""
    seen = look(partial(averaged, assessor) if tta else assessor.assess, rows, robustness)
    answers, groups = answers_of(seen.clean, rows, assessor.spec), [row.group for row in rows]
    drawn = metrics.resamples(groups)
    report = {"passes": PASSES if tta else 1, **metrics.report(answers, groups)}
    report["subgroups"] = subgroups.report(answers, drawn, rows, seen.angles)
    if robustness:
        faulty = {name: answers_of(assessments, rows, assessor.spec) for name, assessments in seen.faulty.items()}
        report["robustness"] = corrupt.report(answers, faulty, drawn)
    return Evaluation(report, answers, seen.clean)


def score(assessor: Assessor, rows: Sequence[data.Row]) -> Evaluation:
    """The figures of the photos as they are, all together."""
    assessments = look(assessor.assess, rows, faults=False).clean
    answers = answers_of(assessments, rows, assessor.spec)
    return Evaluation(metrics.report(answers, [row.group for row in rows]), answers, assessments)


def answers_of(assessments: Sequence[Assessment], rows: Sequence[data.Row], spec: ModelSpec) -> metrics.Answers:
    """Assessments and their rows, as metrics.py takes them."""
    return metrics.Answers(
        np.stack([assessment.chances for assessment in assessments]),
        np.array([row.target for row in rows]),
        np.array([assessment.priority.value for assessment in assessments]),
        spec.thresholds["mel"],
        spec.temperature,
    )


def load(model: str, precision: str, threads: int) -> Assessor:
    """An assessor of the weight file with this precision on the CPU; fp32 runs the trained weights in torch."""
    if precision == "fp32":
        source = hub.fetch(model, weights)
        from train.reference import TorchSession

        return Assessor(source, TorchSession.load(source.folder / WEIGHTS, source.spec, threads), ())
    source = hub.fetch(model, lambda spec: named(spec, precision))
    return Assessor(source, session.Session(source.folder / source.file, source.spec, session.CPU, threads), ())


def weights(spec: ModelSpec) -> str:
    """The trained weights."""
    if WEIGHTS not in spec.files:
        raise ModelError(f"The model holds no {WEIGHTS} (only {', '.join(spec.files)}); choose another --precision.")
    return WEIGHTS


def named(spec: ModelSpec, precision: str) -> str:
    """The ONNX file of this precision."""
    found = [name for name, file in spec.files.items() if file.precision == precision and name.endswith(".onnx")]
    if not found:
        raise ModelError(f"The model holds no {precision} file (only {', '.join(spec.files)}); choose another --precision.")
    return found[0]


def look(assess: Look, rows: Sequence[data.Row], faults: bool) -> Seen:
    """One pass over all rows' photos; with `faults`, over the photos with each fault as well."""
    seen = Seen(faulty={name: [] for name in corrupt.FAULTS} if faults else {})
    with tqdm(total=len(rows), desc="evaluate", unit="photo") as progress:
        for first in range(0, len(rows), BATCH):
            photos = [decode.read(row.path) for row in rows[first : first + BATCH]]
            seen.clean += assess(photos)
            seen.angles += [subgroups.tone_angle(photo) for photo in photos]
            for name, assessments in seen.faulty.items():
                assessments += assess([corrupt.FAULTS[name].change(photo) for photo in photos])
            progress.update(len(photos))
    return seen


def averaged(assessor: Assessor, photos: Sequence[Photo]) -> list[Assessment]:
    """The assessments of photos, their logits averaged over all turns and flips; whether a photo may be answered, it alone says.

    Logits, because the temperature keeps its meaning. On 399 photos of `val` the mean of probabilities did as well: balanced
    accuracy 0.715 against 0.717, melanoma AUC 0.924 against 0.923 (one pass: 0.704 and 0.915).
    """
    upright = assessor.assess(photos)
    others = [assessor.assess([turned(photo, way) for photo in photos]) for way in range(1, PASSES)]
    return [_together(views, assessor.spec) for views in zip(upright, *others, strict=True)]


def turned(photo: Photo, way: int) -> Photo:
    """One of the 8 ways to lay a photo on the table; 0 is the photo."""
    return np.ascontiguousarray(np.rot90(photo[:, ::-1] if way >= PASSES // 2 else photo, way))


def _together(views: Sequence[Assessment], spec: ModelSpec) -> Assessment:
    # The logarithms of probabilities are the logits over the temperature, but for a constant a photo.
    logs = np.mean([np.log(np.maximum(view.chances, 1e-300)) for view in views], axis=0)
    chances = triage.probabilities(logs, 1.0)
    focus = triage.deciding(chances, spec.thresholds)
    priority = focus.priority if views[0].report.ok else Priority.UNCLEAR
    return replace(views[0], chances=chances, focus=focus, priority=priority)


def write(evaluation: Evaluation, path: Path) -> None:
    """Save the report as JSON, and the plots in a folder beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(evaluation.report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    plots.write(evaluation.answers, evaluation.report, path.parent / "plots")
