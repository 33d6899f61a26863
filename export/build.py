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
        every = dataset.read_all(images, labels)
        rows = [row for row in every if not row.outside]
        train, val = splits.train_and_val(rows, recipe["val_share"], recipe["seed"])
        return cls(train, val, [row for row in rows if row.split == "test"], [row for row in every if row.outside])

    @property
    def to_choose_by(self) -> list[dataset.Row]:
        """Those of val, with the squamous cell carcinomas among them: they mustn't be called Low."""
        return [*self.val, *(row for row in self.outside if row.split == "val" and row.outside == "scc")]

    def photos(self, images: Path, others: Path | None, masks: Path | None) -> abstention.Photos:
        """As the gate is taught and measured by them."""
        strangers = dataset.read_others(images, others) if others else {}
        outside = {split: [row for row in self.outside if row.split == split] for split in ("val", "test")}
        return abstention.Photos(self.train, self.val, self.test, strangers, masks, outside)


def build(
    checkpoint: Path,
    out: Path,
    images: Path,
    labels: dataset.Labels,
    others: Path | None,
    threads: int,
    gated: bool = True,
    masks: Path | None = None,
    forms: Sequence[str] = tuple(GRAPHS),
) -> ModelSpec:
    """Write the model folder `out` from a folder that `train fit` left its best weights in, with these forms of the weights: the
    first is served on CPUs, and all numbers are chosen on it.

    `others` is a CSV (file, kind, split) of photos that are no lesions: those of split val teach the model to refuse them, those
    of split test tell how well it does. `masks` is a folder of lesions' outlines, that teach it where the lesion lies.
    """
    about = json.loads((checkpoint / "train.json").read_text(encoding="utf-8"))
    if about["recipe"]["labels_sha256"] != dataset.fingerprint(labels):
        raise dataset.DataError(
            f"{checkpoint} was trained by other CSVs than {', '.join(map(str, dataset.tables(labels)))}; give those, in the same "
            "order, or the figures would be false."
        )
    if unknown := [form for form in forms if form not in GRAPHS]:
        raise dataset.DataError(f"There is no {unknown[0]} file of the weights; choose from {', '.join(GRAPHS)}.")
    shown = Transform(**{key: tuple(v) if isinstance(v, list) else v for key, v in about["transform"].items()})
    every = Rows.read(images, labels, about["recipe"])
    out.mkdir(parents=True, exist_ok=True)
    leaned = write_weights(about, shown, checkpoint / WEIGHTS, every.val, threads, out / WEIGHTS)
    calibration_rows = splits.balanced(every.train, CALIBRATION_PHOTOS)
    write_graphs(about["architecture"], about["activation"], shown, calibration_rows, out, forms)
    origin = _origin(every, len(calibration_rows))
    spec = _uncalibrated(about, shown, out, forms, {"lean": leaned, **origin})
    runs = Session(out / file_for(spec, CPU), spec, CPU, threads)
    photos = every.photos(images, others, masks)
    spec = abstention.fit_abstention(answers.calibrate(spec, runs, every.to_choose_by, photos.known), runs, photos)
    spec.write(out)
    write_figures(out, spec, {**measure(out, photos, threads, gated), **measure_refusals(out, photos, threads)})
    return spec


def recalibrate(
    folder: Path, images: Path, labels: dataset.Labels, others: Path | None, masks: Path | None, threads: int
) -> ModelSpec:
    """Choose all numbers of a finished model folder's answers anew, and measure it anew; its weight files stay as they are."""
    spec = ModelSpec.read(folder)
    recipe = spec.provenance["recipe"]
    every = Rows.read(images, labels, recipe)
    photos = every.photos(images, others, masks)
    runs = Session(folder / file_for(spec, CPU), spec, CPU, threads)
    spec = replace(spec, looks=LOOKS)
    spec = abstention.fit_abstention(answers.calibrate(spec, runs, every.to_choose_by, photos.known), runs, photos)
    spec.write(folder)
    write_figures(folder, spec, {**measure(folder, photos, threads, gated=False), **measure_refusals(folder, photos, threads)})
    return spec


def write_figures(folder: Path, spec: ModelSpec, figures: dict[str, Any]) -> None:
    """Write metrics.json and the card that is made of it."""
    (folder / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card.render(spec, figures), encoding="utf-8")


def write_weights(
    about: Mapping[str, Any], shown: Transform, trained: Path, rows: Sequence[dataset.Row], threads: int, out: Path
) -> float:
    """The trained weights, their last layer leaned towards the common lesions as far as suits these rows; returns how far."""
    net = model.load(about["architecture"], trained, about["activation"])
    answer = answers.predict(shown, TorchSession(net, threads), [row.path for row in rows])
    power, shift = answers.lean(answer.logits, rows)
    with torch.no_grad():
        net.get_classifier().bias += torch.from_numpy(shift)
    model.save_half(net, out)
    return power


