"""Puts another head on a model's ONNX graph, or on those of two models in one; the only importer of onnx.

What comes before the head stays as it is, bit by bit. The head's sums are written so that they don't depend on what else is in a
batch: a photo gets the same answer to the last bit wherever the file runs on this kind of processor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from skinapp.errors import ModelError
from skinapp.model.session import INPUT, LIKENESS, OUTPUTS
from skinapp.model.spec import Transform
from skinapp.teach.likeness import BACKGROUND_WEIGHT, EPSILON, NEAREST, Likeness
from skinapp.teach.linear_head import LEAST_FEATURE, Head

LOGITS, CAMS, EMBEDDING = OUTPUTS
PREFIX = "/taught/"
"""What the names of all that is put in start with."""
SECOND = "/second/"
"""What the names of a second network's tensors start with."""
FAR = np.float32(-4)
"""Below any cosine: the likeness to an exemplar that isn't there."""


Evidence = NDArray[np.float32]
"""`[k, h, w]`: of each class at each place."""


@dataclass(frozen=True)
class Base:
    """A network's graph, how photos are shown to it, and whether the head was learned on the roots of its embedding."""

    path: Path
    transform: Transform
    is_rooted: bool


@dataclass(frozen=True)
class _Body:
    """A network without its head: the names of its last maps and of their means, and how many they are; and of the roots of the
    means, where they are learned on."""

    features: str
    embedding: str
    size: int
    rooted: str = ""


def graft(bases: Sequence[Base], head: Head, usual: Evidence | None, likeness: Likeness | None, out: Path) -> None:
    """Write the graph of one network, or of two that see the same photo, with this head in place of their own.

    `usual` is the evidence that an average picture has at each place: maps show what a picture has more, so that what a network
    makes of every picture's edges is no hot spot. `likeness` is told by the last network.
    """
    model = onnx.load(bases[0].path)
    bodies = [_behead(model, bases[0].path)]
    for base in bases[1:]:
        bodies.append(_add(model, base, bases[0].transform))
    graph = model.graph
    for index, (base, body) in enumerate(zip(bases, bodies, strict=True)):
        if base.is_rooted:
            bodies[index] = _root(graph, body, f"{PREFIX}root{index}/")
    graph.node.extend(_nodes(bodies))
    graph.initializer.extend(_tensors(bodies, head, usual))
    if likeness:
        graph.node.extend(_likeness_nodes(bodies[-1].rooted or bodies[-1].embedding, likeness))
        graph.initializer.extend(_likeness_tensors(likeness))
    del graph.output[:]
    features = sum(body.size for body in bodies)
    shapes: dict[str, list[int | str]] = {LOGITS: [len(head.bias)], CAMS: [len(head.bias), "height", "width"]}
    shapes[EMBEDDING] = [features]
    for name, shape in {**shapes, **({LIKENESS: []} if likeness else {})}.items():
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]))
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, out)


def _behead(model: onnx.ModelProto, path: Path) -> _Body:
    """Take everything away but what the last maps and the embedding are computed from; the latter gets a name of ours."""
    graph = model.graph
    producer = {output: node for node in graph.node for output in node.output}
    evidence = producer.get(CAMS)
    while evidence is not None and evidence.name.startswith(PREFIX) and evidence.op_type != "Conv":  # a head put on here before
        evidence = producer.get(evidence.input[0])
    if evidence is None or evidence.op_type != "Conv":
        raise ModelError(f"{path} has no head that can be replaced (cams is made by no Conv); export it again.")
    if producer[EMBEDDING].op_type == "Concat":
        raise ModelError(f"{path} was taught on two networks, whose head can't be replaced; teach on one of them.")
    features, embedding = evidence.input[0], f"{PREFIX}{EMBEDDING}"
    while (maker := producer.get(features)) is not None and features.startswith(f"{PREFIX}root"):
        features = maker.input[0]
    shapes = {entry.name: entry.type.tensor_type.shape.dim for entry in graph.output}
    if producer[EMBEDDING].name == f"{PREFIX}Identity":
        embedding = producer[EMBEDDING].input[0]
    else:
        _rename(graph, EMBEDDING, embedding)
    producer = {output: node for node in graph.node for output in node.output}
    sources = _sources_of([embedding, features], producer)
    nodes = [node for node in graph.node if sources & set(node.output)]
    del graph.node[:]
    graph.node.extend(nodes)
    needed = {name for node in nodes for name in node.input}
    initializers = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(initializers)
    return _Body(features, embedding, int(shapes[EMBEDDING][1].dim_value))


