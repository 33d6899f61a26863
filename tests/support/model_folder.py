"""Complete model folders of small networks with random weights, made as real ones are; needs the model environment."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from export import build
from export.quantization import accuracy_gate
from skinapp.model.spec import sha256
from train.network import model

SIDE = 64


def make(architecture: str, drawn: Path, folder: Callable[[str], Path], forms: tuple[str, ...]) -> Path:
    """A model folder of this network with ReLU, calibrated on drawn photos; `folder` makes new folders by their names."""
    checkpoint, out = folder("checkpoint"), folder("folder")
    torch.manual_seed(0)
    net = model.create(architecture, activation="relu")
    model.save_half(net, checkpoint / "model.safetensors")
    digest = sha256(drawn / "labels.csv")
    recipe = {"init": "", "epochs": 1, "size": SIDE, "eval_size": SIDE, "val_share": 0.2, "seed": 0, "labels_sha256": digest}
    shown = asdict(model.transform(net, SIDE))
    about = {"architecture": architecture, "activation": "relu", "transform": shown, "recipe": recipe}
    (checkpoint / "train.json").write_text(json.dumps(about))
    with pytest.MonkeyPatch.context() as patch:  # one photo of the few is more than the share that may be named otherwise
        patch.setattr(accuracy_gate, "LIMITS", replace(accuracy_gate.LIMITS, named_otherwise=0.1))
        build.build(checkpoint, out, drawn, drawn / "labels.csv", drawn / "others.csv", threads=2, forms=forms)
    return out
