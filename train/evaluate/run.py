"""python -m train evaluate --model FOLDER --images DIR --labels CSV --json OUT.json [--split test] [--precision int8]

Scores a weight file of a model folder through the app's own code, on any folder of photos and CSV with the columns file, dx.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.errors import ModelError
from skinapp.imaging import decode
from skinapp.model import hub, session
from skinapp.model.spec import WEIGHTS, ModelSpec
from train.data import dataset
from train.evaluate import faults, metrics, plots, subgroups, views

BATCH = 16


@dataclass(frozen=True)
class Options:
    """What is scored and how; the report holds all of it."""

    model: str
    images: Path
    labels: dataset.Labels
    split: str = ""
    precision: str = "int8"
    threads: int = 0
    robustness: bool = True
    careful: bool = True


@dataclass(frozen=True)
class Evaluation:
    """The report that is written, the answers that its plots are drawn from, and what these were taken from."""

    report: dict[str, Any]
    answers: metrics.Answers
    assessments: Sequence[Assessment]


@dataclass
class Predictions:
    """What was seen of all photos, in order: the answers, those from one look at each photo as it is and with each fault, and the
    skin's angles."""

    clean: list[Assessment] = field(default_factory=list)
    quick: list[Assessment] = field(default_factory=list)
    faulty: dict[str, list[Assessment]] = field(default_factory=dict)
    angles: list[float] = field(default_factory=list)


def evaluate(options: Options) -> Evaluation:
    """The full report, what it was measured on and how."""
    rows = dataset.read_all(options.images, options.labels, options.split)
    assessor = load(options.model, options.precision, options.threads)
    evaluation = measure(assessor, rows, robustness=options.robustness, careful=options.careful)
    names = ", ".join(table.name for table in dataset.tables(options.labels))
    measured_on = {"images": options.images.name, "labels": names, "labels_sha256": dataset.fingerprint(options.labels)}
    header = {"model": vars(assessor.model), "options": {**vars(options), **measured_on}}
    return replace(evaluation, report={**header, **evaluation.report})


def measure(assessor: Assessor, rows: Sequence[dataset.Row], *, robustness: bool, careful: bool = True) -> Evaluation:
    """Every figure of the rows' photos, also by view, by subgroup and, with `robustness`, under each fault (from one look at each
    photo). Lesions outside of the seven are counted by what is said of them; no other figure knows them."""
    predictions = predict(assessor, rows, robustness, careful)
    indices = [i for i, row in enumerate(rows) if not row.outside]
    lesions, assessments = [rows[i] for i in indices], [predictions.clean[i] for i in indices]
    answers = views.answers_of(assessments, lesions)
    weights = metrics.resamples([row.group for row in lesions])
    report = {"looks": len(assessor.spec.looks) if careful and assessor.spec.looks else 1}
    report |= {**metrics.report(answers, [row.group for row in lesions]), **views.report(assessments, lesions, assessor.spec)}
    report["subgroups"] = subgroups.report(answers, weights, lesions, [predictions.angles[i] for i in indices])
    if len(indices) < len(rows):
        report["outside"] = views.outside(predictions.clean, rows)
    if robustness:
        faulty = {
            name: views.answers_of([of_fault[i] for i in indices], lesions) for name, of_fault in predictions.faulty.items()
        }
        report["robustness"] = faults.report(views.answers_of([predictions.quick[i] for i in indices], lesions), faulty, weights)
    return Evaluation(report, answers, assessments)


def score(assessor: Assessor, rows: Sequence[dataset.Row]) -> Evaluation:
    """The figures of one look at the photos as they are, all together."""
    assessments = predict(assessor, rows, faulty=False, careful=False).clean
    answers = views.answers_of(assessments, rows)
    return Evaluation(metrics.report(answers, [row.group for row in rows]), answers, assessments)


def load(model: str, precision: str, threads: int) -> Assessor:
    """An assessor of the weight file with this precision on the CPU; fp32 runs the trained weights in torch."""
    if precision == "fp32":
        source = hub.fetch(model, weights)
        from train.network.torch_session import TorchSession

        return Assessor(source, TorchSession.load(source.folder / WEIGHTS, source.spec, threads), ())
    source = hub.fetch(model, lambda spec: onnx_file(spec, precision))
    return Assessor(source, session.Session(source.folder / source.file, source.spec, session.CPU, threads), ())


def weights(spec: ModelSpec) -> str:
    """The trained weights."""
    if WEIGHTS not in spec.files:
        raise ModelError(f"The model holds no {WEIGHTS} (only {', '.join(spec.files)}); choose another --precision.")
    return WEIGHTS


def onnx_file(spec: ModelSpec, precision: str) -> str:
    """The ONNX file of this precision."""
    names = [name for name, file in spec.files.items() if file.precision == precision and name.endswith(".onnx")]
    if not names:
        raise ModelError(f"The model holds no {precision} file (only {', '.join(spec.files)}); choose another --precision.")
    return names[0]


def predict(assessor: Assessor, rows: Sequence[dataset.Row], faulty: bool, careful: bool) -> Predictions:
    """What is said of all rows' photos; with `faulty`, also from one look at each, and at the photos with each fault."""
    predictions = Predictions(faulty={name: [] for name in faults.FAULTS} if faulty else {})
    with tqdm(total=len(rows), desc="evaluate", unit="photo") as progress:
        for start in range(0, len(rows), BATCH):
            decoded = [decode.read_reduced(row.path, assessor.need) for row in rows[start : start + BATCH]]
            photos = [item.photo for item in decoded]
            predictions.clean += assessor.assess_decoded(decoded, careful=careful)
            predictions.angles += [subgroups.tone_angle(photo) for photo in photos]
            if faulty:
                predictions.quick += assessor.assess_decoded(decoded)
            for name, assessments in predictions.faulty.items():
                assessments += assessor.assess([faults.FAULTS[name].change(photo) for photo in photos])
            progress.update(len(photos))
    return predictions


def write(evaluation: Evaluation, path: Path) -> None:
    """Save the report as JSON, and the plots in a folder beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(evaluation.report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    plots.write(evaluation.answers, evaluation.report, path.parent / "plots")
