"""python -m export build CHECKPOINT OUT --images DIR --labels CSV

From trained weights to a complete model folder: FP16 weights, ONNX files, numbers chosen on val, figures on test, card.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import onnx
import torch

from export import graph
from export.quantization import accuracy_gate, quantize
from export.quantization.equalization import equalize
from export.quantization.gptq import round_weights
from export.release import card
from skinapp.imaging import decode, preprocess
from skinapp.labels import CODES, THRESHOLDS
from skinapp.model.session import CPU, Session, file_for
from skinapp.model.spec import WEIGHTS, FrameHead, HeatmapScale, LesionHead, Look, ModelFile, ModelSpec, Transform, sha256
from train.calibrate import abstention, answers, quality_limits
from train.data import dataset, splits
from train.evaluate import plots
from train.evaluate import run as evaluate
from train.network import model
from train.network.torch_session import TorchSession

GRAPHS = {"int8": CPU.ort_name, "int8_trt": "TensorrtExecutionProvider", "w8": "CUDAExecutionProvider"}
"""The forms of the weights that there is an ONNX file of, and the provider that each is for."""
LOOKS = (Look("middle", 0), Look("start", 4), Look("end", 7), Look("middle", 2))
"""Of a careful answer."""
CALIBRATION_PHOTOS = 350
ROUNDING_PHOTOS = 50
"""Photos of these whose maps the weights are rounded by: more change little, and each takes half a second."""


@dataclass(frozen=True)
class Rows:
    """The photos of the seven lesions to train on, to choose by and to measure, and those outside of them."""

    train: Sequence[dataset.Row]
    val: Sequence[dataset.Row]
    test: Sequence[dataset.Row]
    outside: Sequence[dataset.Row]

    @classmethod
    def read(cls, images: Path, labels: dataset.Labels, recipe: Mapping[str, Any]) -> Self:
        """As training with this recipe splits them."""
        all_rows = dataset.read_all(images, labels)
        rows = [row for row in all_rows if not row.outside]
        train, val = splits.train_and_val(rows, recipe["val_share"], recipe["seed"])
        return cls(train, val, [row for row in rows if row.split == "test"], [row for row in all_rows if row.outside])

    @property
    def to_choose_by(self) -> list[dataset.Row]:
        """Those of val, with the squamous cell carcinomas among them: they mustn't be called Low."""
        return [*self.val, *(row for row in self.outside if row.split == "val" and row.outside == "scc")]

    def photos(self, images: Path, others: Path | None, masks: Path | None) -> abstention.Photos:
        """As the gate is taught and measured by them."""
        others_by_split = dataset.read_others(images, others) if others else {}
        outside = {split: [row for row in self.outside if row.split == split] for split in ("val", "test")}
        return abstention.Photos(self.train, self.val, self.test, others_by_split, masks, outside)


def build(
    checkpoint: Path,
    out: Path,
    images: Path,
    labels: dataset.Labels,
    others: Path | None,
    threads: int,
    is_gated: bool = True,
    masks: Path | None = None,
    forms: Sequence[str] = tuple(GRAPHS),
) -> ModelSpec:
    """Write the model folder `out` from a folder that `train fit` left its best weights in, with these forms of the weights: the
    first is served on CPUs, and all numbers are chosen on it.

    `others` is a CSV (file, kind, split) of photos that are no lesions: those of split val teach the model to refuse them, those
    of split test tell how well it does. `masks` is a folder of lesions' outlines, that teach it where the lesion lies.
    """
    training = json.loads((checkpoint / "train.json").read_text(encoding="utf-8"))
    if training["recipe"]["labels_sha256"] != dataset.fingerprint(labels):
        raise dataset.DataError(
            f"{checkpoint} was trained by other CSVs than {', '.join(map(str, dataset.tables(labels)))}; give those, in the same "
            "order, or the figures would be false."
        )
    if unknown := [form for form in forms if form not in GRAPHS]:
        raise dataset.DataError(f"There is no {unknown[0]} file of the weights; choose from {', '.join(GRAPHS)}.")
    transform = Transform(**{key: tuple(v) if isinstance(v, list) else v for key, v in training["transform"].items()})
    rows = Rows.read(images, labels, training["recipe"])
    out.mkdir(parents=True, exist_ok=True)
    lean_power = write_weights(training, transform, checkpoint / WEIGHTS, rows.val, threads, out / WEIGHTS)
    calibration_rows = splits.balanced(rows.train, CALIBRATION_PHOTOS)
    write_graphs(training["architecture"], training["activation"], transform, calibration_rows, out, forms)
    origin = _origin(rows, len(calibration_rows))
    spec = _uncalibrated(training, transform, out, forms, {"lean": lean_power, **origin})
    runner = Session(out / file_for(spec, CPU), spec, CPU, threads)
    photos = rows.photos(images, others, masks)
    spec = abstention.fit_abstention(answers.calibrate(spec, runner, rows.to_choose_by, photos.to_learn_from), runner, photos)
    spec.write(out)
    write_figures(out, spec, {**measure(out, photos, threads, is_gated), **measure_refusals(out, photos, threads)})
    return spec