def write_graphs(
    architecture: str, activation: str, shown: Transform, rows: Sequence[dataset.Row], out: Path, forms: Sequence[str]
) -> None:
    """The ONNX files of these forms, from the FP16-rounded weights in `out`."""
    with TemporaryDirectory() as scratch:
        full = Path(scratch) / "model_fp32.onnx"
        graph.to_onnx(model.load(architecture, out / WEIGHTS, activation), shown.input_size, full)
        pixels = [preprocess.batch([decode.read(row.path)], shown)[0] for row in rows]
        some = pixels[:: max(1, len(pixels) // ROUNDING_PHOTOS)]
        float_graph, head = onnx.load(full), graph.head_nodes(full)
        equalize(float_graph, head, some)
        onnx.save(float_graph, full)
        weights = round_weights(float_graph, head, some)
        configs = {"int8": quantize.CPU, "int8_trt": quantize.TENSORRT}
        found = quantize.ranges(full, pixels) if configs.keys() & set(forms) else None
        for form in forms:
            if form in configs:
                quantize.to_int8(full, configs[form], found, weights, out / _file(form))
            else:
                quantize.to_w8(full, weights, out / _file(form))


def _file(form: str) -> str:
    """The name of the ONNX file of a form of the weights."""
    return f"model_{form}.onnx"


def _uncalibrated(about: dict[str, Any], shown: Transform, out: Path, forms: Sequence[str], more: dict[str, Any]) -> ModelSpec:
    """A spec whose numbers of the answer are yet to be chosen: nothing is refused, nothing scaled."""
    teachers = [Path(folder).parent.name for folder in about["recipe"].get("teachers", [])]
    recipe = {**about["recipe"], "init": Path(about["recipe"]["init"]).name, "teachers": teachers}
    provenance = {"commit": _commit(), "recipe": recipe, **more}
    providers = {form: (GRAPHS[form],) for form in forms}
    providers[forms[0]] = tuple(dict.fromkeys([CPU.ort_name, GRAPHS[forms[0]]]))
    files = {_file(form): ModelFile(sha256(out / _file(form)), form, own) for form, own in providers.items()}
    return ModelSpec(
        architecture=about["architecture"],
        activation=about["activation"],
        labels=CODES,
        transform=shown,
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


def measure(folder: Path, photos: abstention.Photos, threads: int, gated: bool) -> dict[str, Any]:
    """The figures of every precision on val and test, and what the quantized files lose against FP32; with `gated`, a served file
    that lost too much on val is refused before test is looked at.

    All are from one look at a photo, but the served file's, which answers carefully, as the app does; it also has figures by
    view, by subgroup and of lesions outside of the seven, on the last split those under faults of cameras, and the plots.
    """
    found: dict[str, Any] = {}
    splits_ = {split: rows for split, rows in {"val": photos.val, "test": photos.test}.items() if rows}
    spec, last = ModelSpec.read(folder), list(splits_)[-1]
    served = spec.files[file_for(spec, CPU)].precision
    for split, rows in splits_.items():
        said = {}
        for precision in [form for form in GRAPHS if _file(form) in spec.files] + ["fp32"]:
            assessor = evaluate.load(str(folder), precision, threads)
            said[precision] = evaluate.score(assessor, rows)
        lost = {precision: accuracy_gate.loss(said["fp32"], one) for precision, one in said.items()}
        if gated and split == "val":
            accuracy_gate.check(_file(served), lost[served])
        assessor = evaluate.load(str(folder), served, threads)
        whole = evaluate.measure(assessor, [*rows, *photos.outside[split]], robustness=split == last)
        reports = {served: whole.report, f"{served}_quick": said[served].report}
        reports |= {precision: one.report for precision, one in said.items() if precision != served}
        found[split] = {name: {**report, **lost[name.removesuffix("_quick")].report()} for name, report in reports.items()}
        if split == last:
            plots.write(whole.answers, whole.report, folder / "plots")
    return found


def measure_refusals(folder: Path, photos: abstention.Photos, threads: int) -> dict[str, Any]:
    """How the served file tells which photos to answer, and how many that are no lesions it sends back."""
    spec = ModelSpec.read(folder)
    assessor = evaluate.load(str(folder), spec.files[file_for(spec, CPU)].precision, threads)
    found: dict[str, Any] = {"gate": abstention.measure(assessor, photos)}
    if "test" in photos.others:
        found["not_lesions"] = abstention.refusals(assessor, photos.others["test"], photos.test)
    return found


def _origin(every: "Rows", calibration: int) -> dict[str, Any]:
    """How many photos of each source the weights were trained on, and how many lesions are on both sides: none, if it is fair."""
    trained, scored = every.train, [*every.val, *every.test]
    return {
        "trained_on": dict(sorted(Counter(row.subset or "unnamed" for row in trained).items())),
        "calibration_photos": calibration,
        "lesions_on_both_sides": len({row.group for row in trained} & {row.group for row in scored}),
    }


def _commit() -> str:
    """The commit whose code made the folder, or "" outside a git checkout."""
    ran = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return ran.stdout.strip()
