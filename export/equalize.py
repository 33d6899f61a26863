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

from export.rounding import watching
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
    found = [one for one in (_follow(model.graph, node, head) for node in _relus(model.graph)) if one]
    if not found:
        return 0
    names = [one.measured for one in found]
    session = watching(model, names)
    loudest = [np.zeros(1)] * len(names)
    for photo in pixels:
        maps = session.run(names, {INPUT: photo[None]})
        loudest = [total + seen[0].max((1, 2)) for total, seen in zip(loudest, maps, strict=True)]
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for one, ranges in zip(found, loudest, strict=True):
        _scale(one, np.maximum(ranges / max(ranges.max(), 1e-12), WEAKEST) ** STRENGTH, constants)
    return len(found)


def _relus(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    return [node for node in graph.node if node.op_type == "Relu"]


def _follow(graph: onnx.GraphProto, relu: onnx.NodeProto, head: Sequence[str]) -> Scaled | None:
    """Where a ReLU's channels go: through means and gates to convolutions; None if they also go where scales aren't undone."""
    writer = next((node for node in graph.node if relu.input[0] in node.output), None)
    outputs = {entry.name for entry in graph.output}
    if writer is None or writer.op_type != "Conv":
        return None
    one, carrying = Scaled(relu.output[0], writer), {relu.output[0]}
    for node in graph.node:  # in the order of computation
        carried = [name for name in node.input if name in carrying]
        if not carried:
            continue
        if node.op_type == "Conv" and node.input[0] in carrying and node.name not in head:
            one.readers.append(node)
        elif node.op_type == "GlobalAveragePool":
            carrying |= set(node.output)
        elif node.op_type == "Mul" and len(carried) == 1:
            carrying |= set(node.output)
            one.measured = node.output[0]
        else:
            return None
    return None if carrying & outputs else one


def _scale(one: Scaled, factors: NDArray[np.float64], constants: dict[str, onnx.TensorProto]) -> None:
    for name in one.writer.input[1:]:
        value = numpy_helper.to_array(constants[name])
        _put(constants[name], value / factors.reshape(-1, *[1] * (value.ndim - 1)))
    for node in one.readers:
        value = numpy_helper.to_array(constants[node.input[1]])
        # A depthwise convolution's outputs are its inputs' channels, any other's weights have a column for each.
        shape = (-1, 1, 1, 1) if value.shape[1] == 1 else (1, -1, 1, 1)
        _put(constants[node.input[1]], value * factors.reshape(shape))


def _put(tensor: onnx.TensorProto, value: NDArray[np.float64]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float32), tensor.name))
