"""Initial weights: from the Hub as timm keeps them there, and from a file."""

import json
import os
import subprocess
import sys

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from tests.hub_server import serve
from train import model
from train.data import DataError

ARCHITECTURE = "test_efficientnet"
FETCH = f"""
import sys
from safetensors.torch import save_file
from train import model
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
