import csv
import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from skinapp.assessment.assessor import Assessor
from skinapp.imaging import decode
from skinapp.labels import CODES
from skinapp.model.session import CPU, Outputs, Session
from skinapp.model.spec import Look, ModelSpec, sha256
from tests import TINY_MODEL
from train.__main__ import app
from train.calibrate import answers
from train.data import dataset
from train.evaluate import faults, metrics
from train.evaluate import run as evaluate


def command(drawn, labels, out, *more: str):
    where = ["--images", str(drawn), "--labels", str(labels), "--json", str(out)]
    return CliRunner().invoke(app, ["evaluate", *where, *more])


@pytest.fixture(scope="module")
def eight_bit(tmp_path_factory):
    """The tiny model under the name that `--precision int8` looks for."""
    folder = shutil.copytree(TINY_MODEL, tmp_path_factory.mktemp("eight_bit") / "model")
    config = json.loads((folder / "config.json").read_text())
    config["skinapp"]["files"]["model_fp32.onnx"]["precision"] = "int8"
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def full(drawn, eight_bit, tmp_path_factory):
    """The folder and the report of an evaluation with everything that it measures unless told otherwise."""
    out = tmp_path_factory.mktemp("full")
    with (drawn / "labels.csv").open(newline="") as file:
        records = list(csv.DictReader(file))
    with (out / "people.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "dx", "lesion_id", "sex", "age", "localization"])
        writer.writeheader()
        for number, one in enumerate(records):
            told = {"lesion_id": f"l{number // 2}", "sex": ("male", "female")[number % 2], "age": number, "localization": "back"}
            writer.writerow({"file": one["file"], "dx": one["dx"], **told})
    ran = command(drawn, out / "people.csv", out / "out.json", "--model", str(eight_bit))
    assert ran.exit_code == 0, ran.output
    return out, json.loads((out / "out.json").read_text())


def test_the_command_scores_the_onnx_file_through_the_apps_own_code(drawn, eight_bit, tmp_path):
    labels, out = drawn / "labels.csv", tmp_path / "made" / "for it" / "out.json"
    ran = command(drawn, labels, out, "--model", str(eight_bit), "--split", "test", "--no-robustness")
    assert ran.exit_code == 0, ran.output
    report = json.loads(out.read_text())
    rows = dataset.read_rows(drawn, labels, "test")
    assessor = Assessor.load(str(eight_bit), "cpu")
    chances = np.stack([assessor.read_and_assess(row.path)[1].chances for row in rows])
    truths = np.array([row.target for row in rows])
    assert report["n"] == 14 and report["looks"] == 1 and report["model"]["file"] == "model_fp32.onnx"
    assert report["balanced_accuracy"]["value"] == pytest.approx(metrics.balanced_accuracy(chances, truths), abs=1e-4)
    assert report["ece"]["value"] == pytest.approx(metrics.ece(chances, truths), abs=1e-4)
    assert {"accuracy", "recall", "auc", "melanoma", "urgent_called_low"} <= report.keys()
    assert report["recall"].keys() == set(CODES) and report["melanoma"].keys() >= {"sensitivity", "specificity", "auc"}
    assert "robustness" not in report
    assert {path.name for path in (out.parent / "plots").iterdir()} == {"reliability.png", "confusion.png", "roc.png"}


def test_every_option_is_in_the_report(drawn, eight_bit, tmp_path):
    labels, out = drawn / "labels.csv", tmp_path / "out.json"
    command(drawn, labels, out, "--model", str(eight_bit), "--split", "val", "--threads", "1", "--no-robustness", "--no-careful")
    report = json.loads(out.read_text())
    assert report["n"] == 21 and report["looks"] == 1
    assert report["options"] == {
        "model": str(eight_bit),
        "images": drawn.name,
        "labels": "labels.csv",
        "labels_sha256": sha256(labels),
        "split": "val",
        "precision": "int8",
        "threads": 1,
        "robustness": False,
        "careful": False,
    }


def test_without_a_split_every_row_is_scored_with_its_lesion_and_its_people(full):
    _, report = full
    assert report["n"] == 91 and report["lesions"] == 46
    assert {name: one["n"] for name, one in report["subgroups"]["sex"].items()} == {"female": 45, "male": 46}
    assert report["subgroups"]["site"]["trunk"]["n"] == 91
    assert [one["n"] for one in report["subgroups"]["age"].values()] == [30, 15, 15, 15, 16]
    assert report["subgroups"]["skin_tone"].keys() == {"light"}  # drawings.SKIN
    counted = sum(count for row in report["confusion"].values() for count in row.values())
    assert counted == 91 == sum(count for row in report["priorities"].values() for count in row.values())


def test_each_fault_is_scored_as_the_app_would_answer_its_photos(full, drawn, eight_bit):
    out, report = full
    assert report["robustness"]["faults"].keys() == faults.FAULTS.keys()
    rows = dataset.read_rows(drawn, out / "people.csv")
    assessor = Assessor.load(str(eight_bit), "cpu")
    photos = [decode.read(row.path) for row in rows]
    for name in ("darker", "quarter_turn"):
        clean, faulty = assessor.assess(photos), assessor.assess([faults.FAULTS[name].change(photo) for photo in photos])
        kept = np.mean([one.top == other.top for one, other in zip(clean, faulty, strict=True)])
        assert report["robustness"]["faults"][name]["kept"]["value"] == pytest.approx(kept, abs=1e-4)
        chances = np.stack([one.chances for one in faulty])
        found = metrics.balanced_accuracy(chances, np.array([row.target for row in rows]))
        assert report["robustness"]["faults"][name]["balanced_accuracy"]["value"] == pytest.approx(found, abs=1e-4)


def test_the_plots_are_small_pngs_and_the_same_bytes_in_every_run(full, drawn, eight_bit, tmp_path):
    out, report = full
    again = evaluate.measure(
        evaluate.load(str(eight_bit), "int8", 0), dataset.read_rows(drawn, out / "people.csv"), robustness=True
    )
    evaluate.write(again, tmp_path / "again.json")
    names = {"reliability.png", "confusion.png", "roc.png", "robustness.png"}
    assert {path.name for path in (out / "plots").iterdir()} == names == {path.name for path in (tmp_path / "plots").iterdir()}
    for name in names:
        content = (out / "plots" / name).read_bytes()
        assert content == (tmp_path / "plots" / name).read_bytes() and len(content) < 60_000
        assert decode.read(content).shape[1] == 660
        assert not any(chunk in content for chunk in (b"tEXt", b"iTXt", b"tIME"))
    assert json.loads((tmp_path / "again.json").read_text()) == {key: report[key] for key in again.report}


def test_a_table_of_files_and_lesions_alone_is_enough(drawn, eight_bit, tmp_path):
    """As of a test set that nobody has seen: one lesion alone, no splits, no lesion ids, nothing about people."""
    (tmp_path / "bare.csv").write_text("file,dx\n" + "".join(f"nv{number}.png,nv\n" for number in range(3)))
    ran = command(drawn, tmp_path / "bare.csv", tmp_path / "out.json", "--model", str(eight_bit))
    assert ran.exit_code == 0, ran.output
    text = (tmp_path / "out.json").read_text()
    report = json.loads(text)
    assert "NaN" not in text and report["melanoma"]["auc"] == {"value": None, "low": None, "high": None}
    assert report["n"] == report["lesions"] == 3 and set(report["subgroups"]) == {"rule", "skin_tone"}


def test_a_precision_that_the_folder_lacks_is_named(drawn, tmp_path):
    ran = command(drawn, drawn / "labels.csv", tmp_path / "out.json", "--model", str(TINY_MODEL), "--precision", "w8")
    assert ran.exit_code == 2
    assert "The model holds no w8 file (only model_fp32.onnx); choose another --precision." in ran.output


def test_a_folder_without_the_trained_weights_says_so(drawn, tmp_path):
    ran = command(drawn, drawn / "labels.csv", tmp_path / "out.json", "--model", str(TINY_MODEL), "--precision", "fp32")
    assert ran.exit_code == 2
    assert "The model holds no model.safetensors (only model_fp32.onnx); choose another --precision." in ran.output


def test_the_temperature_is_the_one_the_logits_were_made_with():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20000, 7)).astype(np.float32)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truths = np.array([rng.choice(7, p=row / row.sum()) for row in chances.astype(float)])
    assert answers.temperature(logits * 2.5, truths) == pytest.approx(2.5, rel=0.03)


