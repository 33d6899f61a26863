"""The trained network in torch, FP32, behind the runtime's session interface: what every exported file is held against."""

from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from skinapp.model.session import Outputs
from skinapp.model.spec import ModelSpec
from train.network import head, model


class TorchSession:
    """Runs `model.safetensors` as `skinapp.model.session.Session` runs an ONNX file, on the CPU."""

    provider = "torch"

    def __init__(self, net: torch.nn.Module, threads: int = 0) -> None:
        self._net, self._head = net, head.of(net).eval()
        if threads:
            torch.set_num_threads(threads)

    @classmethod
    def load(cls, path: Path, spec: ModelSpec, threads: int = 0) -> Self:
        """The weights of a model folder."""
        return cls(model.load(spec.architecture, path, spec.activation), threads)

    def run(self, pixels: NDArray[np.float32]) -> Outputs:
        """One pass over `[n, 3, height, width]`."""
        with torch.inference_mode():
            parts = self._head(self._net.forward_features(torch.from_numpy(pixels)))
        return Outputs(*(part.numpy() for part in parts))
