"""Files for apps, made of a small network with random weights, and the whole way of an app held against what must come out."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnxruntime import InferenceSession
from PIL import Image

from examples.python import skinapp_litert as app
from export.release import litert, mobile, vectors
from skinapp.assessment import quality
from skinapp.imaging import decode, preprocess
from skinapp.labels import CODES
from skinapp.model.spec import ModelSpec
from tests.support import drawings, model_folder
from train.data.dataset import read_rows

FILES = (mobile.FLOAT16, mobile.INT8)


@pytest.fixture(scope="module")
def folder(drawn, tmp_path_factory):
    return model_folder.make("mobilenetv3_small_100", drawn, tmp_path_factory.mktemp, ("w8",))


@pytest.fixture(scope="module")
def out(folder, drawn, tmp_path_factory):
    """What an app's maker gets."""
    out = tmp_path_factory.mktemp("mobile")
    labels = drawn / "labels.csv"
    list(mobile.write(folder, out, mobile.Photos.read(drawn, labels, ModelSpec.read(folder)), record=True))
    return out


@pytest.fixture(scope="module")
def pixels(folder, drawn):
    photos = [decode.read(row.path) for row in read_rows(drawn, drawn / "labels.csv", "val")]
    return preprocess.batch(photos, ModelSpec.read(folder).transform)


def test_float16_answers_as_the_float_network_does_and_int8_nearly(folder, out, pixels):
    spec = ModelSpec.read(folder)
    exact = mobile.exact(folder, spec).run(pixels)
    half, whole = (litert.LiteRTSession(out / name).run(pixels) for name in FILES)
    for output in ("logits", "cams", "embedding"):
        truth, near, coarse = (getattr(answer, output) for answer in (exact, half, whole))
        assert near.shape == truth.shape and near.dtype == np.float32
        np.testing.assert_allclose(near, truth, atol=5e-3 * np.abs(truth).max())
        assert np.corrcoef(coarse.ravel(), truth.ravel())[0, 1] > 0.9, output


def test_int8_computes_in_whole_numbers_between_edges_that_are_float(out):
    half, whole = (litert.operators(out / name) for name in FILES)
    assert whole["CONV_2D"] == half["CONV_2D"] > 30 and "QUANTIZE" in whole and "DEQUANTIZE" in whole
    assert whole["DEQUANTIZE"] < 8 < half["DEQUANTIZE"], "float16 weights are widened one by one, INT8 outputs alone"


def test_the_weights_are_stored_once(out):
    """1.5 million of them; LiteRT would keep the hidden layer's twice."""
    assert 3.0e6 < (out / mobile.FLOAT16).stat().st_size < 3.5e6
    assert 1.5e6 < (out / mobile.INT8).stat().st_size < 2.5e6


def test_all_numbers_of_the_answer_are_in_the_file_itself(folder, out):
    config = json.loads((folder / "config.json").read_text())
    for name in FILES:
        with zipfile.ZipFile(out / name) as packed:
            about, labels = json.loads(packed.read("model.json")), packed.read("labels.txt").decode().split()
        assert labels == list(CODES) == about["config"]["label_names"]
        assert about == json.loads((out / "model.json").read_text(encoding="utf-8"))
        assert about["config"]["pretrained_cfg"] == config["pretrained_cfg"]
        for key in ("temperature", "thresholds", "sets", "quality", "lesion_head"):
            assert about["config"]["skinapp"][key] == config["skinapp"][key]
    assert set(about["wording"]) == {"en", "zh"} and set(about["wording"]["zh"]["lesions"]) == set(CODES)


def test_onnx_runtime_mobiles_file_answers_as_the_onnx_file_does(folder, out, pixels):
    (path,) = out.glob("*.ort")
    near, truth = (
        InferenceSession(one, providers=["CPUExecutionProvider"]).run(None, {"pixel_values": pixels})
        for one in (path, folder / "model_w8.onnx")
    )
    for one, other in zip(near, truth, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * max(1.0, np.abs(other).max()))
    (listed,) = out.glob("*.required_operators.config")
    assert "Conv" in listed.read_text()


def test_what_was_measured_stands_in_the_card_of_the_folder_and_of_the_model(folder, out):
    figures = json.loads((out / "metrics.json").read_text())
    assert set(figures) == {*FILES, "float ONNX"}
    for name in FILES:
        found = figures[name]
        assert found["bytes"] == (out / name).stat().st_size and found["median_ms_one_thread"] > 0
        assert found["test"]["all"]["n"] == 14 and 0 <= found["val"]["same_lesion"] <= 1
        value = found["test"]["all"]["balanced_accuracy"]["value"]
        for card in (out / "README.md", folder / "README.md"):
            assert f"| {name} | test, all | 14 | {value:.3f} (" in card.read_text()
    assert figures[mobile.FLOAT16]["val"]["largest_difference"] < 2e-3
    assert json.loads((folder / "metrics.json").read_text())["mobile"] == figures


