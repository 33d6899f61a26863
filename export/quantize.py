"""An FP32 graph becomes INT8: for CPUs, for TensorRT, and as weights alone.

The recipe is measured (EXPERIMENTS.md): percentile ranges, because min-max ranges ruin this network; every operator, because
each switch between INT8 and float costs more than it saves; the head left in float.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantizationMode, QuantType
from optimum.onnxruntime import ORTQuantizer
from optimum.onnxruntime.configuration import CalibrationConfig, QuantizationConfig
from tqdm import tqdm
from transformers import PretrainedConfig

from export.graph import head_nodes
from skinapp.session import INPUT

PERCENTILE = 99.99
BINS = 2048
CHUNK = 16
"""Photos whose activations are held in memory at once: about 50 MB each."""

OPERATORS = ["Conv", "Mul", "Sigmoid", "Add", "ReduceMean"]
CPU = QuantizationConfig(
    is_static=True,
    format=QuantFormat.QDQ,
    mode=QuantizationMode.QLinearOps,
    activations_dtype=QuantType.QUInt8,
    weights_dtype=QuantType.QInt8,
    per_channel=True,
    operators_to_quantize=OPERATORS,
)
TENSORRT = replace(
    CPU,
    activations_dtype=QuantType.QInt8,
    activations_symmetric=True,
    operators_to_quantize=["Conv", "Add", "ReduceMean"],
)


def quantizer(path: Path) -> ORTQuantizer:
    """Optimum's quantizer of an FP32 graph."""
    return ORTQuantizer(path, config=PretrainedConfig(model_type="timm"))


def ranges(path: Path, pixels: Sequence[NDArray[np.float32]]) -> Any:
    """The range of every activation over some photos' input tensors `[3, height, width]`."""
    fitted = quantizer(path)
    config = CalibrationConfig(
        dataset_name="photos",
        dataset_config_name="",
        dataset_split="train",
        dataset_num_samples=len(pixels),
        method=CalibrationMethod.Percentile,
        num_bins=BINS,
        percentile=PERCENTILE,
    )
    with TemporaryDirectory() as scratch:
        for first in tqdm(range(0, len(pixels), CHUNK), desc="ranges", unit="chunk"):
            samples = [{INPUT: tensor} for tensor in pixels[first : first + CHUNK]]
            # Optimum makes a new calibrator wherever a method is named, and goes on with the last one where none is.
            chosen = config if first == 0 else replace(config, method=None)
            fitted.partial_fit(samples, chosen, Path(scratch) / "augmented.onnx", OPERATORS)
        return fitted.compute_ranges()


def to_int8(path: Path, config: QuantizationConfig, found: Any, out: Path) -> None:
    """Write the static INT8 (QDQ) graph."""
    with TemporaryDirectory() as scratch:
        chosen = replace(config, nodes_to_exclude=head_nodes(path))
        quantizer(path).quantize(chosen, scratch, file_suffix="", calibration_tensors_range=found)
        model = onnx.load(Path(scratch) / path.name)
    if config.activations_symmetric:
        _float_biases(model)
    onnx.save(model, out)


def _float_biases(model: onnx.ModelProto) -> None:
    """TensorRT takes no INT32 biases: put their values back in float."""
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in constants]:
        stored, scale = (constants[name] for name in node.input[:2])
        if stored.dtype == np.int32:
            graph.initializer.append(numpy_helper.from_array((stored * scale).astype(np.float32), node.output[0]))
            graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def to_w8(path: Path, out: Path) -> None:
    """Write the graph that stores each convolution's weights as INT8 per output channel and computes in float.

    Cast and Mul rather than DequantizeLinear: every runtime folds them into float weights at load, while ONNX Runtime keeps
    DequantizeLinear for its INT8 kernels and pays for it in every pass.
    """
    model = onnx.load(path)
    head = head_nodes(path)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Conv" and node.name not in head]:
        name = node.input[1]
        stored, scale = _per_channel(numpy_helper.to_array(constants[name]))
        model.graph.initializer.remove(constants[name])
        model.graph.initializer.append(numpy_helper.from_array(stored, f"{name}.int8"))
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        model.graph.node.insert(0, helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]))
        model.graph.node.insert(0, helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=onnx.TensorProto.FLOAT))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, out)


def _per_channel(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric INT8 `[out, in, h, w]` with one scale an output channel `[out, 1, 1, 1]`."""
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.round(weights / scale).astype(np.int8), scale
