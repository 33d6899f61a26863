"""Initial weights, from the Hub as timm keeps them there and from a file; the networks that are taken; what training swaps."""

import copy
import json
import os
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.layers import create_conv2d

from skinapp.imaging import preprocess
from skinapp.model.hub import EMBEDDED
from skinapp.model.spec import ModelSpec
from tests.support.fake_hub import serve
from train.data.dataset import DataError
from train.network import model

ARCHITECTURE = "test_efficientnet"
FETCH = f"""
import sys
from safetensors.torch import save_file
from train.network import model
save_file(model.create("{ARCHITECTURE}", "hub").state_dict(), sys.argv[1])
"""


def published() -> torch.nn.Module:
    torch.manual_seed(3)
    return timm.create_model(ARCHITECTURE, num_classes=1000)


def same(ours: dict[str, torch.Tensor], given: dict[str, torch.Tensor]) -> bool:
    """Everything but the last layer."""
    return all(torch.equal(value, given[key]) for key, value in ours.items() if not key.startswith("classifier."))


def test_timms_own_weights_are_pulled_from_the_hub(tmp_path):
    net = published()
    save_file(net.state_dict(), tmp_path / "given.safetensors")
    about = {"architecture": ARCHITECTURE, "num_classes": 1000, "pretrained_cfg": net.pretrained_cfg}
    files = {
        "config.json": json.dumps(about, default=list).encode(),
        "model.safetensors": (tmp_path / "given.safetensors").read_bytes(),
    }
    with serve() as hub:
        hub.commit(net.pretrained_cfg["hf_hub_id"], files)
        environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        ran = subprocess.run(
            [sys.executable, "-c", FETCH, str(tmp_path / "got.safetensors")], env=environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        assert any("model.safetensors" in asked for asked in hub.asked)
    got = load_file(tmp_path / "got.safetensors")
    assert same(got, net.state_dict()) and got["classifier.weight"].shape[0] == 7


def test_a_file_gives_everything_but_a_last_layer_of_another_size(tmp_path):
    net = published()
    save_file(net.state_dict(), tmp_path / "given.safetensors")
    assert same(model.create(ARCHITECTURE, str(tmp_path / "given.safetensors")).state_dict(), net.state_dict())


def test_a_file_of_another_network_is_refused(tmp_path):
    save_file({"stem.weight": torch.zeros(3)}, tmp_path / "given.safetensors")
    with pytest.raises(
        DataError, match=r"given\.safetensors lacks \d+ tensors of this network \(.+, \.\.\.\); check --model and --init\.$"
    ):
        model.create(ARCHITECTURE, str(tmp_path / "given.safetensors"))


def test_half_precision_weights_are_read_back_as_they_were_rounded(tmp_path):
    torch.manual_seed(0)
    net = model.create(ARCHITECTURE)
    model.save_half(net, tmp_path / "model.safetensors")
    again = model.load(ARCHITECTURE, tmp_path / "model.safetensors").state_dict()
    for key, value in net.state_dict().items():
        expected = value.half().float() if value.is_floating_point() else value
        assert torch.equal(again[key], expected), key


def test_a_teacher_sees_views_as_it_learned_on_them(tmp_path):
    """EfficientNet-Lite's pixels go from -1 to 1, those of the network it teaches are ImageNet's."""
    torch.manual_seed(0)
    net, shown = model.create("tf_efficientnet_lite0").eval(), model.transform(model.create(ARCHITECTURE), 64)
    own = model.transform(net, 64)
    assert own.mean == (0.5, 0.5, 0.5) and shown.mean != own.mean
    model.save_half(net, tmp_path / "model.safetensors")
    about = {"architecture": "tf_efficientnet_lite0", "activation": "", "transform": asdict(own)}
    (tmp_path / "train.json").write_text(json.dumps(about))
    photo = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    theirs, ours = (torch.from_numpy(preprocess.normalize(photo, way)) for way in (own, shown))
    teacher, alone = model.load_for_views(tmp_path, shown), model.load("tf_efficientnet_lite0", tmp_path / "model.safetensors")
    with torch.inference_mode():
        torch.testing.assert_close(teacher(ours), alone(theirs), rtol=1e-4, atol=1e-4)
        assert (alone(ours) - alone(theirs)).abs().max() > 1e-3


def test_a_model_folder_teaches_as_the_run_that_it_was_made_of():
    """The embedded model's, with the activation that its config.json names."""
    spec = ModelSpec.read(EMBEDDED)
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        alone = model.load(spec.architecture, EMBEDDED / "model.safetensors", spec.activation)(pixels)
        torch.testing.assert_close(model.load_for_views(EMBEDDED, spec.transform)(pixels), alone, rtol=1e-4, atol=1e-4)


def test_a_folder_that_no_run_left_teaches_nothing(tmp_path):
    with pytest.raises(
        DataError, match=r"holds no train\.json and no config\.json; give the folder best of a run of train fit, or"
    ):
        model.load_for_views(tmp_path, ModelSpec.read(EMBEDDED).transform)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("no_such_net", f"timm {timm.__version__} has no network named 'no_such_net'; check --model."),
        ("test_resnet", "test_resnet has a head whose class maps can't be drawn; give a timm EfficientNetV2 or MobileNetV3."),
        (
            "mobilenetv4_conv_small_035",
            "mobilenetv4_conv_small_035 has a head whose class maps can't be drawn; give a timm EfficientNetV2 or MobileNetV3.",
        ),
    ],
)
def test_a_network_that_could_not_be_exported_is_refused_before_it_is_trained(architecture, message):
    with pytest.raises(DataError) as refusal:
        model.create(architecture)
    assert str(refusal.value) == message


@pytest.mark.parametrize("size", [15, 16])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("padding", ["same", ""])
def test_a_thinned_convolution_is_the_strided_one_in_value_and_gradient(padding, kernel, size):
    torch.manual_seed(0)
    strided = create_conv2d(6, 6, kernel, stride=2, padding=padding, depthwise=True, bias=True).double()
    thinned = copy.deepcopy(strided)
    model.speed_up_training(thinned)
    assert type(thinned) is model.Thinned
    maps, answers = torch.randn(2, 6, size, size, dtype=torch.float64), []
    for convolution in (strided, thinned):
        seen = maps.clone().requires_grad_()
        answer = convolution(seen)
        (answer * torch.arange(answer.numel()).view_as(answer)).sum().backward()
        answers.append((answer, seen.grad, convolution.weight.grad, convolution.bias.grad))
    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-9)
    with torch.inference_mode():
        torch.testing.assert_close(thinned(maps), strided(maps), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("architecture", [ARCHITECTURE, "mobilenetv3_small_100"])
def test_convolutions_are_swapped_in_training_alone(architecture, tmp_path):
    net = model.create(architecture)
    names = list(net.state_dict())
    model.speed_up_training(net)
    assert any(isinstance(module, model.Thinned) for module in net.modules()) and list(net.state_dict()) == names
    model.save_half(net, tmp_path / "model.safetensors")
    served = model.load(architecture, tmp_path / "model.safetensors")
    assert not any(isinstance(module, model.Thinned) for module in served.modules())
    net.load_state_dict(served.state_dict())
    with torch.inference_mode():
        pixels = torch.randn(2, 3, 64, 64)
        torch.testing.assert_close(net.eval()(pixels), served(pixels))
