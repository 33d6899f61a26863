"""Evens out the channels of a graph's ReLUs before it is quantized: each then makes use of all of INT8's steps.

What a ReLU's channel is scaled down by, the convolutions that read it are scaled up by: the float graph answers the same
(cross-layer equalisation: Nagel et al., 2019). SiLU doesn't let scales through, so a network with it stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from export.quantization.gptq import session_with_outputs
from skinapp.model.session import INPUT

STRENGTH = 0.3
"""The power of a channel's range that is taken out of it; at 0.7 the readers' weights suffer more than the channels gain."""

WEAKEST = 0.01
"""Of the loudest channel's range; a channel below is taken to be there, or a dead one would be blown up."""


@dataclass
class Scaled:
    """A ReLU whose channels can be scaled: the convolution before it, and all those that read what comes of it.

    `measured` is what shall be even: the ReLU's output, or where a gate follows, the product, which needs INT8's steps most.
    """

    measured: str
    writer: onnx.NodeProto
    readers: list[onnx.NodeProto] = field(default_factory=list)


def equalize(model: onnx.ModelProto, head: Sequence[str], pixels: Sequence[NDArray[np.float32]]) -> int:
    """Scale the channels in place, by their ranges over photos' input tensors; returns how many ReLUs were evened out."""
    scalables = [scalable for scalable in (_follow(model.graph, node, head) for node in _relus(model.graph)) if scalable]
    if not scalables:
        return 0
    names = [scalable.measured for scalable in scalables]
    session = session_with_outputs(model, names)
    loudest = [np.zeros(1)] * len(names)
    for photo in pixels:
        maps = session.run(names, {INPUT: photo[None]})
        loudest = [total + values[0].max((1, 2)) for total, values in zip(loudest, maps, strict=True)]
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for scalable, ranges in zip(scalables, loudest, strict=True):
        _scale(scalable, np.maximum(ranges / max(ranges.max(), 1e-12), WEAKEST) ** STRENGTH, constants)
    return len(scalables)


def _relus(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    return [node for node in graph.node if node.op_type == "Relu"]


def _follow(graph: onnx.GraphProto, relu: onnx.NodeProto, head: Sequence[str]) -> Scaled | None:
    """Where a ReLU's channels go: through means and gates to convolutions; None if they also go where scales aren't undone."""
    writer = next((node for node in graph.node if relu.input[0] in node.output), None)
    outputs = {entry.name for entry in graph.output}
    if writer is None or writer.op_type != "Conv":
        return None
    scalable, scaled_names = Scaled(relu.output[0], writer), {relu.output[0]}
    for node in graph.node:  # in the order of computation
        scaled_inputs = [name for name in node.input if name in scaled_names]
        if not scaled_inputs:
            continue
        if node.op_type == "Conv" and node.input[0] in scaled_names and node.name not in head:
            scalable.readers.append(node)
        elif node.op_type == "GlobalAveragePool":
            scaled_names |= set(node.output)
        elif node.op_type == "Mul" and len(scaled_inputs) == 1:
            scaled_names |= set(node.output)
            scalable.measured = node.output[0]
        else:
            return None
    return None if scaled_names & outputs else scalable


def _scale(scalable: Scaled, factors: NDArray[np.float64], constants: dict[str, onnx.TensorProto]) -> None:
    for name in scalable.writer.input[1:]:
        value = numpy_helper.to_array(constants[name])
        _put(constants[name], value / factors.reshape(-1, *[1] * (value.ndim - 1)))
    for node in scalable.readers:
        value = numpy_helper.to_array(constants[node.input[1]])
        # A depthwise convolution's outputs are its inputs' channels, any other's weights have a column for each.
        shape = (-1, 1, 1, 1) if value.shape[1] == 1 else (1, -1, 1, 1)
        _put(constants[node.input[1]], value * factors.reshape(shape))


def _put(tensor: onnx.TensorProto, value: NDArray[np.float64]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float32), tensor.name))
