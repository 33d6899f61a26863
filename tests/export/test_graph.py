"""The exported graph, of networks with seeded random weights: the shipped architecture, and others with either kind of head."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export import build, graph
from export.quantization import quantize
from export.quantization.gptq import PAIR, round_weights
from skinapp.imaging import decode, preprocess
from skinapp.labels import CODES
from skinapp.model.session import CPU, INPUT, OUTPUTS, Session
from skinapp.model.spec import LesionHead, ModelSpec, Transform
from tests import TINY_MODEL
from tests.support import drawings
from train.data import dataset
from train.network import model

SIZE = (3, 96, 96)
SHIPPED = "tf_efficientnetv2_b0"
PHONE = "mobilenetv3_small_100"
LINEAR = [SHIPPED]
HIDDEN = [PHONE, "mobilenetv3_large_100", "tf_mobilenetv3_small_minimal_100"]
"""The last one's hidden layer has a ReLU, and its padding is TensorFlow's."""


@cache
def network(architecture: str = SHIPPED, seed: int = 0, activation: str = "") -> torch.nn.Module:
    """Random weights, with batch norms that have seen the pictures, so that activations are of a trained network's size."""
    torch.manual_seed(seed)
    net = model.create(architecture, activation=activation).train()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the plain mean of what it sees
    with torch.no_grad():
        net(inputs(16))
        if architecture in HIDDEN:  # both bends of the hard swish are reached, and logits stay of a usual size
            net.conv_head.weight *= 6 / net.conv_head(net.global_pool(net.eval().forward_features(inputs(16)))).std()
            net.classifier.weight *= 0.05
    return net.eval()


def inputs(count: int, seed: int = 0) -> torch.Tensor:
    photos = np.stack([drawings.lesion(96, 96, seed=seed + number) for number in range(count)])
    return torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 127.5 - 1


def run(path, pixels: torch.Tensor) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return dict(zip(OUTPUTS, session.run(OUTPUTS, {INPUT: pixels.numpy()}), strict=True))


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Callable[[str], Path]:
    """The FP32 graph of an architecture, made once."""
    folder = tmp_path_factory.mktemp("graphs")

    def export(architecture: str) -> Path:
        path = folder / f"{architecture}.onnx"
        if not path.exists():
            graph.to_onnx(deepcopy(network(architecture)), SIZE, path)
        return path

    return export


@pytest.fixture(scope="module")
def path(exported):
    return exported(SHIPPED)


@pytest.mark.parametrize("architecture", LINEAR + HIDDEN)
def test_the_logits_are_the_networks(architecture, exported):
    net = network(architecture)
    with torch.inference_mode():
        expected = net(inputs(3)).numpy()
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(run(exported(architecture), inputs(3))["logits"], expected, atol=1e-4)


@pytest.mark.parametrize("architecture", LINEAR + HIDDEN)
def test_the_map_is_grad_cam_by_autograd(architecture, exported):
    """Grad-CAM: the gradient of a lesion's logit, averaged over the cells, weighs the feature maps; relu of the sum."""
    net, pixels = network(architecture), inputs(2, seed=50)
    cams = run(exported(architecture), pixels)["cams"]
    features = net.forward_features(pixels).detach().requires_grad_()
    for target in range(len(CODES)):
        logits = net.forward_head(features)
        (gradient,) = torch.autograd.grad(logits[:, target].sum(), features)
        weights = gradient.mean((2, 3), keepdim=True)
        expected = (weights * features).sum(1).relu().detach().numpy()
        cells = cams.shape[2] * cams.shape[3]
        assert expected.max() > 1e-3
        assert np.abs(np.maximum(cams[:, target], 0) / cells - expected).max() < 1e-4


