"""python -m export mobile MODEL_FOLDER OUT --images DIR --labels CSV

A model folder for apps: LiteRT files in float16 and INT8, a file for ONNX Runtime Mobile with the operators that it needs, every
number that belongs to them, test vectors to check an app by, and what was measured of all of it.
"""

import json
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime.tools.convert_onnx_models_to_ort import OptimizationStyle, convert_onnx_models_to_ort

from export import graph
from export.release import card, litert, tables, vectors
from export.release.litert import LiteRTSession
from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.errors import SkinAppError
from skinapp.i18n.messages import ENGLISH, LANGUAGES, section, text
from skinapp.imaging import decode, preprocess
from skinapp.labels import CODES, LESIONS, Priority
from skinapp.model import hub
from skinapp.model.session import CPU, Runner, Session, file_for
from skinapp.model.spec import CONFIG, WEIGHTS, ModelSpec
from train.data import dataset, splits
from train.evaluate import run as evaluate
from train.network import model

FLOAT16, INT8 = "model_float16.tflite", "model_int8.tflite"
ABOUT = "model.json"
CALIBRATION_PHOTOS = 350
TURNS = 60
"""Passes over one photo that a file is timed by."""


class MobileError(SkinAppError):
    """A model folder that no app can have, or one that can't be written."""


@dataclass(frozen=True)
class Photos:
    """Labelled photos: some to quantize by, and those to measure by, by split."""

    calibration: Sequence[dataset.Row]
    measured: dict[str, Sequence[dataset.Row]]

    @classmethod
    def read(cls, images: Path, labels: dataset.Labels, spec: ModelSpec) -> "Photos":
        """As training with the model's recipe split them."""
        rows = dataset.read_rows(images, labels)
        recipe = spec.provenance["recipe"]
        train, val = splits.train_and_val(rows, recipe["val_share"], recipe["seed"])
        test = [row for row in rows if row.split == "test"]
        return cls(splits.balanced(train, CALIBRATION_PHOTOS), {"val": val, **({"test": test} if test else {})})


