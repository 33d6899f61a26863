"""Scaling channels evens their ranges out and changes no answer."""

from copy import deepcopy

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export import graph
from export.quantization.equalization import equalize
from export.quantization.gptq import session_with_outputs
from skinapp.model.session import INPUT, OUTPUTS
from tests.export.test_graph import SHIPPED, SIZE, inputs, network

PIXELS = list(inputs(6, seed=300).numpy())


def answers(model: onnx.ModelProto, names=OUTPUTS) -> list[np.ndarray]:
    return session_with_outputs(model, [name for name in names if name not in OUTPUTS]).run(
        list(names), {INPUT: np.stack(PIXELS)}
    )


@pytest.fixture(scope="module")
def relu(tmp_path_factory) -> onnx.ModelProto:
    """The shipped architecture with ReLU, as FP32 graph."""
    path = tmp_path_factory.mktemp("relu") / "full.onnx"
    graph.to_onnx(deepcopy(network(SHIPPED, activation="relu")), SIZE, path)
    return onnx.load(path)


def relus(model: onnx.ModelProto) -> list[str]:
    return [node.output[0] for node in model.graph.node if node.op_type == "Relu"]


def head(model: onnx.ModelProto) -> list[str]:
    return [node.name for node in model.graph.node if node.name.startswith(graph.HEAD)]


def test_the_answer_stays_the_same_and_channels_come_closer(relu):
    even = deepcopy(relu)
    count = equalize(even, head(even), PIXELS)
    assert count == 54, "of 55 ReLUs only the last one, which the head reads, keeps its channels"
    for before, after in zip(answers(relu), answers(even), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-4 * np.abs(before).max())
    spreads = []
    for before, after in zip(*(answers(model, relus(model)) for model in (relu, even)), strict=True):
        loudest = [np.sort(maps.max((0, 2, 3))) for maps in (before, after)]
        spreads.append([one[-1] / np.median(one) for one in loudest if np.median(one) > 0])
    whole = np.array([one for one in spreads if len(one) == 2])
    assert np.median(whole[:, 1]) < 0.9 * np.median(whole[:, 0])


def test_a_network_with_silu_is_left_alone(tmp_path):
    graph.to_onnx(deepcopy(network(SHIPPED)), SIZE, tmp_path / "full.onnx")
    model = onnx.load(tmp_path / "full.onnx")
    before = model.SerializeToString()
    assert equalize(model, head(model), PIXELS) == 0 and model.SerializeToString() == before


@pytest.mark.parametrize(
    ("last", "is_scaled"), [("Conv", True), ("Add", False), ("Sigmoid", False)], ids=["convolution", "sum", "sigmoid"]
)
def test_channels_are_scaled_only_where_every_reader_undoes_it(last, is_scaled):
    rng = np.random.default_rng(0)
    tensors = {
        "w": rng.normal(size=(4, 3, 1, 1)) * np.array([9, 3, 1, 0.3])[:, None, None, None],
        "v": rng.normal(size=(2, 4, 1, 1)),
    }
    readers = {
        "Conv": helper.make_node("Conv", ["b", "v"], ["out"], name="second"),
        "Add": helper.make_node("Add", ["b", "b"], ["out"], name="second"),
        "Sigmoid": helper.make_node("Sigmoid", ["b"], ["out"], name="second"),
    }
    nodes = [helper.make_node("Conv", [INPUT, "w"], ["a"], name="first"), helper.make_node("Relu", ["a"], ["b"], name="relu")]
    body = helper.make_graph(
        [*nodes, readers[last]],
        "two",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", *SIZE])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in tensors.items()],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    before = session_with_outputs(model, []).run(["out"], {INPUT: np.stack(PIXELS)})[0]
    assert equalize(model, [], PIXELS) == is_scaled
    after = session_with_outputs(model, []).run(["out"], {INPUT: np.stack(PIXELS)})[0]
    np.testing.assert_allclose(after, before, atol=1e-5 * np.abs(before).max())
