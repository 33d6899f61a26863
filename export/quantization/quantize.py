"""An FP32 graph becomes INT8: for CPUs, for TensorRT, and as weights alone.

The recipe is measured (EXPERIMENTS.md): percentile ranges, because min-max ranges ruin this network; every operator but the head,
because each switch between INT8 and float costs more than it saves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantizationMode, QuantType
from onnxruntime.quantization.calibrate import TensorData
from optimum.onnxruntime import ORTQuantizer
from optimum.onnxruntime.configuration import CalibrationConfig, QuantizationConfig
from tqdm import tqdm
from transformers import PretrainedConfig

from export.graph import HEAD, head_nodes
from export.quantization.gptq import MAX_STEP, Rounded, session_with_outputs
from skinapp.model.session import INPUT

PERCENTILE = 99.99
GATED = 97
"""Percentile, over photos, of the loudest place that squeeze-excite's gates let through. Few places there carry the answer, so no
photo's may be cut off lightly; but one photo in hundreds is a hundred times as loud, and would leave the others no steps."""

BINS = 2048
SWISH_FLOOR = np.float32(-8)
"""SiLU of less is nothing (-0.003), so INT8's 256 steps are spent above it: some of these networks' sums reach -500."""

LARGE = 2**16
"""Weights of a layer of the head that is worth storing as INT8."""

CHUNK = 16
"""Photos whose activations are held in memory at once: about 50 MB each."""

OPERATORS = ["Conv", "Relu", "Mul", "Sigmoid", "Add", "GlobalAveragePool"]
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
    operators_to_quantize=["Conv", "Relu", "Add", "GlobalAveragePool"],
)


def quantizer(path: Path) -> ORTQuantizer:
    """Optimum's quantizer of an FP32 graph."""
    return ORTQuantizer(path, config=PretrainedConfig(model_type="timm"))


def ranges(path: Path, pixels: Sequence[NDArray[np.float32]]) -> Any:
    """The range of every activation over some photos' input tensors `[3, height, width]`."""
    calibrator = quantizer(path)
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
        for first in tqdm(range(0, len(pixels), CHUNK), desc="ranges", unit="chunk", disable=None):
            samples = [{INPUT: tensor} for tensor in pixels[first : first + CHUNK]]
            # Optimum makes a new calibrator wherever a method is named, and goes on with the last one where none is.
            used_config = config if first == 0 else replace(config, method=None)
            calibrator.partial_fit(samples, used_config, Path(scratch) / "augmented.onnx", OPERATORS)
        activation_ranges = calibrator.compute_ranges()
    activation_ranges.data |= gate_ranges(path, pixels)
    for name in swished(path):
        activation_ranges.data[name] = TensorData(
            lowest=max(activation_ranges[name].lowest, SWISH_FLOOR), highest=activation_ranges[name].highest
        )
    return activation_ranges


def gate_ranges(path: Path, pixels: Sequence[NDArray[np.float32]]) -> dict[str, TensorData]:
    """The ranges of what the gates let through."""
    names = gated(path)
    if not names:
        return {}
    session = session_with_outputs(onnx.load(path), names)
    photos = [[(values.min(), values.max()) for values in session.run(names, {INPUT: photo[None]})] for photo in pixels]
    lowest, highest = np.percentile(photos, (100 - GATED, GATED), axis=0).astype(np.float32)
    return {
        name: TensorData(lowest=low, highest=high) for name, low, high in zip(names, lowest[:, 0], highest[:, 1], strict=True)
    }


def swished(path: Path) -> list[str]:
    """The input of every SiLU, which is exported as a Sigmoid and a Mul with the Sigmoid's own input."""
    return [sigmoid_input for sigmoid_input, product in _gates(path) if sigmoid_input in product.input]


def gated(path: Path) -> list[str]:
    """The output of every gate: of each product of a Sigmoid with something else than its own input."""
    return [product.output[0] for sigmoid_input, product in _gates(path) if sigmoid_input not in product.input]


def _gates(path: Path) -> list[tuple[str, onnx.NodeProto]]:
    """Every product of a Sigmoid's output, with that Sigmoid's own input."""
    nodes = onnx.load(path).graph.node
    sigmoids = {node.output[0]: node.input[0] for node in nodes if node.op_type == "Sigmoid"}
    products = [node for node in nodes if node.op_type == "Mul"]
    return [(sigmoids[name], node) for node in products for name in node.input if name in sigmoids]


