"""LiteRT files (the format of TensorFlow Lite): made of trained weights, quantized, and run; the only importer of its libraries.

The graph is that of the contract (logits, class maps, embedding out of one pass), but for one photo and with the colours of a
pixel side by side, as phones keep them: `[1, height, width, 3]`.
"""

import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import qtyping, quantizer, recipe
from numpy.typing import NDArray
from torch.nn.functional import linear

from skinapp.model.session import INPUT, OUTPUTS, Outputs
from train.network import head

SIGNATURE = "serving_default"


class ChannelsLast(torch.nn.Module):
    """A timm network with its head turned round, which takes pixels as phones keep them."""

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        own_head = head.of(net)
        self.net, self.head = net, OneCopy(own_head) if isinstance(own_head, head.HiddenHead) else own_head

    def forward(self, pixel_values: torch.Tensor) -> dict[str, torch.Tensor]:
        return dict(zip(OUTPUTS, self.head(self.net.forward_features(pixel_values.permute(0, 3, 1, 2))), strict=True))


class OneCopy(torch.nn.Module):
    """MobileNetV3's head with the hidden layer laid on every place, and the mean taken behind it: what its weights are needed for
    twice, they are stored once for. LiteRT would keep a turned copy beside them, a quarter of the file."""

    def __init__(self, hidden: head.HiddenHead) -> None:
        super().__init__()
        self.hidden = hidden

    def forward(self, features: torch.Tensor) -> head.Parts:
        hidden = self.hidden
        cells = linear(features.permute(0, 2, 3, 1), hidden.layer)
        embedding, slope = hidden.activate(cells.mean((1, 2)) + hidden.layer_bias)
        cams = cells @ (slope[:, None] * hidden.weight).transpose(1, 2)[:, None]
        return linear(embedding, hidden.weight, hidden.bias), cams.permute(0, 3, 1, 2), embedding


def convert(net: torch.nn.Module, input_size: tuple[int, int, int], path: Path) -> None:
    """Write the float32 file."""
    channels, height, width = input_size
    model = ChannelsLast(net).eval()
    litert_torch.convert(model, sample_kwargs={INPUT: torch.zeros(1, height, width, channels)}).export(str(path))


def to_float16(path: Path, out: Path) -> None:
    """Store a float32 file's weights in 16 bits; it computes in float."""
    weights = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    config = qtyping.OpQuantizationConfig(
        weight_tensor_config=weights, compute_precision=qtyping.ComputePrecision.FLOAT, explicit_dequantize=True
    )
    quantizer_ = quantizer.Quantizer(str(path))
    quantizer_.update_quantization_recipe(".*", qtyping.TFLOperationName.ALL_SUPPORTED, config, "float_casting")
    out.unlink(missing_ok=True)
    quantizer_.quantize().export_model(str(out))


def to_int8(path: Path, pixels: Sequence[NDArray[np.float32]], out: Path) -> None:
    """Compute a float32 file in whole numbers, by the ranges over photos' input tensors `[3, height, width]`."""
    quantizer_ = quantizer.Quantizer(str(path))
    quantizer_.load_quantization_recipe(recipe.static_wi8_ai8())
    for edge in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        quantizer_.update_quantization_recipe(".*", edge, algorithm_key="no_quantize")
    samples = [{INPUT: photo.transpose(1, 2, 0)[None]} for photo in pixels]
    out.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it keeps all maps in memory, which is what ranges are found by
        quantizer_.quantize(quantizer_.calibrate({SIGNATURE: samples})).export_model(str(out))


def attach(path: Path, files: Mapping[str, bytes]) -> None:
    """Put files into a .tflite file, as TensorFlow Lite's metadata does: an archive behind the model, which any unzip opens."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)


class LiteRTSession:
    """Runs a .tflite file as `skinapp.model.session.Session` runs an ONNX file, on the CPU through XNNPACK."""

    provider = "LiteRT"

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
        self._runner = self._interpreter.get_signature_runner(SIGNATURE)

    def run(self, pixels: NDArray[np.float32]) -> Outputs:
        """One pass over each of `[n, 3, height, width]`."""
        outputs = [self._runner(**{INPUT: np.ascontiguousarray(photo.transpose(1, 2, 0)[None])}) for photo in pixels]
        return Outputs(*(np.concatenate([output[name] for output in outputs]) for name in OUTPUTS))


def operators(path: Path) -> dict[str, int]:
    """How many of each operator a file holds."""
    interpreter = Interpreter(model_path=str(path))
    details: list[dict[str, Any]] = interpreter._get_ops_details()
    return {
        name: sum(detail["op_name"] == name for detail in details) for name in sorted({detail["op_name"] for detail in details})
    }
