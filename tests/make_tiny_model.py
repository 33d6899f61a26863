"""python -m tests.make_tiny_model (in .venv-model)

Writes tests/tiny_model: a model folder whose answers can be computed by hand, so that tests of the runtime assert numbers.
Its features are the means of 4x4 blocks of pixels scaled to -1..1; each lesion's evidence is a weighted sum of red, green, blue:
melanoma's grows with darkness, nevus' with redness, vascular's with blue. It takes for a lesion what is more red than blue.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from skinapp.labels import CODES
from skinapp.model.session import INPUT, OUTPUTS
from skinapp.model.spec import (
    FRAME_FEATURES,
    FrameHead,
    HeatmapScale,
    LesionHead,
    ModelFile,
    ModelSpec,
    QualityLimits,
    QualityThresholds,
    Transform,
    sha256,
)
from tests import TINY_MODEL

FILE = "model_fp32.onnx"
SIDE, CELLS = 32, 8
SHARE = 10
"""The place of frame.py's feature that the tiny model finds lesions by: half the largest difference from the skin."""
WEIGHTS = {"mel": (-2.0, -2.0, -2.0), "nv": (4.0, -2.0, -2.0), "bcc": (1.0, 1.0, 1.0), "vasc": (-3.0, -1.0, 4.0)}
BIASES = {"bkl": -1.0, "df": -3.0, "akiec": -2.0, "vasc": -1.0}


def graph() -> onnx.ModelProto:
    """The contract's graph: `pixel_values` in; `logits`, `cams` and `embedding` out of one pass."""
    weights = np.array([WEIGHTS.get(code, (0, 0, 0)) for code in CODES], np.float32).reshape(len(CODES), 3, 1, 1)
    biases = np.array([BIASES.get(code, 0) for code in CODES], np.float32)
    nodes = [
        helper.make_node("AveragePool", [INPUT], ["features"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Conv", ["features", "weights"], ["cams"]),
        helper.make_node("ReduceMean", ["cams", "axes"], ["evidence"], keepdims=0),
        helper.make_node("Add", ["evidence", "biases"], ["logits"]),
        helper.make_node("ReduceMean", ["features", "axes"], ["embedding"], keepdims=0),
    ]
    shapes = dict(zip(OUTPUTS, ([len(CODES)], [len(CODES), CELLS, CELLS], [3]), strict=True))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in shapes.items()]
    inputs = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])]
    constants = {"weights": weights, "biases": biases, "axes": np.array([2, 3])}
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    body = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def spec(digest: str) -> ModelSpec:
    """Round numbers, so that a test can say what must come out."""
    everywhere = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")
    return ModelSpec(
        architecture="tiny",
        activation="",
        labels=CODES,
        transform=Transform((3, SIDE, SIDE), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", 1.0, "center"),
        files={FILE: ModelFile(digest, "fp32", everywhere)},
        temperature=0.5,
        thresholds={"akiec": 0.25, "bcc": 0.25, "mel": 0.25, "vasc": 0.25, "near_mel": 0.2},
        heatmap=HeatmapScale(dict.fromkeys(CODES, 1.0), dict.fromkeys(CODES, 5.0), shift=0.0),
        lesion_head=LesionHead((4.0, 0.0, -4.0), 0.0),
        frame_head=FrameHead(tuple(20.0 if place == SHARE else 0.0 for place in range(FRAME_FEATURES)), -10.0),
        quality=QualityThresholds(
            refuse=QualityLimits(
                min_short_side=64,
                min_sharpness=50.0,
                min_evenness=0.05,
                min_brightness=40.0,
                max_brightness=235.0,
                min_contrast=10.0,
                max_glare=0.25,
                max_hair=0.6,
                min_lesion_evidence=0.4,
            ),
            warn=QualityLimits(
                min_short_side=96,
                min_sharpness=100.0,
                min_evenness=0.1,
                min_brightness=60.0,
                max_brightness=225.0,
                min_contrast=20.0,
                max_glare=0.05,
                max_hair=0.4,
                min_lesion_evidence=0.5,
            ),
        ),
        provenance={"made_by": "tests/make_tiny_model.py"},
    )


if __name__ == "__main__":
    TINY_MODEL.mkdir(exist_ok=True)
    onnx.save(graph(), TINY_MODEL / FILE)
    spec(sha256(TINY_MODEL / FILE)).write(TINY_MODEL)
