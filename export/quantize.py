"""An FP32 graph becomes INT8: for CPUs, for TensorRT, and as weights alone.

The recipe is measured (EXPERIMENTS.md): percentile ranges, because min-max ranges ruin this network, closer ones around SiLU;
every operator, because each switch between INT8 and float costs more than it saves; the head left in float.
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

from export.graph import head_nodes
from export.rounding import Rounded
from skinapp.session import INPUT

PERCENTILE, SWISH_PERCENTILE = 99.999, 99.99
"""Of all activations, and of SiLU's inputs and outputs, whose largest values lie far out and matter least."""

BINS = 2048
SWISH_FLOOR = np.float32(-8)
"""SiLU of less is nothing (-0.003), so INT8's 256 steps are spent above it: some of these networks' sums reach -500."""

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
        for first in tqdm(range(0, len(pixels), CHUNK), desc="ranges", unit="chunk", disable=None):
            samples = [{INPUT: tensor} for tensor in pixels[first : first + CHUNK]]
            # Optimum makes a new calibrator wherever a method is named, and goes on with the last one where none is.
            chosen = config if first == 0 else replace(config, method=None)
            fitted.partial_fit(samples, chosen, Path(scratch) / "augmented.onnx", OPERATORS)
        found = fitted.compute_ranges()
        fitted._calibrator.collector.percentile = SWISH_PERCENTILE  # the same histograms, cut elsewhere
        closer = fitted.compute_ranges()
    for source, product in swishes(path):
        found.data[source] = TensorData(lowest=max(closer[source].lowest, SWISH_FLOOR), highest=closer[source].highest)
        found.data[product] = closer[product]
    return found


def swishes(path: Path) -> list[tuple[str, str]]:
    """Input and output of every SiLU, which is exported as a Sigmoid and a Mul with the Sigmoid's own input."""
    nodes = onnx.load(path).graph.node
    gates = {node.output[0]: node.input[0] for node in nodes if node.op_type == "Sigmoid"}
    products = [node for node in nodes if node.op_type == "Mul"]
    return [(gates[name], node.output[0]) for node in products for name in node.input if gates.get(name) in node.input]


def to_int8(path: Path, config: QuantizationConfig, found: Any, weights: Mapping[str, Rounded], out: Path) -> None:
    """Write the static INT8 (QDQ) graph, with the activations' ranges `found` and these weights."""
    with TemporaryDirectory() as scratch:
        chosen = replace(config, nodes_to_exclude=head_nodes(path))
        quantizer(path).quantize(chosen, scratch, file_suffix="", calibration_tensors_range=found)
        model = onnx.load(Path(scratch) / path.name)
    for tensor in model.graph.initializer:
        name = tensor.name.removesuffix("_quantized")
        if name in weights and name != tensor.name:
            tensor.CopyFrom(numpy_helper.from_array(weights[name][0], tensor.name))
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


def to_w8(path: Path, weights: Mapping[str, Rounded], out: Path) -> None:
    """Write the graph that stores each convolution's weights as INT8 per output channel and computes in float.

    Cast and Mul rather than DequantizeLinear: every runtime folds them into float weights at load, while ONNX Runtime keeps
    DequantizeLinear for its INT8 kernels and pays for it in every pass.
    """
    model = onnx.load(path)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, (stored, steps) in weights.items():
        model.graph.initializer.remove(constants[name])
        model.graph.initializer.append(numpy_helper.from_array(stored, f"{name}.int8"))
        model.graph.initializer.append(numpy_helper.from_array(steps[:, None, None, None], f"{name}.scale"))
        model.graph.node.insert(0, helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]))
        model.graph.node.insert(0, helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=onnx.TensorProto.FLOAT))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, out)
