"""A timm network becomes the ONNX graph of the contract: one pass gives logits, every lesion's class map and the embedding."""

import warnings
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from onnxruntime.quantization import quant_pre_process
from optimum.exporters.onnx import export
from optimum.exporters.onnx.model_configs import ViTOnnxConfig
from timm.layers import Conv2dSame
from timm.layers.padding import pad_same_arg
from torch import nn
from transformers import PretrainedConfig

from skinapp.model.session import INPUT, OUTPUTS
from train.network import head

OPSET = 18
HEAD = "/head/"
"""What the names of the nodes behind the features start with."""


class Contract(nn.Module):
    """A timm network with its head turned round; `config` and the output names are what Optimum asks of a model."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.head = net, head.of(net)
        self.config = PretrainedConfig(model_type="timm")

    def forward(self, pixel_values: torch.Tensor) -> dict[str, torch.Tensor]:
        return dict(zip(OUTPUTS, self.head(self.net.forward_features(pixel_values)), strict=True))


class ContractOnnxConfig(ViTOnnxConfig):
    """Names the graph's input and outputs and leaves only the batch open."""

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        return {INPUT: {0: "batch"}}

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        return {name: {0: "batch"} for name in OUTPUTS}


def fix_padding(net: nn.Module, input_size: tuple[int, int, int]) -> None:
    """Replace TensorFlow's SAME padding, which exports as shape arithmetic, by the zeros it comes to at this input size."""
    input_sizes: dict[nn.Module, torch.Size] = {}
    convolutions = {name: module for name, module in net.named_modules() if isinstance(module, Conv2dSame)}
    hooks = [
        module.register_forward_pre_hook(lambda module, inputs: input_sizes.__setitem__(module, inputs[0].shape[-2:]))
        for module in convolutions.values()
    ]
    with torch.inference_mode():
        net(torch.zeros(1, *input_size))
    for hook in hooks:
        hook.remove()
    for name, module in convolutions.items():
        zeros = nn.ZeroPad2d(pad_same_arg(input_sizes[module], module.weight.shape[-2:], module.stride, module.dilation))
        fixed = nn.Conv2d(
            module.in_channels,
            module.out_channels,
            module.kernel_size,
            module.stride,
            dilation=module.dilation,
            groups=module.groups,
            bias=module.bias is not None,
        )
        fixed.load_state_dict(module.state_dict())
        net.set_submodule(name, nn.Sequential(zeros, fixed))


def to_onnx(net: nn.Module, input_size: tuple[int, int, int], path: Path) -> None:
    """Write the FP32 graph, with batch norms folded and shapes known, so that the quantizer sees every weight."""
    channels, height, width = input_size
    fix_padding(net, input_size)
    model = Contract(net).eval()
    model.config.image_size, model.config.num_channels = (height, width), channels
    raw = path.with_suffix(".raw.onnx")
    shapes = {"batch_size": 1, "num_channels": channels, "height": height, "width": width}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the exporter which Optimum chooses is an old one
        export(model, ContractOnnxConfig(model.config, task="image-classification"), raw, opset=OPSET, input_shapes=shapes)
    quant_pre_process(raw, path, skip_symbolic_shape=True)
    raw.unlink()
    _use_average_pools(path)
    _name_all_nodes(path)
    onnx.checker.check_model(path, full_check=True)


def _use_average_pools(path: Path) -> None:
    """Write means over all places as GlobalAveragePool: of a mean ONNX Runtime has no INT8 kernel."""
    model = onnx.load(path)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "ReduceMean" and not node.name.startswith(HEAD)]:
        keeps_dims = all(entry.i for entry in node.attribute if entry.name == "keepdims")
        if keeps_dims and sorted(numpy_helper.to_array(constants[node.input[1]]) % 4) == [2, 3]:
            node.op_type = "GlobalAveragePool"
            del node.input[1], node.attribute[:]
    onnx.save(model, path)


def _name_all_nodes(path: Path) -> None:
    """ONNX Runtime takes HardSwish apart and leaves the parts without names, by which the quantizer leaves nodes out."""
    model = onnx.load(path)
    for node in model.graph.node:
        node.name = node.name or f"/{node.op_type}/{node.output[0].strip('/')}"
    onnx.save(model, path)


def features(path: Path) -> int:
    """The length of a graph's embedding."""
    shapes = {entry.name: entry.type.tensor_type.shape.dim for entry in onnx.load(path).graph.output}
    return int(shapes["embedding"][1].dim_value)


def head_nodes(path: Path) -> list[str]:
    """The nodes behind the features: they stay out of INT8, so that the head can be read, checked and swapped."""
    return [node.name for node in onnx.load(path).graph.node if node.name.startswith(HEAD)]
