import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file

from export import build
from export.quantization import accuracy_gate
from export.release import card
from skinapp.assessment import triage
from skinapp.assessment.assessor import Assessor
from skinapp.imaging import decode, preprocess
from skinapp.labels import CODES
from skinapp.model.hub import EMBEDDED, EMBEDDED_PHONE
from skinapp.model.spec import LesionHead, ModelSpec, sha256
from tests.support import model_folder
from train.calibrate import abstention, answers, quality_limits
from train.data.dataset import DataError, read_rows
from train.data.splits import train_and_val
from train.evaluate import faults
from train.evaluate import run as evaluate
from train.network import model


@pytest.fixture(scope="module")
def folder(drawn, tmp_path_factory):
    """A complete model folder of a tiny network with random weights."""
    return model_folder.make("test_efficientnet", drawn, tmp_path_factory.mktemp, tuple(build.GRAPHS))


def test_the_folder_is_complete_and_every_hash_is_true(folder):
    spec = ModelSpec.read(folder)
    assert set(spec.files) == {"model_int8.onnx", "model_int8_trt.onnx", "model_w8.onnx", "model.safetensors"}
    for name, file in spec.files.items():
        assert sha256(folder / name) == file.sha256
    assert {path.name for path in folder.iterdir()} == {*spec.files, "config.json", "metrics.json", "README.md", "plots"}


def test_the_last_layer_alone_leans_towards_common_lesions(folder, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "LEANS", np.array([0.5]))
    net = model.create("test_efficientnet", activation="relu")
    model.save_half(net, tmp_path / "model.safetensors")
    about = {"architecture": "test_efficientnet", "activation": "relu"}
    rows = [row for row in read_rows(drawn, drawn / "labels.csv") if row.target != 2]
    power = build.write_weights(about, model.transform(net, 64), tmp_path / "model.safetensors", rows, 1, tmp_path / "leaned")
    before, after = (load_file(tmp_path / name) for name in ("model.safetensors", "leaned"))
    common = np.log(np.bincount([row.target for row in rows], minlength=7) + 1)
    shift = (after["classifier.bias"].double() - before["classifier.bias"].double()).numpy()
    assert power == 0.5 and 0 <= ModelSpec.read(folder).provenance["lean"] <= 1
    np.testing.assert_allclose(shift, power * (common - common.mean()), atol=2e-3)
    assert {name for name in before if not torch.equal(before[name], after[name])} == {"classifier.bias"}


def test_the_app_answers_with_it(folder, drawn):
    report = Assessor.load(str(folder), "cpu").read_and_assess(drawn / "mel0.png")[1].to_dict()
    assert report["model"]["file"] == "model_int8.onnx" and report["model"]["precision"] == "int8"


def test_weights_stored_in_int8_answer_as_float_does(folder, drawn):
    photos = [Assessor.load(str(folder), "cpu").read_and_assess(drawn / f"nv{number}.png")[0] for number in range(4)]
    said = {name: evaluate.load(str(folder), name, 1).assess(photos) for name in ("w8", "fp32")}
    for ours, exact in zip(said["w8"], said["fp32"], strict=True):
        np.testing.assert_allclose(ours.chances, exact.chances, atol=0.02)
        np.testing.assert_allclose(ours.evidence.cams, exact.evidence.cams, atol=0.05 * np.abs(exact.evidence.cams).max())


def test_timm_loads_the_folder_as_its_own(folder, drawn):
    net = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    spec, photo = ModelSpec.read(folder), decode.read(drawn / "bcc0.png")
    with torch.inference_mode():
        logits = net(torch.from_numpy(preprocess.batch([photo], spec.transform)))
    exact = evaluate.load(str(folder), "fp32", 1).assess([photo])[0]
    np.testing.assert_allclose(triage.probabilities(logits.numpy(), spec.temperature)[0], exact.chances, atol=1e-5)