def to_int8(path: Path, config: QuantizationConfig, activation_ranges: Any, weights: Mapping[str, Rounded], out: Path) -> None:
    """Write the static INT8 (QDQ) graph, with these activations' ranges and these weights."""
    with TemporaryDirectory() as scratch:
        used_config = replace(config, nodes_to_exclude=head_nodes(path))
        quantizer(path).quantize(used_config, scratch, file_suffix="", calibration_tensors_range=activation_ranges)
        model = onnx.load(Path(scratch) / path.name)
    _put(model, weights)
    if config.activations_symmetric:
        _bare_relus(model)
        _float_biases(model)
    onnx.save(model, out)


def _put(model: onnx.ModelProto, weights: Mapping[str, Rounded]) -> None:
    """Replace the convolutions' weights and steps, and with them the steps of their biases."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    makers = {node.output[0]: node for node in model.graph.node}

    def put(name: str, value: NDArray[Any]) -> None:
        constants[name].CopyFrom(numpy_helper.from_array(value, name))

    for node in [node for node in model.graph.node if node.op_type == "Conv" and node.input[1] in makers]:
        stored, steps = makers[node.input[1]].input[:2]
        rounded, new_steps = weights[stored.removesuffix("_quantized")]
        ratio = new_steps / numpy_helper.to_array(constants[steps])
        put(stored, rounded)
        put(steps, new_steps)
        if len(node.input) > 2:
            bias, bias_steps = makers[node.input[2]].input[:2]
            put(bias, np.round(numpy_helper.to_array(constants[bias]) / ratio).astype(np.int32))
            put(bias_steps, (numpy_helper.to_array(constants[bias_steps]) * ratio).astype(np.float32))


def _bare_relus(model: onnx.ModelProto) -> None:
    """Take the rounding between a convolution and its ReLU away: half of the steps would go to what ReLU cuts off."""
    graph = model.graph
    makers = {node.output[0]: node for node in graph.node}
    for relu in [node for node in graph.node if node.op_type == "Relu"]:
        dequantize = makers[relu.input[0]]
        if dequantize.op_type == "DequantizeLinear":
            quantize = makers[dequantize.input[0]]
            relu.input[0] = quantize.input[0]
            graph.node.remove(dequantize)
            graph.node.remove(quantize)
    _forget_unused(graph)


def _forget_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _float_biases(model: onnx.ModelProto) -> None:
    """TensorRT takes no INT32 biases: put their values back in float."""
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in constants]:
        stored, scale = (constants[name] for name in node.input[:2])
        if stored.dtype == np.int32:
            graph.initializer.append(numpy_helper.from_array((stored * scale).astype(np.float32), node.output[0]))
            graph.node.remove(node)
    _forget_unused(graph)


def to_w8(path: Path, weights: Mapping[str, Rounded], out: Path) -> None:
    """Write the graph that stores each convolution's weights as INT8 per output channel and computes in float; so too a large
    layer of the head before its last, of which a phone's network has as much as of all the rest.

    Cast and Mul rather than DequantizeLinear: every runtime folds them into float weights at load, while ONNX Runtime keeps
    DequantizeLinear for its INT8 kernels and pays for it in every pass.
    """
    model = onnx.load(path)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, (stored, steps) in {**weights, **_large_layers(model)}.items():
        model.graph.initializer.remove(constants[name])
        model.graph.initializer.append(numpy_helper.from_array(stored, f"{name}.int8"))
        scale = steps.reshape(-1, *[1] * (stored.ndim - 1))
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        model.graph.node.insert(0, helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]))
        model.graph.node.insert(0, helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=onnx.TensorProto.FLOAT))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, out)


def _large_layers(model: onnx.ModelProto) -> dict[str, tuple[NDArray[np.int8], NDArray[np.float32]]]:
    """The head's matrices `[out, in]`, and convolutions `[out, in, 1, 1]`, with at least so many weights, each rounded to the
    nearest step of its row."""
    layers = {}
    heads = {name for node in model.graph.node if node.name.startswith(HEAD) for name in node.input}
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.size >= LARGE and (values.ndim == 2 or (values.ndim == 4 and tensor.name in heads)):
            largest = np.abs(values).max(tuple(range(1, values.ndim)), keepdims=True)
            steps = np.maximum(largest / MAX_STEP, 1e-12).astype(np.float32)
            layers[tensor.name] = np.round(values / steps).astype(np.int8), steps.ravel()
    return layers
