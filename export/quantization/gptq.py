"""Rounds the weights of a graph's convolutions to INT8 so that their outputs on real photos change least.

Each weight's rounding error is made good by those not yet rounded (GPTQ: Frantar et al., 2022). Rounding to the nearest step
alone costs this network 2% of its answers (EXPERIMENTS.md).

No two neighbouring weights of one sign may add up to more than `PAIR`, or CPUs without VNNI would compute something else: they
multiply two pairs of bytes and add the products in 16 bits, where 255 * 127 * 2 is cut off without a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime import InferenceSession, SessionOptions
from tqdm import tqdm

from skinapp.model.session import CPU, INPUT

DAMPING = 0.01
"""Of the mean diagonal of a layer's second moments: inputs that hardly vary must not take over all the errors."""

MAX_STEP, PAIR = 127, 128
"""The largest weight, and the largest sum of two neighbours in a GEMM's inner dimension: 255 * 128 is 32,640 of 32,767."""

MAX_CELLS = 1024
"""Cells of a photo's map that are added to the moments, at most."""

Rounded = tuple[NDArray[np.int8], NDArray[np.float32]]
"""A convolution's weights `[out, in, h, w]` and the step `[out]` of each output channel."""


@dataclass
class Layer:
    """A convolution, and the second moments of its inputs `[groups, k, k]`, k inputs going into each output of a group.

    The k inputs stand as ONNX Runtime's GEMM reads them: place by place, and of each place channel by channel.
    """

    source: str
    weights: NDArray[np.float32]
    groups: int
    strides: Sequence[int]
    pads: Sequence[int]
    moments: NDArray[np.float64]

    @classmethod
    def of(cls, node: onnx.NodeProto, weights: NDArray[np.float32]) -> "Layer":
        attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
        groups, inputs = attributes.get("group", 1), int(np.prod(weights.shape[1:]))
        pads, strides = attributes.get("pads", [0] * 4), attributes.get("strides", [1, 1])
        return cls(node.input[0], weights, groups, strides, pads, np.zeros((groups, inputs, inputs)))

    def add(self, maps: NDArray[np.float32]) -> None:
        """Add one photo's input `[channels, height, width]` to the moments."""
        top, left, bottom, right = self.pads
        padded = np.pad(maps, ((0, 0), (top, bottom), (left, right)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.weights.shape[2:], axis=(1, 2))
        windows = windows[:, :: self.strides[0], :: self.strides[1]]
        step = max(1, int(np.ceil(np.sqrt(windows.shape[1] * windows.shape[2] / MAX_CELLS))))
        windows = windows[:, ::step, ::step].reshape(self.groups, -1, *windows[:, ::step, ::step].shape[1:])
        rows = windows.transpose(0, 2, 3, 4, 5, 1).reshape(self.groups, -1, self.moments.shape[1])
        self.moments += rows.transpose(0, 2, 1) @ rows

    def rounded(self) -> Rounded:
        outputs, inputs, height, width = self.weights.shape
        flat = self.weights.transpose(0, 2, 3, 1).reshape(outputs, -1).astype(np.float64)
        limit = PAIR if inputs > 1 else 2 * MAX_STEP  # depthwise convolutions are no GEMMs: they are added up in 32 bits
        largest = np.maximum(np.abs(flat).max(1) / MAX_STEP, _pairs(flat).max(1, initial=0) / limit)
        steps = np.where(largest > 0, largest, 1).astype(np.float32)
        scaled = (flat / steps[:, None]).reshape(self.groups, -1, self.moments.shape[1])
        whole_numbers = _carried(scaled, self.moments, limit).reshape(outputs, height, width, inputs)
        return np.ascontiguousarray(whole_numbers.transpose(0, 3, 1, 2)).astype(np.int8), steps


def _pairs(flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each pair of neighbours `[outputs, k // 2]` of one sign goes."""
    even = flat.shape[1] // 2 * 2
    first, second = flat[:, 0:even:2], flat[:, 1:even:2]
    return np.where(first * second > 0, np.abs(first + second), 0)


def _carried(remaining: NDArray[np.float64], moments: NDArray[np.float64], limit: int) -> NDArray[np.float64]:
    """Round `[groups, outputs, k]` to whole numbers, one input after the other, carrying each error over to the inputs left."""
    inputs = remaining.shape[2]
    loudness = np.einsum("gkk->g", moments)[:, None, None] / inputs
    damped = moments + (DAMPING * loudness + 1e-12) * np.eye(inputs)
    spread = np.linalg.cholesky(np.linalg.inv(damped)).transpose(0, 2, 1)
    rounded = np.empty_like(remaining)
    for k in range(inputs):
        previous = rounded[:, :, k - 1] if k % 2 else np.zeros(1)
        lowest, highest = np.maximum(-MAX_STEP, -limit - previous), np.minimum(MAX_STEP, limit - previous)
        rounded[:, :, k] = np.clip(np.round(remaining[:, :, k]), lowest, highest)
        error = (remaining[:, :, k] - rounded[:, :, k]) / spread[:, k, k, None]
        remaining[:, :, k + 1 :] -= error[:, :, None] * spread[:, None, k, k + 1 :]
    return rounded


def round_weights(model: onnx.ModelProto, head: Sequence[str], pixels: Sequence[NDArray[np.float32]]) -> dict[str, Rounded]:
    """The INT8 weights of all convolutions outside the head, by the names of their float weights, over photos' input tensors."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv" and node.name not in head]
    layers = {node.input[1]: Layer.of(node, numpy_helper.to_array(constants[node.input[1]])) for node in convolutions}
    sources = sorted({layer.source for layer in layers.values()} - {INPUT})
    session = session_with_outputs(model, sources)
    for photo in tqdm(pixels, desc="round", unit="photo", disable=None):
        outputs = session.run(sources, {INPUT: photo[None]}) if sources else []
        maps = {INPUT: photo[None], **dict(zip(sources, outputs, strict=True))}
        for layer in layers.values():
            layer.add(maps[layer.source][0])
    return {name: layer.rounded() for name, layer in layers.items()}


def session_with_outputs(model: onnx.ModelProto, names: Sequence[str]) -> InferenceSession:
    """A session of the float graph that also gives these tensors."""
    extended = onnx.ModelProto()
    extended.CopyFrom(model)
    known = {entry.name for entry in model.graph.output}
    extended.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    options = SessionOptions()
    options.log_severity_level = 3
    return InferenceSession(extended.SerializeToString(), options, providers=[CPU.ort_name])
