import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.quantization import gptq
from export.quantization.gptq import MAX_STEP, PAIR
from skinapp.model.session import INPUT


def convolution(weights, **attributes) -> onnx.ModelProto:
    """A graph of one convolution over photos of 12x12."""
    node = helper.make_node("Conv", [INPUT, "w"], ["out"], name="conv", **attributes)
    shape = ["batch", weights.shape[1] * attributes.get("group", 1), 12, 12]
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def outputs(weights, photos, **attributes):
    session = gptq.session_with_outputs(convolution(weights, **attributes), [])
    return np.concatenate([session.run(["out"], {INPUT: photo[None]})[0] for photo in photos])


def alike(rng, count: int, channels: int):
    """Photos whose channels and neighbouring places go together, as those of real photos do."""
    rough = rng.normal(size=(count, 1, 4, 4)) + 0.3 * rng.normal(size=(count, channels, 4, 4))
    return list((0.5 + np.kron(rough, np.ones((3, 3)))).astype(np.float32))


CASES = [
    pytest.param((16, 8, 1, 1), {}, id="1x1"),
    pytest.param((16, 4, 3, 3), {"pads": [1, 1, 1, 1]}, id="3x3"),
    pytest.param((8, 1, 3, 3), {"group": 8, "pads": [0, 0, 1, 1], "strides": [2, 2]}, id="depthwise of stride 2"),
]


@pytest.mark.parametrize(("shape", "attributes"), CASES)
def test_outputs_on_other_photos_change_less_than_by_rounding_to_the_nearest_step(shape, attributes):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=shape).astype(np.float32)
    photos = alike(rng, 40, shape[1] * attributes.get("group", 1))
    stored, steps = gptq.round_weights(convolution(weights, **attributes), [], photos[:30])["w"]
    wide = steps[:, None, None, None]
    exact, ours, nearest = (
        outputs(w, photos[30:], **attributes) for w in (weights, stored * wide, np.round(weights / wide) * wide)
    )
    assert np.square(ours - exact).mean() < 0.5 * np.square(nearest - exact).mean()


@pytest.mark.parametrize(("shape", "attributes"), CASES)
def test_weights_stay_near_their_own_and_within_seven_bits_and_a_sign(shape, attributes):
    rng = np.random.default_rng(1)
    weights = rng.normal(size=shape).astype(np.float32)
    photos = alike(rng, 5, shape[1] * attributes.get("group", 1))
    stored, steps = gptq.round_weights(convolution(weights, **attributes), [], photos)["w"]
    assert stored.dtype == np.int8 and stored.shape == weights.shape and stored.min() >= -127
    finest = np.abs(weights).max(axis=(1, 2, 3)) / 127
    assert np.all(steps >= finest * 0.999999) and np.all(steps < 2 * finest)
    np.testing.assert_allclose(stored * steps[:, None, None, None], weights, atol=8 * steps.max())


@pytest.mark.parametrize("signs", [1, -1])
def test_no_two_neighbours_of_one_sign_overflow_sixteen_bits(signs):
    """Neighbours as a GEMM reads them: a place's channels side by side. 255 is the largest activation."""
    weights = signs * np.random.default_rng(5).uniform(0.5, 1, size=(16, 4, 3, 3)).astype(np.float32)
    stored, steps = gptq.round_weights(convolution(weights), [], alike(np.random.default_rng(6), 5, 4))["w"]
    pairs = stored.transpose(0, 2, 3, 1).reshape(16, -1, 2).astype(int).sum(2)
    assert np.abs(pairs).max() == PAIR and np.abs(255 * pairs).max() < 2**15
    np.testing.assert_allclose(stored * steps[:, None, None, None], weights, atol=8 * steps.max())


def test_neighbours_of_both_signs_and_depthwise_weights_take_all_of_eight_bits():
    rng = np.random.default_rng(7)
    weights = rng.uniform(0.5, 1, size=(16, 4, 1, 1)) * np.array([1, -1, -1, 1])[:, None, None]
    stored, _ = gptq.round_weights(convolution(weights.astype(np.float32)), [], alike(rng, 5, 4))["w"]
    assert np.all(np.abs(stored.astype(int)).max((1, 2, 3)) >= MAX_STEP - 1)
    own = rng.uniform(0.5, 1, size=(8, 1, 3, 3)).astype(np.float32)
    stored, _ = gptq.round_weights(convolution(own, group=8), [], alike(rng, 5, 8))["w"]
    assert np.all(np.abs(stored.astype(int)).max((1, 2, 3)) >= MAX_STEP - 1)


def test_inputs_that_have_nothing_in_common_are_rounded_to_the_nearest_step():
    weights = np.random.default_rng(2).normal(size=(1, 4, 5))
    moments = np.eye(5)[None]
    whole = gptq._carried(weights * 50, moments, limit=2 * MAX_STEP)
    np.testing.assert_array_equal(whole, np.clip(np.round(weights * 50), -127, 127))


def test_the_head_is_left_alone_and_the_same_photos_give_the_same_weights():
    weights = np.random.default_rng(3).normal(size=(16, 8, 1, 1)).astype(np.float32)
    model, photos = convolution(weights), alike(np.random.default_rng(4), 3, 8)
    assert gptq.round_weights(model, ["conv"], photos) == {}
    first, second = (gptq.round_weights(model, [], photos)["w"][0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