def test_the_metrics_are_those_of_each_file_on_each_split(folder, drawn):
    metrics = json.loads((folder / "metrics.json").read_text())
    refused, gate = metrics.pop("not_lesions"), metrics.pop("gate")
    assert set(gate) == {"lesions", "scores"} and gate["lesions"]["n"] == 14
    assert {kind: found["n"] for kind, found in refused.items()} == {"stripes": 4}
    assert {split: set(found) for split, found in metrics.items()} == {
        name: {"int8", "int8_quick", "int8_trt", "w8", "fp32"} for name in ("val", "test")
    }
    assert metrics["test"]["int8"]["n"] == 14 and metrics["test"]["fp32"]["agrees_with_fp32"] == 1.0
    options = evaluate.Options(str(folder), drawn, drawn / "labels.csv", "test", threads=1)
    served, again = metrics["test"]["int8"], evaluate.evaluate(options).report
    assert {key: again[key] for key in again.keys() & served.keys()} == {key: served[key] for key in again.keys() & served.keys()}
    assert {"robustness", "subgroups", "confusion", "priorities"} <= again.keys() & served.keys()
    assert "robustness" not in metrics["val"]["int8"] and "subgroups" in metrics["val"]["int8"]
    assert {path.name for path in (folder / "plots").iterdir()} == {f"{name}.png" for name in card.PLOTS}
    assert (folder / "metrics.json").stat().st_size < 150_000


def test_a_finished_folder_learns_anew_which_photos_to_answer(folder, drawn, tmp_path):
    again, known = tmp_path / "again", ModelSpec.read(folder)
    shutil.copytree(folder, again)
    replace(
        known, quality=quality_limits.unlimited(), lesion_head=LesionHead((0.0,) * len(known.lesion_head.weights), 0.0)
    ).write(again)
    build.recalibrate(again, drawn, drawn / "labels.csv", drawn / "others.csv", None, threads=2)
    assert ModelSpec.read(again) == known
    before, after = (json.loads((one / "metrics.json").read_text()) for one in (folder, again))
    assert after == before


def test_the_card_states_the_measured_figures(folder):
    text, metrics = (folder / "README.md").read_text(), json.loads((folder / "metrics.json").read_text())
    found = metrics["test"]["int8"]["balanced_accuracy"]
    assert f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})" in text
    assert "not a medical device" in text and "random weights" in text and "no lesion is in two splits" in text
    assert "HAM10000" not in text and "56 photos: unnamed, licence not stated." in text
    assert "percentile ranges over 56 training photos" in text


def test_the_card_has_the_four_parts_of_clear_derm_each_with_what_was_measured(folder):
    text, served = (folder / "README.md").read_text(), json.loads((folder / "metrics.json").read_text())["test"]["int8"]
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    about = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert list(about) == ["Data", "Technique", "Technical assessment", "Application"]
    assert "14 of `test`; skin tone in the photo (ITA): light 14." in about["Data"]
    low = served["priorities"]["urgent"]["low"]
    assert f"**Of 2 photos of melanomas {low} were called Low.**" in about["Technical assessment"]
    for name, fault in faults.FAULTS.items():
        assert f"| {name.replace('_', ' ')} ({fault.strength}) | " in about["Technical assessment"]
    assert "| light | 14 | 2 | too few | too few | too few | too few | too few |" in about["Technical assessment"]
    assert "nothing is claimed: skin tone in the photo (ITA) light." in about["Application"]
    for name in card.PLOTS:
        assert f"](plots/{name}.png)" in about["Technical assessment"]


def test_the_card_promises_nothing_of_a_person(folder):
    text = (folder / "README.md").read_text().lower()
    assert "diagnos" not in text and not re.search(r"\bsafe\b", text)


def test_the_card_of_weights_from_ham10000_says_where_photos_labels_and_first_weights_are_from(folder):
    spec, figures = ModelSpec.read(folder), json.loads((folder / "metrics.json").read_text())
    recipe = {**spec.provenance["recipe"], "init": "tf_efficientnetv2_b0.second-fit.safetensors"}
    known = replace(spec, provenance={**spec.provenance, "recipe": recipe, "trained_on": {"ham10000": 7562, "isic2017": 2268}})
    text = card.render(known, figures)
    assert "license: cc-by-nc-4.0" in text and "- 7562 photos: HAM10000 (Tschandl, Rosendahl, Kittler" in text
    assert "by histopathology in 5340" in text and "non-commercial use" in text and "ISIC 2017, ISIC Archive, CC-0" in text
    assert "a second fit on the same photos (7 epochs at 192 pixels, rate 7e-4)" in text and "names no licence" in text
    assert "light skin" in text and "dermatoscope" in text


def test_the_embedded_models_card_is_what_its_figures_make_and_tells_of_reduced_reading():
    text = (EMBEDDED / "README.md").read_text()
    assert text == card.render(ModelSpec.read(EMBEDDED), json.loads((EMBEDDED / "metrics.json").read_text()))
    assert "at the smallest of libjpeg's scales (1/2, 1/4, 1/8)" in text and "largest change of a probability was 0.16" in text


