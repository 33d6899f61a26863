"""A network's head, turned round: from the last feature map it gives the answer and each lesion's evidence per place.

The class maps are Grad-CAM at that feature map (the gradient of a lesion's logit, averaged over the cells, weighs the features)
times the number of cells, written out as arithmetic: one pass gives them, in torch and in the exported graph alike.
"""

import torch
from timm.models.efficientnet import EfficientNet
from timm.models.mobilenetv3 import MobileNetV3
from torch import nn
from torch.nn.functional import conv2d, hardsigmoid, linear

from train.data.dataset import DataError

Parts = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""`logits [n, 7]`, `cams [n, 7, h, w]` and `embedding [n, d]`, which the last layer reads, as skinapp.model.session.OUTPUTS."""


class LinearHead(nn.Module):
    """EfficientNet's: pooling, then a linear layer. The evidence per place, and then its mean, comes to the same."""

    def __init__(self, classifier: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(classifier.weight[:, :, None, None]), classifier.bias

    def forward(self, features: torch.Tensor) -> Parts:
        cams = conv2d(features, self.weight)
        return cams.mean((2, 3)) + self.bias, cams, features.mean((2, 3))


class HiddenHead(nn.Module):
    """MobileNetV3's: pooling, a hidden layer, then a linear layer. How much a feature weighs depends on the photo."""

    def __init__(self, layer: nn.Conv2d, activation: nn.Module, classifier: nn.Linear) -> None:
        super().__init__()
        self.layer, self.layer_bias = nn.Parameter(layer.weight[:, :, 0, 0]), layer.bias
        self.activate = ACTIVATIONS[type(activation)]
        self.weight, self.bias = classifier.weight, classifier.bias

    def forward(self, features: torch.Tensor) -> Parts:
        embedding, slope = self.activate(linear(features.mean((2, 3)), self.layer, self.layer_bias))
        # The chain rule from each lesion's logit back to the pooled features, [n, 7, channels].
        weights = (slope[:, None] * self.weight) @ self.layer
        # Channels last, because a reshape to [channels, cells] would put shape arithmetic into the exported graph.
        cams = features.permute(0, 2, 3, 1) @ weights.transpose(1, 2)[:, None]
        return linear(embedding, self.weight, self.bias), cams.permute(0, 3, 1, 2), embedding


def _hardswish(hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """In two operators, as ONNX Runtime would take it apart, but without names for the parts."""
    gate = hardsigmoid(hidden)
    return hidden * gate, gate + hidden / 6 * (hidden.abs() < 3)


def _relu(hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    is_positive = (hidden > 0).to(hidden.dtype)
    return hidden * is_positive, is_positive


ACTIVATIONS = {nn.Hardswish: _hardswish, nn.ReLU: _relu}
"""The value and the slope of each activation that a hidden layer may have."""


def of(net: nn.Module) -> LinearHead | HiddenHead:
    """The head of a timm network, with its weights; refuses a network whose class maps are not written out here."""
    if isinstance(net, EfficientNet) and net.global_pool.pool_type == "avg":
        return LinearHead(net.classifier)
    if isinstance(net, MobileNetV3) and isinstance(net.norm_head, nn.Identity) and type(net.act2) in ACTIVATIONS:
        return HiddenHead(net.conv_head, net.act2, net.classifier)
    name = net.pretrained_cfg["architecture"]
    raise DataError(f"{name} has a head whose class maps can't be drawn; give a timm EfficientNetV2 or MobileNetV3.")