@pytest.mark.parametrize("architecture", HIDDEN)
def test_a_hidden_layer_weighs_the_features_of_each_photo_anew(architecture):
    """Else the test above would prove no more than a fixed weight a feature does."""
    net = network(architecture)
    with torch.inference_mode():
        hidden = net.conv_head(net.global_pool(net.forward_features(inputs(2, seed=50))))
    assert min((hidden < -3).float().mean(), (hidden > 3).float().mean(), (hidden.abs() < 3).float().mean()) > 0.05
    assert ((hidden[0] > 0) != (hidden[1] > 0)).float().mean() > 0.01


def test_the_mean_over_cells_plus_bias_is_the_logit(path):
    found = run(path, inputs(2))
    bias = network().get_classifier().bias.detach().numpy()
    np.testing.assert_allclose(found["cams"].mean((2, 3)) + bias, found["logits"], atol=1e-4)


@pytest.mark.parametrize("architecture", LINEAR + HIDDEN)
def test_the_embedding_times_the_last_layer_is_the_logit(architecture, exported):
    found = run(exported(architecture), inputs(2))
    last = network(architecture).get_classifier()
    expected = found["embedding"] @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    np.testing.assert_allclose(expected, found["logits"], atol=1e-4)


@pytest.mark.parametrize("architecture", LINEAR + HIDDEN)
def test_the_head_is_all_that_lies_behind_the_features(architecture, exported):
    """One tensor goes from the rest of the graph into the head, and all outputs come out of the head."""
    nodes, behind = onnx.load(exported(architecture)).graph.node, set(graph.head_nodes(exported(architecture)))
    assert len({node.name for node in nodes}) == len(nodes) and "" not in {node.name for node in nodes}
    made = {name for node in nodes if node.name not in behind for name in node.output}
    read = {name for node in nodes if node.name in behind for name in node.input}
    assert len(made & read) == 1 and not made & set(OUTPUTS)


def test_random_weights_give_another_map(path, tmp_path):
    """A map that survived the loss of all that was learnt would show the photo, not the network."""
    graph.to_onnx(deepcopy(network(seed=1)), SIZE, tmp_path / "other.onnx")
    one, other = (run(place, inputs(4))["cams"].reshape(28, -1) for place in (path, tmp_path / "other.onnx"))
    ranks = [np.array([row.argsort().argsort() for row in maps], float) for maps in (one, other)]
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(*ranks, strict=True)]
    assert abs(float(np.mean(correlations))) < 0.3


def test_the_batch_is_open_and_the_size_fixed(path):
    graph_ = onnx.load(path).graph
    shape = [entry.dim_param or entry.dim_value for entry in graph_.input[0].type.tensor_type.shape.dim]
    assert shape == ["batch", *SIZE]
    assert [run(path, inputs(count))["logits"].shape for count in (1, 5)] == [(1, 7), (5, 7)]


def test_nothing_but_arithmetic_is_left_in_the_graph(path):
    """Padding that is computed at run time, batch norms and identities would all cost time and keep weights from INT8."""
    assert {node.op_type for node in onnx.load(path).graph.node} == {
        "Conv",
        "Sigmoid",
        "Mul",
        "Add",
        "GlobalAveragePool",
        "ReduceMean",
    }


@pytest.mark.parametrize("architecture", HIDDEN)
def test_nothing_but_arithmetic_is_left_in_a_mobilenets_graph(architecture, exported):
    operators = {node.op_type for node in onnx.load(exported(architecture)).graph.node}
    head = {"Gemm", "MatMul", "Transpose", "Unsqueeze", "Abs", "Less", "Greater", "Cast", "Div"}
    assert operators - head <= {"Conv", "Relu", "HardSigmoid", "Mul", "Add", "GlobalAveragePool", "ReduceMean"}