def test_the_card_of_the_embedded_model_for_phones_is_what_its_figures_make():
    figures = json.loads((EMBEDDED_PHONE / "metrics.json").read_text())
    assert (EMBEDDED_PHONE / "README.md").read_text() == card.render(ModelSpec.read(EMBEDDED_PHONE), figures)
    assert {"model_float16.tflite", "model_int8.tflite"} <= figures["mobile"].keys(), "what apps get was measured"


def test_the_card_of_other_weights_says_nothing_that_was_measured_on_the_embedded_ones(folder):
    assert "libjpeg" not in (folder / "README.md").read_text()


def test_a_card_of_fewer_figures_leaves_out_what_was_not_measured(folder):
    """As of a model folder that was measured before there were faults and subgroups."""
    figures = json.loads((folder / "metrics.json").read_text())
    for precisions in (figures["val"], figures["test"]):
        for report in precisions.values():
            for key in ("robustness", "subgroups", "confusion", "priorities", "before_temperature", "macro_f1"):
                report.pop(key, None)
    text = card.render(ModelSpec.read(folder), figures)
    assert "balanced accuracy" in text
    assert not any(word in text for word in ("macro-F1", "plots/", "called Low.**", "faults", "subgroup", "None"))


def test_weights_trained_by_another_table_are_refused(drawn, tmp_path):
    (tmp_path / "train.json").write_text(json.dumps({"recipe": {"labels_sha256": "0" * 64}}))
    with pytest.raises(
        DataError,
        match=r"was trained by other CSVs than .+labels\.csv; give those, in the same order, or the figures would be false\.$",
    ):
        build.build(tmp_path, tmp_path / "out", drawn, drawn / "labels.csv", None, threads=1)


def test_a_folder_with_a_changed_file_is_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    with (copy / "model_int8.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(Exception, match="is not the file that config"):
        Assessor.load(str(copy), "cpu")


def test_a_folder_for_phones_holds_one_graph_that_cpus_are_served_by(drawn, tmp_path_factory):
    """The hidden layer of its head, more than half of the weights, is stored as INT8 as well."""
    folder = model_folder.make("mobilenetv3_small_100", drawn, tmp_path_factory.mktemp, ("w8",))
    spec, served = ModelSpec.read(folder), Assessor.load(str(folder), "cpu")
    assert set(spec.files) == {"model_w8.onnx", "model.safetensors"} and served.model.precision == "w8"
    assert (folder / "model_w8.onnx").stat().st_size < 1.75e6 < 3e6 < (folder / "model.safetensors").stat().st_size
    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(metrics["test"]) == {"w8", "w8_quick", "fp32"} and metrics["test"]["w8"]["n"] == 14
    assert "ONNX with INT8 weights" in (folder / "README.md").read_text()
    photos = [decode.read(drawn / f"{code}0.png") for code in CODES]
    for ours, exact in zip(served.assess(photos), evaluate.load(str(folder), "fp32", 1).assess(photos), strict=True):
        np.testing.assert_allclose(ours.chances, exact.chances, atol=0.02)
        np.testing.assert_allclose(ours.evidence.cams, exact.evidence.cams, atol=0.05 * np.abs(exact.evidence.cams).max())


def test_a_form_of_the_weights_that_there_is_no_file_of_is_refused(drawn, tmp_path):
    (tmp_path / "train.json").write_text(json.dumps({"recipe": {"labels_sha256": sha256(drawn / "labels.csv")}}))
    with pytest.raises(DataError, match=r"^There is no int4 file of the weights; choose from int8, int8_trt, w8\.$"):
        build.build(tmp_path, tmp_path / "out", drawn, drawn / "labels.csv", None, threads=1, forms=["w8", "int4"])


def test_a_file_that_loses_too_much_is_refused_and_can_be_looked_at(folder, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy_gate, "LIMITS", replace(accuracy_gate.LIMITS, maps_apart=-1.0))
    val = train_and_val(read_rows(drawn, drawn / "labels.csv"), 0.2, 0)[1]
    photos, copy = abstention.Photos([], val, [], {}, None), shutil.copytree(folder, tmp_path / "copy")
    with pytest.raises(accuracy_gate.GateError, match=r"^model_int8.onnx loses too much against FP32 on val: .*maps_apart 0"):
        build.measure(copy, photos, threads=2, is_gated=True)
    found = build.measure(copy, photos, threads=2, is_gated=False)["val"]
    apart = {precision: report["lost_against_fp32"]["maps_apart"] for precision, report in found.items()}
    assert apart["fp32"] == 0 and apart["w8"] < apart["int8"] < apart["int8_trt"]