def _rename(graph: onnx.GraphProto, name: str, new_name: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for index, one in enumerate(names):
                if one == name:
                    names[index] = new_name


def _add(model: onnx.ModelProto, base: Base, first: Transform) -> _Body:
    """Put a second network's body beside the first one's, which sees the same photo, but divided by other numbers."""
    second = onnx.load(base.path)
    versions = [{entry.domain: entry.version for entry in one.opset_import}[""] for one in (model, second)]
    if versions[0] != versions[1]:
        raise ModelError(f"{base.path} is of ONNX's version {versions[1]}, not {versions[0]}; export it again.")
    body = _behead(second, base.path)
    known = {entry.domain for entry in model.opset_import}
    model.opset_import.extend(entry for entry in second.opset_import if entry.domain not in known)
    for node in second.graph.node:
        node.name = node.name and f"{SECOND}{node.name}"
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = f"{SECOND}{name}" if name else name  # an input that is left out has no name
    for tensor in second.graph.initializer:
        tensor.name = f"{SECOND}{tensor.name}"
    mean, std, own_mean, own_std = (
        np.asarray(values, np.float64) for values in (first.mean, first.std, base.transform.mean, base.transform.std)
    )
    values = {"scale": std / own_std, "shift": (mean - own_mean) / own_std}
    model.graph.initializer.extend(
        numpy_helper.from_array(value.astype(np.float32)[None, :, None, None], f"{PREFIX}{name}")
        for name, value in values.items()
    )
    model.graph.node.append(helper.make_node("Mul", [INPUT, f"{PREFIX}scale"], [f"{PREFIX}scaled"], f"{PREFIX}Mul"))
    model.graph.node.append(
        helper.make_node("Add", [f"{PREFIX}scaled", f"{PREFIX}shift"], [f"{SECOND}{INPUT}"], f"{PREFIX}Shift")
    )
    model.graph.node.extend(second.graph.node)
    model.graph.initializer.extend(second.graph.initializer)
    return _Body(f"{SECOND}{body.features}", f"{SECOND}{body.embedding}", body.size)


def _sources_of(outputs: list[str], producer: dict[str, onnx.NodeProto]) -> set[str]:
    """Every tensor that these outputs are computed from, and the outputs themselves."""
    tensors, pending = set[str](), list(outputs)
    while pending:
        name = pending.pop()
        if name not in tensors and name in producer:
            tensors.add(name)
            pending += producer[name].input
    return tensors


def _root(graph: onnx.GraphProto, body: _Body, prefix: str) -> _Body:
    """Scale each feature's map so that its mean is the fourth root of what it was: a head on roots is then one on maps."""
    least, axes = f"{prefix}least", f"{prefix}axes"
    graph.initializer.append(numpy_helper.from_array(np.array([[LEAST_FEATURE]], np.float32), least))
    graph.initializer.append(numpy_helper.from_array(np.array([2, 3], np.int64), axes))
    chain: tuple[tuple[str, list[str], str], ...] = (
        ("Max", [body.embedding, least], f"{prefix}value"),
        ("Sqrt", [f"{prefix}value"], f"{prefix}half"),
        ("Sqrt", [f"{prefix}half"], f"{prefix}quarter"),
        ("Div", [f"{prefix}quarter", f"{prefix}value"], f"{prefix}factor"),
        ("Unsqueeze", [f"{prefix}factor", axes], f"{prefix}place"),
        ("Mul", [body.features, f"{prefix}place"], f"{prefix}features"),
        ("Mul", [body.embedding, f"{prefix}factor"], f"{prefix}embedding"),
    )
    graph.node.extend(helper.make_node(kind, inputs, [output], output) for kind, inputs, output in chain)
    return replace(body, features=f"{prefix}features", rooted=f"{prefix}embedding")


def _nodes(bodies: Sequence[_Body]) -> list[onnx.NodeProto]:
    """The head: evidence by place from each body's maps, together; its mean and a bias are the answer."""
    names = {part: f"{PREFIX}{part}" for part in ("usual", "bias", "evidence", "pooled", "flat")}
    evidence = [f"{PREFIX}evidence{index}" if len(bodies) > 1 else names["evidence"] for index in range(len(bodies))]
    nodes = [
        helper.make_node("Conv", [body.features, f"{PREFIX}weights{index}"], [name], f"{PREFIX}Conv{index}", kernel_shape=[1, 1])
        for index, (body, name) in enumerate(zip(bodies, evidence, strict=True))
    ]
    embeddings = [body.embedding for body in bodies]
    if len(bodies) > 1:
        nodes.append(helper.make_node("Add", evidence, [names["evidence"]], f"{PREFIX}Together"))
        nodes.append(helper.make_node("Concat", embeddings, [EMBEDDING], f"{PREFIX}Concat", axis=1))
    else:
        nodes.append(helper.make_node("Identity", embeddings, [EMBEDDING], f"{PREFIX}Identity"))
    return [
        *nodes,
        helper.make_node("Sub", [names["evidence"], names["usual"]], [CAMS], f"{PREFIX}Sub"),
        helper.make_node("GlobalAveragePool", [CAMS], [names["pooled"]], f"{PREFIX}Batcher"),
        helper.make_node("Flatten", [names["pooled"]], [names["flat"]], f"{PREFIX}Flatten", axis=1),
        helper.make_node("Add", [names["flat"], names["bias"]], [LOGITS], f"{PREFIX}Add"),
    ]


def _tensors(bodies: Sequence[_Body], head: Head, usual: Evidence | None) -> list[TensorProto]:
    """The head's numbers; its bias gets back what is taken from every place."""
    subtracted = np.zeros((len(head.bias), 1, 1), np.float32) if usual is None else usual
    bias = head.bias + subtracted.mean((1, 2), dtype=np.float64).astype(np.float32)
    ends = np.cumsum([body.size for body in bodies]).tolist()
    values = {"usual": subtracted[None], "bias": bias}
    for index, (body, end) in enumerate(zip(bodies, ends, strict=True)):
        values[f"weights{index}"] = np.ascontiguousarray(head.weights[:, end - body.size : end, None, None])
    return [numpy_helper.from_array(value, f"{PREFIX}{name}") for name, value in values.items()]


def _likeness_nodes(embedding: str, likeness: Likeness) -> list[onnx.NodeProto]:
    """As `Likeness.of` computes it; the cosines by a convolution, whose sums don't depend on what else is in a batch."""
    chain: tuple[tuple[str, list[str], str, dict[str, Any]], ...] = (
        ("Sub", [embedding, "middle"], "offset", {}),
        ("ReduceL2", ["offset", "axis1"], "length", {"keepdims": 1}),
        ("Max", ["length", "epsilon"], "divisor", {}),
        ("Div", ["offset", "divisor"], "unit", {}),
        ("Unsqueeze", ["unit", "axes23"], "place", {}),
        ("Cast", ["stored"], "exemplars", {"to": TensorProto.FLOAT}),
        ("Conv", ["place", "exemplars"], "cosines", {"kernel_shape": [1, 1]}),
        ("Reshape", ["cosines", "by_class"], "class_cosines", {}),
        ("Add", ["class_cosines", "absent"], "present_cosines", {}),
        ("TopK", ["present_cosines", "nearest"], "nearest_cosines", {"axis": 2}),
        ("ReduceMean", ["nearest_cosines", "axis2"], "likenesses", {"keepdims": 0}),
        ("ReduceMax", ["likenesses", "axis1"], "class_likeness" if len(likeness.background) else LIKENESS, {"keepdims": 0}),
    )
    if len(likeness.background):
        chain += (
            ("Cast", ["stored_background"], "background", {"to": TensorProto.FLOAT}),
            ("Conv", ["place", "background"], "background_cosines", {"kernel_shape": [1, 1]}),
            ("Flatten", ["background_cosines"], "flat_cosines", {"axis": 1}),
            ("TopK", ["flat_cosines", "nearest_others"], "nearest_background", {"axis": 1}),
            ("ReduceMean", ["nearest_background", "axis1"], "background_likeness", {"keepdims": 0}),
            ("Mul", ["background_likeness", "background_weight"], "taken_away", {}),
            ("Sub", ["class_likeness", "taken_away"], LIKENESS, {}),
        )
    nodes = []
    for kind, inputs, output, attributes in chain:
        named = [name if name == embedding else f"{PREFIX}{name}" for name in inputs]
        outputs = [output if output == LIKENESS else f"{PREFIX}{output}"]
        outputs += [f"{PREFIX}{output}_places"] if kind == "TopK" else []
        nodes.append(helper.make_node(kind, named, outputs, f"{PREFIX}{kind}_{output}", **attributes))
    return nodes


def _likeness_tensors(likeness: Likeness) -> list[TensorProto]:
    classes, most, features = likeness.exemplars.shape
    is_absent = np.arange(most) >= likeness.counts[:, None]
    values: dict[str, NDArray[Any]] = {
        "middle": likeness.middle[None],
        "epsilon": np.array([[EPSILON]], np.float32),
        "stored": likeness.exemplars.reshape(classes * most, features, 1, 1).astype(np.float16),
        "absent": np.where(is_absent, FAR, np.float32(0))[None].astype(np.float32),
        "by_class": np.array([-1, classes, most], np.int64),
        "nearest": np.array([likeness.nearest], np.int64),
        "axis1": np.array([1], np.int64),
        "axis2": np.array([2], np.int64),
        "axes23": np.array([2, 3], np.int64),
    }
    if len(likeness.background):
        values["stored_background"] = likeness.background[:, :, None, None].astype(np.float16)
        values["nearest_others"] = np.array([NEAREST], np.int64)
        values["background_weight"] = np.array([BACKGROUND_WEIGHT], np.float32)
    return [numpy_helper.from_array(value, f"{PREFIX}{name}") for name, value in values.items()]
