"""Makes timm networks, fills them with initial weights and saves trained ones."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file, save_file
from timm.layers import Conv2dSame, pad_same
from torch import nn
from torch.nn.functional import conv2d, pad

from skinapp.labels import CODES
from skinapp.model.spec import CONFIG, WEIGHTS, ModelSpec, Transform
from train.data.dataset import DataError
from train.network import head

HUB = "hub"


def create(architecture: str, init: str = "", activation: str = "", drop: float = 0.0, drop_path: float = 0.0) -> torch.nn.Module:
    """A network with one answer a lesion; `init` is "" (random), "hub" (timm's own weights) or a safetensors file, and
    `activation` timm's name of one to use in place of the architecture's own."""
    if not timm.is_model(architecture):
        raise DataError(f"timm {timm.__version__} has no network named {architecture!r}; check --model.")
    model = timm.create_model(
        architecture,
        pretrained=init == HUB,
        num_classes=len(CODES),
        drop_rate=drop,
        drop_path_rate=drop_path,
        **({"act_layer": activation} if activation else {}),
    )
    head.of(model)  # refuses, before hours of training, a network that couldn't be exported
    if init and init != HUB:
        _fill(model, Path(init))
    return model


def transform(model: torch.nn.Module, size: int) -> Transform:
    """How photos are shown to this network at a square input size: timm's mean, std and interpolation, the whole short side."""
    config: dict[str, Any] = model.pretrained_cfg
    return Transform(
        input_size=(3, size, size),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation=config["interpolation"],
        crop_pct=1.0,
        crop_mode="center",
    )


def _fill(model: torch.nn.Module, path: Path) -> None:
    """Everything but the last layer from a file; the last layer too where it has as many answers."""
    if not path.is_file():
        raise DataError(f"The initial weights {path} are missing; give a safetensors file, 'hub' or ''.")
    state, loaded = model.state_dict(), load_file(path)
    fitting = {key: value for key, value in loaded.items() if key in state and state[key].shape == value.shape}
    missing = [key for key in state if key not in fitting and not key.startswith("classifier.")]
    if missing:
        raise DataError(f"{path} lacks {len(missing)} tensors of this network ({missing[0]}, ...); check --model and --init.")
    model.load_state_dict(fitting, strict=False)


class Thinned(nn.Conv2d):
    """A depthwise convolution of stride 2, computed in training at stride 1 and thinned: exactly the same answer, but oneDNN's
    bf16 backward pass of a strided one takes 20 times as long (a quarter of EfficientNetV2-B0's whole step)."""

    same: bool

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        rows, columns = self.padding
        padded = pad_same(maps, self.kernel_size, self.stride) if self.same else pad(maps, (columns, columns, rows, rows))
        if not torch.is_grad_enabled():
            return conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)
        whole = conv2d(padded, self.weight, self.bias, groups=self.groups)
        return whole[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)


def speed_up_training(net: nn.Module) -> None:
    """Swap the convolutions that are slow to train; the weights keep their names."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1 and module.stride == (2, 2) and module.dilation == (1, 1):
            module.same = isinstance(module, Conv2dSame)
            module.__class__ = Thinned


def save_half(model: torch.nn.Module, path: Path) -> None:
    """The weights, rounded to FP16: what every export starts from. Counters stay integers."""
    state = {key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()}
    save_file({key: value.cpu().contiguous() for key, value in state.items()}, path)


def load_for_views(folder: Path, transform: Transform) -> torch.nn.Module:
    """The network of a run's folder `best` or of a model folder, but for views normalized as `transform` says."""
    if (folder / CONFIG).is_file():
        spec = ModelSpec.read(folder)
        net, learned_transform = load(spec.architecture, folder / WEIGHTS, spec.activation), asdict(spec.transform)
    elif (folder / "train.json").is_file():
        description = json.loads((folder / "train.json").read_text(encoding="utf-8"))
        net = load(description["architecture"], folder / WEIGHTS, description["activation"])
        learned_transform = description["transform"]
    else:
        raise DataError(
            f"{folder} holds no train.json and no {CONFIG}; give the folder best of a run of train fit, or a model folder."
        )
    return Renormalized(net, transform, learned_transform["mean"], learned_transform["std"]).eval()


class Renormalized(nn.Module):
    """A network that is given views normalized otherwise than it learned on."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, net: nn.Module, transform: Transform, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.net = net
        from_mean, from_std, to_mean, to_std = (
            torch.tensor(values)[:, None, None] for values in (transform.mean, transform.std, mean, std)
        )
        self.register_buffer("scale", from_std / to_std)
        self.register_buffer("shift", (from_mean - to_mean) / to_std)

    def forward(self, pixels: torch.Tensor) -> Any:
        return self.net(pixels * self.scale + self.shift)


def load(architecture: str, path: Path, activation: str = "") -> torch.nn.Module:
    """A trained network in evaluation mode, FP32 arithmetic on FP16 weights."""
    model = create(architecture, activation=activation)
    state = {key: value.float() if value.is_floating_point() else value for key, value in load_file(path).items()}
    model.load_state_dict(state)
    return model.eval()
