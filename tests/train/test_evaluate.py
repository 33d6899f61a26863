import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from skinapp.assessor import Assessor
from skinapp.labels import CODES
from skinapp.session import CPU, Answer, Session
from skinapp.spec import ModelSpec
from tests import TINY_MODEL
from train import calibrate, data, metrics
from train.__main__ import app


def command(drawn, out, *more: str):
    where = ["--images", str(drawn), "--labels", str(drawn / "labels.csv"), "--json", str(out)]
    return CliRunner().invoke(app, ["evaluate", *where, *more])


@pytest.fixture
def eight_bit(tmp_path):
    """The tiny model under the name that `--precision int8` looks for."""
    folder = shutil.copytree(TINY_MODEL, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["skinapp"]["files"]["model_fp32.onnx"]["precision"] = "int8"
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_the_command_scores_the_onnx_file_through_the_apps_own_code(drawn, eight_bit, tmp_path):
    ran = command(drawn, tmp_path / "out.json", "--model", str(eight_bit), "--split", "test")
    assert ran.exit_code == 0, ran.output
    report = json.loads((tmp_path / "out.json").read_text())
    rows = data.read_rows(drawn, drawn / "labels.csv", "test")
    assessor = Assessor.load(str(eight_bit), "cpu")
    chances = np.stack([assessor.read_and_assess(row.path)[1].chances for row in rows])
    truths = np.array([row.target for row in rows])
    assert report["n"] == 14 and report["split"] == "test" and report["model"]["file"] == "model_fp32.onnx"
    assert report["balanced_accuracy"]["value"] == pytest.approx(metrics.balanced_accuracy(chances, truths), abs=1e-4)
    assert report["ece"]["value"] == pytest.approx(metrics.ece(chances, truths), abs=1e-4)
    assert {"accuracy", "recall", "auc", "melanoma", "urgent_called_low"} <= report.keys()
    assert report["recall"].keys() == set(CODES) and report["melanoma"].keys() >= {"sensitivity", "specificity", "auc"}


def test_without_a_split_every_row_is_scored(drawn, eight_bit, tmp_path):
    assert command(drawn, tmp_path / "out.json", "--model", str(eight_bit)).exit_code == 0
    assert json.loads((tmp_path / "out.json").read_text())["n"] == 91


def test_a_precision_that_the_folder_lacks_is_named(drawn, tmp_path):
    ran = command(drawn, tmp_path / "out.json", "--model", str(TINY_MODEL), "--precision", "w8")
    assert ran.exit_code == 2
    assert "The model holds no w8 file (only model_fp32.onnx); choose another --precision." in ran.output


def test_a_folder_without_the_trained_weights_says_so(drawn, tmp_path):
    ran = command(drawn, tmp_path / "out.json", "--model", str(TINY_MODEL), "--precision", "fp32")
    assert ran.exit_code == 2
    assert "The model holds no model.safetensors (only model_fp32.onnx); choose another --precision." in ran.output


def test_the_temperature_is_the_one_the_logits_were_made_with():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20000, 7)).astype(np.float32)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truths = np.array([rng.choice(7, p=row / row.sum()) for row in chances.astype(float)])
    assert calibrate.temperature(logits * 2.5, truths) == pytest.approx(2.5, rel=0.03)


def test_thresholds_find_their_share_and_never_hide_the_likeliest_lesion():
    rng = np.random.default_rng(0)
    truths = rng.integers(7, size=3000)
    chances = rng.dirichlet(np.ones(7), 3000)
    chances[np.arange(3000), truths] += 0.5
    chances /= chances.sum(1, keepdims=True)
    found = calibrate.thresholds(chances, truths)
    for code, wanted in calibrate.SENSITIVITY.items():
        own = chances[truths == CODES.index(code), CODES.index(code)]
        assert (own >= found[code]).mean() >= wanted and found[code] <= 1 / 7


def test_calibration_sets_every_number_of_the_answer(drawn):
    spec = ModelSpec.read(TINY_MODEL)
    runs = Session(TINY_MODEL / "model_fp32.onnx", spec, CPU)
    rows = data.read_rows(drawn, drawn / "labels.csv", "val")
    found = calibrate.calibrate(spec, runs, rows)
    assert found.temperature != spec.temperature and found.thresholds != spec.thresholds
    assert all(0 <= found.heatmap.floor[code] < found.heatmap.full[code] for code in CODES)
    assert found.quality.min_short_side == 16 and 0 < found.quality.min_brightness < found.quality.max_brightness < 255


def test_the_lesion_head_tells_lesions_from_stripes_it_has_not_seen(drawn):
    spec = ModelSpec.read(TINY_MODEL)
    runs = Session(TINY_MODEL / "model_fp32.onnx", spec, CPU)
    lesions = {split: [row.path for row in data.read_rows(drawn, drawn / "labels.csv", split)] for split in ("train", "test")}
    others = {split: [path for path, _ in found] for split, found in data.read_others(drawn, drawn / "others.csv").items()}
    head = calibrate.lesion_head(spec, runs, lesions["train"], others["val"])
    taught = replace(spec, lesion_head=head)
    evidence = {name: [one.lesion_evidence for one in calibrate._look(taught, runs, paths)[1]]
                for name, paths in (("lesions", lesions["test"]), ("others", others["test"]))}  # fmt: skip
    assert metrics.auc(np.array(evidence["lesions"] + evidence["others"]), np.arange(18) < 14) > 0.9
    assert calibrate.lesion_head(spec, runs, lesions["train"], []) == spec.lesion_head


class Looks:
    """Maps that show the photo's own darkness, with cells that look `shift` cells past themselves."""

    provider = "none"

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def run(self, pixels: np.ndarray) -> Answer:
        cells = [
            cv2.warpAffine(-one[0], np.array([[1, 0, -4 * self.shift], [0, 1, -4 * self.shift]]), (32, 32)) for one in pixels
        ]
        cams = np.stack([[cv2.resize(cell, (8, 8), interpolation=cv2.INTER_AREA)] * 7 for cell in cells])
        return Answer(np.zeros((len(pixels), 7), np.float32), cams.astype(np.float32), np.zeros((len(pixels), 1), np.float32))


@pytest.mark.parametrize("shift", [0.0, 0.25, -0.4])
def test_the_shift_of_the_maps_is_measured(drawn, shift):
    rows = data.read_rows(drawn, drawn / "labels.csv", "val")
    assert calibrate.map_shift(ModelSpec.read(TINY_MODEL), Looks(shift), rows) == pytest.approx(shift, abs=0.1)


def test_real_photos_pass_the_limits_that_were_measured_on_them(drawn):
    spec = ModelSpec.read(TINY_MODEL)
    runs = Session(TINY_MODEL / "model_fp32.onnx", spec, CPU)
    rows = data.read_rows(drawn, drawn / "labels.csv")
    _, figures = calibrate._look(spec, runs, [row.path for row in rows])
    limits = calibrate.quality_limits(figures, 32)
    passing = [one.sharpness >= limits.min_sharpness and one.lesion_evidence >= limits.min_lesion_evidence for one in figures]
    assert np.mean(passing) >= 0.97
