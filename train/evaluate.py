"""python -m train evaluate --model FOLDER --images DIR --labels CSV --json OUT.json [--split test] [--precision int8]

Scores a weight file of a model folder through the app's own code, on any folder of photos and CSV with the columns file, dx.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from skinapp import hub, image, session
from skinapp.assessor import Assessment, Assessor
from skinapp.errors import ModelError
from skinapp.spec import WEIGHTS, ModelSpec
from train import data, metrics

BATCH = 16
PRECISIONS = ("int8", "int8_trt", "w8", "fp32")


def evaluate(model: str, images: Path, labels: Path, split: str, precision: str, threads: int) -> dict[str, Any]:
    """The report of metrics.py, and what it was measured on."""
    rows = data.read_rows(images, labels, split)
    assessor = load(model, precision, threads)
    about = {"model": vars(assessor.model), "images": images.name, "labels": labels.name, "split": split or "all"}
    return {**about, "precision": precision, **score(assess(assessor, rows), rows, assessor.spec)}


def score(assessments: Sequence[Assessment], rows: Sequence[data.Row], spec: ModelSpec) -> dict[str, Any]:
    """Every figure of metrics.py for assessments and their rows."""
    answers = metrics.Answers(
        np.stack([assessment.chances for assessment in assessments]),
        np.array([row.target for row in rows]),
        np.array([assessment.priority.value for assessment in assessments]),
        spec.thresholds["mel"],
    )
    return metrics.report(answers, [row.group for row in rows])


def load(model: str, precision: str, threads: int) -> Assessor:
    """An assessor of the weight file with this precision on the CPU; fp32 runs the trained weights in torch."""
    if precision == "fp32":
        source = hub.fetch(model, weights)
        from train.reference import TorchSession

        return Assessor(source, TorchSession(source.folder / WEIGHTS, source.spec, threads), ())
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


def assess(assessor: Assessor, rows: Sequence[data.Row]) -> list[Assessment]:
    """The assessments of all rows' photos, in order."""
    found: list[Assessment] = []
    for first in tqdm(range(0, len(rows), BATCH), desc="evaluate", unit="batch"):
        found += assessor.assess([image.read(row.path) for row in rows[first : first + BATCH]])
    return found


def write(report: dict[str, Any], path: Path) -> None:
    """Save a report as JSON."""
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