def known() -> list[str]:
    return list(vectors.photos())


@pytest.mark.parametrize("name", known())
@pytest.mark.parametrize("file", FILES)
def test_an_app_in_plain_numpy_comes_to_every_number_of_the_vectors(out, name, file):
    told = json.loads((out / "vectors" / f"{name}.json").read_text(encoding="utf-8"))
    photo = app.read(out / "vectors" / told["photo"])
    assert photo.shape == (told["decoded"]["height"], told["decoded"]["width"], 3)
    model = app.Model(out, file)
    found, wanted = model.answer(photo), told["answers"][file]
    np.testing.assert_array_equal(found.view, np.asarray(Image.open(out / "vectors" / told["view"])))
    np.testing.assert_allclose(found.pixels[0].mean((0, 1)), told["pixels"]["mean"], atol=1e-4)
    np.testing.assert_allclose(found.pixels[0, 0, 0], told["pixels"]["top_left"], atol=1e-6)
    for output in ("logits", "cams", "embedding"):
        np.testing.assert_allclose(found.outputs[output], wanted[output], atol=1e-4)
    assert found.figures == pytest.approx(wanted["quality"], rel=1e-4, abs=1e-4)
    assert (found.taken, found.issues, found.priority, found.lesions) == tuple(
        wanted[key] for key in ("view", "issues", "priority", "set")
    )
    assert found.probabilities == pytest.approx(wanted["probabilities"], abs=1e-5)
    for language in ("en", "zh"):
        assert all(sentence in app.told(model, found, language) for sentence in hints(model, found, language))


def hints(model: app.Model, found: app.Answer, language: str) -> list[str]:
    words = model.about["wording"][language]
    return [*(words["issues"][issue] for issue in found.issues), words["advice"][found.priority], words["disclaimer"]]


@pytest.mark.parametrize("size", [(640, 480), (100, 333), (224, 224), (90, 64), (65, 1000)])
def test_the_apps_resize_is_the_programs_to_the_grey_level(folder, size):
    photo = drawings.lesion(*size, seed=3)
    shown = ModelSpec.read(folder).transform
    np.testing.assert_array_equal(app.centre(photo, shown.input_size[1]), preprocess.view(photo, shown))


def test_the_apps_gate_measures_what_the_programs_does(folder):
    head = ModelSpec.read(folder).lesion_head
    rng = np.random.default_rng(0)
    for seed in range(4):
        photo = drawings.lesion(64, 64, seed=seed)
        cam, embedding = rng.normal(0, 1, (2, 2)).astype(np.float32), rng.random(len(head.weights), np.float32)
        evidence = app.evidence(embedding, vars(head))
        truth = vars(quality.measure(64, photo, embedding, cam, head))
        assert app.quality(photo, photo, cam, evidence) == pytest.approx(truth, rel=1e-4, abs=1e-6)


def chances(**known: float) -> dict[str, float]:
    return {code: known.get(code, 0.0) for code in CODES}


@pytest.mark.parametrize(
    ("found", "priority"),
    [
        (chances(nv=0.6, mel=0.35), "urgent"),
        (chances(nv=0.6, bcc=0.3), "high"),
        (chances(nv=0.75, mel=0.25), "medium"),  # near melanoma's threshold
        (chances(nv=0.5, mel=0.15, bcc=0.15, akiec=0.19), "medium"),  # the malignant ones together
        (chances(nv=0.9, mel=0.1), "low"),
    ],
)
def test_the_apps_priority_is_the_most_severe_that_reaches_its_threshold(out, found, priority):
    limits = {"akiec": 0.2, "bcc": 0.2, "mel": 0.3, "vasc": 0.2, "near_mel": 0.24, "malignant": 0.45}
    assert app.Model(out).priority(found, limits) == priority


def test_a_folder_without_trained_weights_is_refused(folder, drawn, tmp_path):
    spec = ModelSpec.read(folder)
    (tmp_path / "bare").mkdir()
    files = {name: file for name, file in spec.files.items() if name.endswith(".onnx")}
    replace(spec, files=files).write(tmp_path / "bare")
    photos = mobile.Photos.read(drawn, drawn / "labels.csv", spec)
    with pytest.raises(
        mobile.MobileError, match=r"holds no model\.safetensors, of which files for phones are made; build it again\."
    ):
        list(mobile.write(tmp_path / "bare", tmp_path / "out", photos, record=False))


def test_a_folder_that_holds_something_is_left_alone(folder, drawn, tmp_path):
    Path(tmp_path / "mine").write_text("keep")
    photos = mobile.Photos.read(drawn, drawn / "labels.csv", ModelSpec.read(folder))
    with pytest.raises(mobile.MobileError, match=r"is not empty; give a new folder\."):
        list(mobile.write(folder, tmp_path, photos, record=False))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
