import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
import timm
import torch

from export import build
from skinapp import image, preprocess, triage
from skinapp.assessor import Assessor
from skinapp.spec import ModelSpec, sha256
from train import evaluate, model
from train.data import DataError


@pytest.fixture(scope="module")
def folder(drawn, tmp_path_factory):
    """A complete model folder of a tiny network with random weights."""
    checkpoint = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(0)
    net = model.create("test_efficientnet")
    model.save_half(net, checkpoint / "model.safetensors")
    digest = sha256(drawn / "labels.csv")
    recipe = {"init": "", "epochs": 1, "size": 64, "eval_size": 64, "val_share": 0.2, "seed": 0, "labels_sha256": digest}
    about = {"architecture": "test_efficientnet", "transform": asdict(model.transform(net, 64)), "recipe": recipe}
    (checkpoint / "train.json").write_text(json.dumps(about))
    out = tmp_path_factory.mktemp("folder")
    build.build(checkpoint, out, drawn, drawn / "labels.csv", drawn / "others.csv", threads=2)
    return out


def test_the_folder_is_complete_and_every_hash_is_true(folder):
    spec = ModelSpec.read(folder)
    assert set(spec.files) == {"model_int8.onnx", "model_int8_trt.onnx", "model_w8.onnx", "model.safetensors"}
    for name, file in spec.files.items():
        assert sha256(folder / name) == file.sha256
    assert {path.name for path in folder.iterdir()} == {*spec.files, "config.json", "metrics.json", "README.md"}


def test_the_app_answers_with_it(folder, drawn):
    report = Assessor.load(str(folder), "cpu").read_and_assess(drawn / "mel0.png")[1].to_dict()
    assert report["model"]["file"] == "model_int8.onnx" and report["model"]["precision"] == "int8"


def test_weights_stored_in_int8_answer_as_float_does(folder, drawn):
    photos = [Assessor.load(str(folder), "cpu").read_and_assess(drawn / f"nv{number}.png")[0] for number in range(4)]
    said = {name: evaluate.load(str(folder), name, 1).assess(photos) for name in ("w8", "fp32")}
    for ours, exact in zip(said["w8"], said["fp32"], strict=True):
        np.testing.assert_allclose(ours.chances, exact.chances, atol=0.02)
        np.testing.assert_allclose(ours.cams, exact.cams, atol=0.05 * np.abs(exact.cams).max())


def test_timm_loads_the_folder_as_its_own(folder, drawn):
    net = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    spec, photo = ModelSpec.read(folder), image.read(drawn / "bcc0.png")
    with torch.inference_mode():
        logits = net(torch.from_numpy(preprocess.batch([photo], spec.transform)))
    exact = evaluate.load(str(folder), "fp32", 1).assess([photo])[0]
    np.testing.assert_allclose(triage.probabilities(logits.numpy(), spec.temperature)[0], exact.chances, atol=1e-5)


def test_the_metrics_are_those_of_each_file_on_each_split(folder, drawn):
    metrics = json.loads((folder / "metrics.json").read_text())
    refused = metrics.pop("not_lesions")
    assert {kind: found["n"] for kind, found in refused.items()} == {"stripes": 4}
    assert {split: set(found) for split, found in metrics.items()} == {
        name: {"int8", "int8_trt", "w8", "fp32"} for name in ("val", "test")
    }
    assert metrics["test"]["int8"]["n"] == 14 and metrics["test"]["fp32"]["agrees_with_fp32"] == 1.0
    again = evaluate.evaluate(str(folder), drawn, drawn / "labels.csv", "test", "int8", 1)
    assert again["accuracy"] == metrics["test"]["int8"]["accuracy"]


def test_the_card_states_the_measured_figures(folder):
    card, metrics = (folder / "README.md").read_text(), json.loads((folder / "metrics.json").read_text())
    found = metrics["test"]["int8"]["balanced_accuracy"]
    assert f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})" in card
    assert "not a medical device" in card and "random weights" in card and "no lesion is in two splits" in card
    assert "HAM10000" not in card and "56 photos: unnamed, licence not stated." in card
    assert "percentile ranges over 56 training photos" in card


def test_weights_trained_by_another_table_are_refused(drawn, tmp_path):
    (tmp_path / "train.json").write_text(json.dumps({"recipe": {"labels_sha256": "0" * 64}}))
    with pytest.raises(
        DataError, match=r"was trained by another CSV than .+labels\.csv; give that one, or the figures would be false\.$"
    ):
        build.build(tmp_path, tmp_path / "out", drawn, drawn / "labels.csv", None, threads=1)


def test_a_folder_with_a_changed_file_is_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    with (copy / "model_int8.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(Exception, match="is not the file that config"):
        Assessor.load(str(copy), "cpu")
