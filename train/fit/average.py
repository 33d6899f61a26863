"""python -m train average RUN/best OTHER.safetensors --out FOLDER

Averages trained weights, those of one run and others of the same line of descent: an ensemble for the price of one network
(Wortsman et al., 2022).
"""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from skinapp.model.spec import WEIGHTS
from train.data.dataset import DataError


def average(best: Path, others: Sequence[Path], out: Path) -> None:
    """Write the mean of the weights of a run's folder `best` and of other safetensors files, with what the run says of itself."""
    description_path = best / "train.json"
    if not description_path.is_file():
        raise DataError(f"{best} holds no train.json; give the folder best of a run of train fit.")
    states = [load_file(best / WEIGHTS), *(load_file(path) for path in others)]
    for path, state in zip(others, states[1:], strict=True):
        if {key: value.shape for key, value in state.items()} != {key: value.shape for key, value in states[0].items()}:
            raise DataError(f"{path} holds other tensors than {best / WEIGHTS}; give weights of the same network.")
    out.mkdir(parents=True, exist_ok=True)
    save_file({key: _mean([state[key] for state in states]) for key in states[0]}, out / WEIGHTS)
    description = json.loads(description_path.read_text(encoding="utf-8"))
    description["recipe"]["averaged"] = [path.name for path in others]
    (out / "train.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _mean(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """In FP32, rounded to FP16 as trained weights are; counters are the first one's."""
    first = tensors[0]
    return torch.stack([tensor.float() for tensor in tensors]).mean(0).half() if first.is_floating_point() else first