def test_thresholds_find_their_share_and_never_hide_the_likeliest_lesion():
    rng = np.random.default_rng(0)
    truths = rng.integers(7, size=3000)
    chances = rng.dirichlet(np.ones(7), 3000)
    chances[np.arange(3000), truths] += 0.5
    chances /= chances.sum(1, keepdims=True)
    found = answers.thresholds(chances, truths)
    for code, wanted in answers.SENSITIVITY.items():
        own = chances[truths == CODES.index(code), CODES.index(code)]
        assert (own >= found[code]).mean() >= wanted and found[code] <= 1 / 7
    assert found["near_mel"] == pytest.approx(0.8 * found["mel"], abs=1e-4)


def test_calibration_sets_every_number_of_the_answer(drawn):
    spec = ModelSpec.read(TINY_MODEL)
    runs = Session(TINY_MODEL / "model_fp32.onnx", spec, CPU)
    rows = dataset.read_rows(drawn, drawn / "labels.csv", "val")
    found = answers.calibrate(replace(spec, looks=(Look("middle", 0), Look("middle", 2))), runs, rows, rows)
    assert found.temperature != spec.temperature and found.thresholds != spec.thresholds
    assert all(0 <= found.heatmap.floor[code] < found.heatmap.full[code] for code in CODES)


class Looks:
    """Maps that show the photo's own darkness, with cells that look `shift` cells past themselves."""

    provider = "none"

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def run(self, pixels: np.ndarray) -> Outputs:
        cells = [
            cv2.warpAffine(-one[0], np.array([[1, 0, -4 * self.shift], [0, 1, -4 * self.shift]]), (32, 32)) for one in pixels
        ]
        cams = np.stack([[cv2.resize(cell, (8, 8), interpolation=cv2.INTER_AREA)] * 7 for cell in cells])
        return Outputs(np.zeros((len(pixels), 7), np.float32), cams.astype(np.float32), np.zeros((len(pixels), 1), np.float32))


@pytest.mark.parametrize("shift", [0.0, 0.25, -0.4])
def test_the_shift_of_the_maps_is_measured(drawn, shift):
    rows = dataset.read_rows(drawn, drawn / "labels.csv", "val")
    assert answers.map_shift(ModelSpec.read(TINY_MODEL), Looks(shift), rows) == pytest.approx(shift, abs=0.1)