@pytest.fixture(scope="module")
def eight_bit(path, tmp_path_factory):
    """The quantized files: for the CPU, for TensorRT, and weights alone."""
    folder = tmp_path_factory.mktemp("int8")
    pixels = list(inputs(24, seed=100).numpy())
    weights = round_weights(onnx.load(path), graph.head_nodes(path), pixels)
    found = quantize.ranges(path, pixels)
    quantize.to_int8(path, quantize.CPU, found, weights, folder / "cpu.onnx")
    quantize.to_int8(path, quantize.TENSORRT, found, weights, folder / "trt.onnx")
    quantize.to_w8(path, weights, folder / "w8.onnx")
    return folder


def test_one_loud_photo_leaves_the_gates_their_steps(path):
    quiet = list(inputs(40, seed=300).numpy())
    usual, disturbed = (quantize.gate_ranges(path, photos) for photos in (quiet, [*quiet[1:], 100 * quiet[0]]))
    assert len(usual) == 16
    for name, one in usual.items():
        assert one.highest <= disturbed[name].highest < 2 * one.highest


def test_int8_files_are_a_third_of_fp32(path, eight_bit):
    for name in ("cpu.onnx", "trt.onnx", "w8.onnx"):
        assert (eight_bit / name).stat().st_size < 0.34 * path.stat().st_size


@pytest.mark.parametrize(("name", "least"), [("cpu.onnx", 0.8), ("trt.onnx", 0.8), ("w8.onnx", 0.97)])
def test_quantized_maps_follow_the_float_ones(path, eight_bit, name, least):
    """Random weights forgive less than trained ones, whose maps tests/skinapp/model/test_embedded_model.py holds to 0.9."""
    pixels = inputs(6, seed=200)
    exact, found = (run(place, pixels)["cams"].ravel() for place in (path, eight_bit / name))
    assert np.corrcoef(exact, found)[0, 1] > least


def constants(model_: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model_.graph.initializer}


@pytest.mark.parametrize("name", ["cpu.onnx", "trt.onnx", "w8.onnx"])
def test_every_convolution_but_the_head_has_int8_weights_a_scale_a_channel(eight_bit, name):
    model_ = onnx.load(eight_bit / name)
    known, makers = constants(model_), {node.output[0]: node for node in model_.graph.node}
    for node in (node for node in model_.graph.node if node.op_type == "Conv"):
        if node.input[1] in known:
            assert known[node.input[1]].shape[0] == len(CODES), "only the head is stored in float"
            continue
        maker = makers[node.input[1]]
        source = makers[maker.input[0]].input[0] if maker.op_type == "Mul" else maker.input[0]
        assert known[source].dtype == np.int8
        assert known[maker.input[1]].size == known[source].shape[0]


@pytest.mark.parametrize("name", ["cpu.onnx", "trt.onnx"])
def test_no_two_neighbours_of_a_gemm_overflow_sixteen_bits(eight_bit, name):
    """CPUs without VNNI add two products of bytes in 16 bits: files that let them overflow answer something else there."""
    model_ = onnx.load(eight_bit / name)
    known, sums = constants(model_), []
    for value in known.values():
        if value.dtype == np.int8 and value.ndim == 4 and value.shape[1] > 1:
            flat = value.transpose(0, 2, 3, 1).reshape(len(value), -1).astype(int)
            sums.append(np.abs(flat[:, 0:-1:2] + flat[:, 1::2][:, : flat[:, 0:-1:2].shape[1]]).max())
    assert len(sums) > 50 and max(sums) == PAIR


def test_int8_kernels_compute_what_the_file_says(eight_bit):
    """Each node for itself, in float between its roundings, against all that ONNX Runtime puts in their place on this CPU."""
    plainly = onnxruntime.SessionOptions()
    plainly.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(eight_bit / "cpu.onnx", plainly, providers=["CPUExecutionProvider"])
    pixels = inputs(6, seed=200)
    said, served = session.run(["cams"], {INPUT: pixels.numpy()})[0], run(eight_bit / "cpu.onnx", pixels)["cams"]
    assert np.corrcoef(said.ravel(), served.ravel())[0, 1] > 0.95, (
        "random weights scatter roundings; overflows would scatter more"
    )