def recalibrate(
    folder: Path, images: Path, labels: dataset.Labels, others: Path | None, masks: Path | None, threads: int
) -> ModelSpec:
    """Choose all numbers of a finished model folder's answers anew, and measure it anew; its weight files stay as they are."""
    spec = ModelSpec.read(folder)
    recipe = spec.provenance["recipe"]
    rows = Rows.read(images, labels, recipe)
    photos = rows.photos(images, others, masks)
    runner = Session(folder / file_for(spec, CPU), spec, CPU, threads)
    spec = replace(spec, looks=LOOKS)
    spec = abstention.fit_abstention(answers.calibrate(spec, runner, rows.to_choose_by, photos.to_learn_from), runner, photos)
    spec.write(folder)
    write_figures(folder, spec, {**measure(folder, photos, threads, is_gated=False), **measure_refusals(folder, photos, threads)})
    return spec


def write_figures(folder: Path, spec: ModelSpec, figures: dict[str, Any]) -> None:
    """Write metrics.json and the card that is made of it."""
    (folder / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card.render(spec, figures), encoding="utf-8")


def write_weights(
    training: Mapping[str, Any], transform: Transform, trained: Path, rows: Sequence[dataset.Row], threads: int, out: Path
) -> float:
    """The trained weights, their last layer leaned towards the common lesions as far as suits these rows; returns how far."""
    net = model.load(training["architecture"], trained, training["activation"])
    outputs = answers.predict(transform, TorchSession(net, threads), [row.path for row in rows])
    power, shift = answers.lean(outputs.logits, rows)
    with torch.no_grad():
        net.get_classifier().bias += torch.from_numpy(shift)
    model.save_half(net, out)
    return power


