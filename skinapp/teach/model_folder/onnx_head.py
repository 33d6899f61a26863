"""Puts another head on a model's ONNX graph; the only importer of onnx.

What comes before the head stays as it is, bit by bit. The head's sums are written so that they don't depend on what else is in a
batch: a photo gets the same answer to the last bit wherever the file runs on this kind of processor.
"""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from skinapp.errors import ModelError
from skinapp.model.session import OUTPUTS
from skinapp.teach.linear_head import Head

LOGITS, CAMS, EMBEDDING = OUTPUTS
PREFIX = "/taught/"
"""What the names of all that is put in start with."""


Evidence = NDArray[np.float32]
"""`[k, h, w]`: of each class at each place."""


def graft(base: Path, head: Head, usual: Evidence | None, out: Path) -> None:
    """Write the graph of `base` with this head in place of its own. `usual` is the evidence that an average picture has at each
    place: maps show what a picture has more, so that what a network makes of every picture's edges is no hot spot."""
    model = onnx.load(base)
    graph = model.graph
    producer = {output: node for node in graph.node for output in node.output}
    evidence = producer.get(CAMS)
    if evidence is not None and evidence.name == f"{PREFIX}Sub":  # a head that was put on here before
        evidence = producer[evidence.input[0]]
    if evidence is None or evidence.op_type != "Conv":
        raise ModelError(f"{base} has no head that can be replaced (cams is made by no Conv); export it again.")
    features = evidence.input[0]
    sources = _sources_of([EMBEDDING, features], producer)
    nodes = [node for node in graph.node if sources & set(node.output)]
    del graph.node[:]
    graph.node.extend([*nodes, *_nodes(features)])
    needed = {name for node in nodes for name in node.input}
    initializers = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend([*initializers, *_tensors(head, usual)])
    for output in graph.output:
        if output.name in (LOGITS, CAMS):
            output.type.tensor_type.shape.dim[1].dim_value = len(head.bias)
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, out)


def _sources_of(outputs: list[str], producer: dict[str, onnx.NodeProto]) -> set[str]:
    """Every tensor that these outputs are computed from, and the outputs themselves."""
    tensors, pending = set[str](), list(outputs)
    while pending:
        name = pending.pop()
        if name not in tensors and name in producer:
            tensors.add(name)
            pending += producer[name].input
    return tensors


def _nodes(features: str) -> list[onnx.NodeProto]:
    names = {part: f"{PREFIX}{part}" for part in ("weights", "usual", "bias", "evidence", "pooled", "flat")}
    return [
        helper.make_node("Conv", [features, names["weights"]], [names["evidence"]], f"{PREFIX}Conv", kernel_shape=[1, 1]),
        helper.make_node("Sub", [names["evidence"], names["usual"]], [CAMS], f"{PREFIX}Sub"),
        helper.make_node("GlobalAveragePool", [CAMS], [names["pooled"]], f"{PREFIX}Batcher"),
        helper.make_node("Flatten", [names["pooled"]], [names["flat"]], f"{PREFIX}Flatten", axis=1),
        helper.make_node("Add", [names["flat"], names["bias"]], [LOGITS], f"{PREFIX}Add"),
    ]


def _tensors(head: Head, usual: Evidence | None) -> list[TensorProto]:
    """The head's numbers; its bias gets back what is taken from every place."""
    subtracted = np.zeros((len(head.bias), 1, 1), np.float32) if usual is None else usual
    bias = head.bias + subtracted.mean((1, 2), dtype=np.float64).astype(np.float32)
    values = {"weights": head.weights[:, :, None, None], "usual": subtracted[None], "bias": bias}
    return [numpy_helper.from_array(value, f"{PREFIX}{name}") for name, value in values.items()]