def test_biases_keep_their_values_whatever_their_steps(path, eight_bit):
    floats, model_ = constants(onnx.load(path)), onnx.load(eight_bit / "cpu.onnx")
    known, checked = constants(model_), 0
    for node in model_.graph.node:
        if node.op_type == "DequantizeLinear" and (stored := known.get(node.input[0])) is not None and stored.dtype == np.int32:
            steps, name = known[node.input[1]], node.input[0].removesuffix("_quantized")
            name = name if name in floats else name[:-1]  # a copy of a bias that layers share
            np.testing.assert_allclose(stored * steps, floats[name], atol=1.01 * steps.max())
            checked += 1
    assert checked > 50


def test_weights_alone_are_turned_into_float_once_at_load(eight_bit, tmp_path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    onnxruntime.InferenceSession(eight_bit / "w8.onnx", options, providers=["CPUExecutionProvider"])
    assert "Cast" not in {node.op_type for node in onnx.load(tmp_path / "loaded.onnx").graph.node}


def test_the_tensorrt_file_keeps_tensorrts_rules(eight_bit):
    """Signed, symmetric (zero point 0) everywhere; no INT32 biases; convolutions between Q/DQ pairs on both inputs."""
    model_ = onnx.load(eight_bit / "trt.onnx")
    known, makers = constants(model_), {node.output[0]: node for node in model_.graph.node}
    quantizers = [node for node in model_.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    for node in quantizers:
        assert known[node.input[2]].dtype == np.int8 and not known[node.input[2]].any()
    assert not any(value.dtype == np.int32 for value in known.values())
    for node in model_.graph.node:
        if node.op_type == "Conv" and node.input[1] not in known:
            assert makers[node.input[0]].op_type == makers[node.input[1]].op_type == "DequantizeLinear"
            assert known[node.input[2]].dtype == np.float32


def test_the_same_network_gives_the_same_bytes(path, tmp_path):
    graph.to_onnx(deepcopy(network()), SIZE, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


@pytest.fixture(scope="module")
def phone(drawn, tmp_path_factory):
    """The folder of a MobileNet's three files, quantized over drawn photos, and its FP32 graph."""
    folder = tmp_path_factory.mktemp("phone")
    model.save_half(network(PHONE), folder / "model.safetensors")
    build.write_graphs(PHONE, "", shown(), dataset.read_rows(drawn, drawn / "labels.csv", "train"), folder, tuple(build.GRAPHS))
    graph.to_onnx(model.load(PHONE, folder / "model.safetensors"), SIZE, folder / "model_fp32.onnx")
    return folder


def shown() -> Transform:
    """As `inputs` shows pictures."""
    return replace(model.transform(network(PHONE), SIZE[1]), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


@pytest.mark.parametrize(("name", "least"), [("model_int8.onnx", 0.6), ("model_int8_trt.onnx", 0.5), ("model_w8.onnx", 0.95)])
def test_a_quantized_mobilenet_answers_in_the_app_as_the_float_one_does(phone, drawn, name, least):
    """Rounded activations scatter the answers of random weights; those of another network would correlate by nothing."""
    spec = replace(
        ModelSpec.read(TINY_MODEL), transform=shown(), lesion_head=LesionHead((0.0,) * graph.features(phone / name), 0.0)
    )
    pixels = preprocess.batch([decode.read(row.path) for row in dataset.read_rows(drawn, drawn / "labels.csv", "test")], shown())
    exact, found = (Session(phone / file, spec, CPU).run(pixels) for file in ("model_fp32.onnx", name))
    assert found.cams.shape == (14, 7, 3, 3) and found.embedding.shape == (14, 1024)
    for output in OUTPUTS:
        assert np.corrcoef(getattr(exact, output).ravel(), getattr(found, output).ravel())[0, 1] > least, output