def write_graphs(
    architecture: str, activation: str, transform: Transform, rows: Sequence[dataset.Row], out: Path, forms: Sequence[str]
) -> None:
    """The ONNX files of these forms, from the FP16-rounded weights in `out`."""
    with TemporaryDirectory() as scratch:
        float_path = Path(scratch) / "model_fp32.onnx"
        graph.to_onnx(model.load(architecture, out / WEIGHTS, activation), transform.input_size, float_path)
        pixels = [preprocess.batch([decode.read(row.path)], transform)[0] for row in rows]
        rounding_pixels = pixels[:: max(1, len(pixels) // ROUNDING_PHOTOS)]
        float_graph, head = onnx.load(float_path), graph.head_nodes(float_path)
        equalize(float_graph, head, rounding_pixels)
        onnx.save(float_graph, float_path)
        weights = round_weights(float_graph, head, rounding_pixels)
        configs = {"int8": quantize.CPU, "int8_trt": quantize.TENSORRT}
        ranges = quantize.ranges(float_path, pixels) if configs.keys() & set(forms) else None
        for form in forms:
            if form in configs:
                quantize.to_int8(float_path, configs[form], ranges, weights, out / _file(form))
            else:
                quantize.to_w8(float_path, weights, out / _file(form))


def _file(form: str) -> str:
    """The name of the ONNX file of a form of the weights."""
    return f"model_{form}.onnx"


def _uncalibrated(
    training: dict[str, Any], transform: Transform, out: Path, forms: Sequence[str], more_provenance: dict[str, Any]
) -> ModelSpec:
    """A spec whose numbers of the answer are yet to be chosen: nothing is refused, nothing scaled."""
    teachers = [Path(folder).parent.name for folder in training["recipe"].get("teachers", [])]
    recipe = {**training["recipe"], "init": Path(training["recipe"]["init"]).name, "teachers": teachers}
    provenance = {"commit": commit(), "recipe": recipe, **more_provenance}
    providers = {form: (GRAPHS[form],) for form in forms}
    providers[forms[0]] = tuple(dict.fromkeys([CPU.ort_name, GRAPHS[forms[0]]]))
    files = {_file(form): ModelFile(sha256(out / _file(form)), form, names) for form, names in providers.items()}
    return ModelSpec(
        architecture=training["architecture"],
        activation=training["activation"],
        labels=CODES,
        transform=transform,
        files={**files, WEIGHTS: ModelFile(sha256(out / WEIGHTS), "fp16", ())},
        temperature=1.0,
        thresholds=dict.fromkeys(THRESHOLDS, 0.5),
        heatmap=HeatmapScale(dict.fromkeys(CODES, 0.0), dict.fromkeys(CODES, 1.0), shift=0.0),
        lesion_head=LesionHead((0.0,) * graph.features(out / _file(forms[0])), 0.0),
        frame_head=FrameHead((), 0.0),
        quality=quality_limits.unlimited(),
        provenance=provenance,
        looks=LOOKS,
    )


def measure(folder: Path, photos: abstention.Photos, threads: int, is_gated: bool) -> dict[str, Any]:
    """The figures of every precision on val and test, and what the quantized files lose against FP32; with `is_gated`, a served
    file that lost too much on val is refused before test is looked at.

    All are from one look at a photo, but the served file's, which answers carefully, as the app does; it also has figures by
    view, by subgroup and of lesions outside of the seven, on the last split those under faults of cameras, and the plots.
    """
    figures: dict[str, Any] = {}
    rows_by_split = {split: rows for split, rows in {"val": photos.val, "test": photos.test}.items() if rows}
    spec, last = ModelSpec.read(folder), list(rows_by_split)[-1]
    served = spec.files[file_for(spec, CPU)].precision
    for split, rows in rows_by_split.items():
        evaluations = {}
        for precision in [form for form in GRAPHS if _file(form) in spec.files] + ["fp32"]:
            assessor = evaluate.load(str(folder), precision, threads)
            evaluations[precision] = evaluate.score(assessor, rows)
        losses = {precision: accuracy_gate.loss(evaluations["fp32"], evaluation) for precision, evaluation in evaluations.items()}
        if is_gated and split == "val":
            accuracy_gate.check(_file(served), losses[served])
        assessor = evaluate.load(str(folder), served, threads)
        full_evaluation = evaluate.measure(assessor, [*rows, *photos.outside[split]], robustness=split == last)
        reports = {served: full_evaluation.report, f"{served}_quick": evaluations[served].report}
        reports |= {precision: evaluation.report for precision, evaluation in evaluations.items() if precision != served}
        figures[split] = {name: {**report, **losses[name.removesuffix("_quick")].report()} for name, report in reports.items()}
        if split == last:
            plots.write(full_evaluation.answers, full_evaluation.report, folder / "plots")
    return figures


def measure_refusals(folder: Path, photos: abstention.Photos, threads: int) -> dict[str, Any]:
    """How the served file tells which photos to answer, and how many that are no lesions it sends back."""
    spec = ModelSpec.read(folder)
    assessor = evaluate.load(str(folder), spec.files[file_for(spec, CPU)].precision, threads)
    figures: dict[str, Any] = {"gate": abstention.measure(assessor, photos)}
    if "test" in photos.others:
        figures["not_lesions"] = abstention.refusals(assessor, photos.others["test"], photos.test)
    return figures


def _origin(rows: "Rows", calibration: int) -> dict[str, Any]:
    """How many photos of each source the weights were trained on, and how many lesions are on both sides: none, if it is fair."""
    training_rows, measured_rows = rows.train, [*rows.val, *rows.test]
    return {
        "trained_on": dict(sorted(Counter(row.subset or "unnamed" for row in training_rows).items())),
        "calibration_photos": calibration,
        "lesions_on_both_sides": len({row.group for row in training_rows} & {row.group for row in measured_rows}),
    }


def commit() -> str:
    """The commit whose code made the folder, or "" outside a git checkout."""
    process = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return process.stdout.strip()