def write(folder: Path, out: Path, photos: Photos, record: bool) -> Iterator[str]:
    """Fill a new or empty folder; a line for each file. With `record` the model folder's metrics and card tell of it, too."""
    spec = ModelSpec.read(folder)
    if WEIGHTS not in spec.files:
        raise MobileError(f"{folder} holds no {WEIGHTS}, of which files for phones are made; build it again.")
    if out.is_dir() and any(out.iterdir()):
        raise MobileError(f"{out} is not empty; give a new folder.")
    out.mkdir(parents=True, exist_ok=True)
    _convert(folder, spec, photos, out)
    description = describe(folder)
    for name in (FLOAT16, INT8):
        litert.attach(out / name, {ABOUT: description, "labels.txt": "\n".join(CODES).encode() + b"\n"})
    (out / ABOUT).write_bytes(description)
    _to_ort(spec.verify(folder, file_for(spec, CPU)), out)
    served = {name: _assessor(folder, LiteRTSession(out / name)) for name in (FLOAT16, INT8)}
    vectors.write(served, out / "vectors")
    figures = measure(_assessor(folder, exact(folder, spec)), served, photos, out)
    (out / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (out / "README.md").write_text(_card(spec, figures), encoding="utf-8")
    if record:
        _record(folder, spec, figures)
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        yield f"{path.stat().st_size:>14,}  {path.relative_to(out)}"


def _convert(folder: Path, spec: ModelSpec, photos: Photos, out: Path) -> None:
    """Write the two LiteRT files."""
    pixels = [preprocess.batch([decode.read(row.path)], spec.transform)[0] for row in photos.calibration]
    with TemporaryDirectory() as scratch:
        float_path = Path(scratch) / "full.tflite"
        litert.convert(model.load(spec.architecture, folder / WEIGHTS, spec.activation), spec.transform.input_size, float_path)
        litert.to_float16(float_path, out / FLOAT16)
        litert.to_int8(float_path, pixels, out / INT8)


def exact(folder: Path, spec: ModelSpec) -> Runner:
    """The float ONNX graph of a model folder's trained weights, which files for phones are held against."""
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "exact.onnx"
        graph.to_onnx(model.load(spec.architecture, folder / WEIGHTS, spec.activation), spec.transform.input_size, path)
        return Session(path, spec, CPU, 1)


def _record(folder: Path, spec: ModelSpec, figures: dict[str, Any]) -> None:
    """Put the figures into the model folder's metrics.json and card."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8")) | {"mobile": figures}
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card.render(spec, metrics), encoding="utf-8")


def describe(folder: Path) -> bytes:
    """What an app needs beside the weights: the model's config.json, and of the program the lesions, priorities and sentences."""
    wording = {
        language: {
            "priorities": section("priorities", language),
            "advice": section("advice", language),
            "issues": section("issues", language),
            "warnings": section("warnings", language),
            "lesions": section("lesions", language),
            "disclaimer": text("disclaimer", language),
        }
        for language in LANGUAGES
    }
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    settings = {key: value for key, value in config["skinapp"].items() if key not in ("files", "provenance", "frame_head")}
    lesions = [{**vars(lesion), "priority": lesion.priority.value} for lesion in LESIONS]
    description = {
        "config": {**config, "skinapp": settings},
        "priorities": [priority.value for priority in Priority],
        "lesions": lesions,
        "wording": wording,
    }
    return json.dumps(description, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _to_ort(path: Path, out: Path) -> None:
    """An ONNX file as ONNX Runtime Mobile's format, optimized ahead, with the operators that a reduced build must have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves closing its file to the garbage collector
        convert_onnx_models_to_ort(path, output_dir=out, optimization_styles=[OptimizationStyle.Fixed])


def _assessor(folder: Path, runner: Runner) -> Assessor:
    return Assessor(hub.fetch(str(folder), lambda spec: file_for(spec, CPU)), runner, ())


def measure(exact: Assessor, served: dict[str, Assessor], photos: Photos, out: Path) -> dict[str, Any]:
    """Of every LiteRT file its size, time, distance from the float ONNX graph on real photos, and figures on each split."""
    figures: dict[str, Any] = {name: {"bytes": (out / name).stat().st_size} for name in served}
    for split, rows in photos.measured.items():
        exact_evaluation = evaluate.measure(exact, rows, robustness=False, careful=False)
        for name, assessor in served.items():
            evaluation = evaluate.measure(assessor, rows, robustness=False, careful=False)
            figures[name][split] = {
                **differences(exact_evaluation.assessments, evaluation.assessments),
                **_short(evaluation.report),
            }
        figures.setdefault("float ONNX", {})[split] = _short(exact_evaluation.report)
    view = preprocess.batch([decode.read(photos.calibration[0].path)], exact.spec.transform)
    for name, assessor in served.items():
        figures[name]["median_ms_one_thread"] = round(_median_ms(assessor.session, view), 2)
    return figures


def differences(exact: Sequence[Assessment], answers: Sequence[Assessment]) -> dict[str, float]:
    """How far answers to the same photos are from each other."""
    pairs = list(zip(exact, answers, strict=True))
    largest = max(float(np.abs(first.chances - second.chances).max()) for first, second in pairs)
    return {
        "largest_difference": round(largest, 6),
        "same_lesion": round(float(np.mean([first.top is second.top for first, second in pairs])), 4),
        "same_priority": round(float(np.mean([first.priority is second.priority for first, second in pairs])), 4),
    }


def _short(report: dict[str, Any]) -> dict[str, Any]:
    """Of a report, together and by view, what an app's maker asks first."""
    parts = {"all": report, **report.get("by_view", {})}
    return {
        name: {
            "n": part["n"],
            "balanced_accuracy": part["balanced_accuracy"],
            "melanoma_auc": part["melanoma"]["auc"],
        }
        for name, part in parts.items()
    }


def _median_ms(runner: Runner, pixels: NDArray[np.float32]) -> float:
    times = []
    for _ in range(TURNS):
        started = time.perf_counter()
        runner.run(pixels)
        times.append(time.perf_counter() - started)
    return float(np.median(times[TURNS // 4 :])) * 1000


def _card(spec: ModelSpec, figures: dict[str, Any]) -> str:
    """What the folder for apps says of itself."""
    return "\n".join(
        [
            f"# {spec.architecture} for seven skin lesions, for apps\n",
            f"{text('disclaimer', ENGLISH)}\n",
            f"`{FLOAT16}` and `{INT8}` run in LiteRT, the `.ort` file in ONNX Runtime Mobile; all numbers of the answer are in",
            f"`{ABOUT}`, also inside of the LiteRT files (unzip them). `vectors/` has photos with everything that must come out.",
            "docs/mobile.md of the program tells the whole way.\n",
            *tables.mobile(figures),
        ]
    )
