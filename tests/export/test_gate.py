import numpy as np
import pytest

from export import gate
from skinapp.labels import CODES
from skinapp.session import Answer

THRESHOLDS = {"akiec": 0.14, "bcc": 0.14, "mel": 0.1, "vasc": 0.14}


def answer(*named: str, sure: float = 5.0, maps: int = 0) -> Answer:
    logits = np.zeros((len(named), 7), np.float32)
    logits[np.arange(len(named)), [CODES.index(code) for code in named]] = sure
    cams = np.random.default_rng(maps).normal(size=(len(named), 7, 7, 7)).astype(np.float32)
    return Answer(logits, cams, np.zeros((len(named), 8), np.float32))


def lost(exact: Answer, quantized: Answer, *truths: str) -> gate.Loss:
    return gate.loss(exact, quantized, np.array([CODES.index(code) for code in truths]), 1.0, THRESHOLDS)


def test_the_same_answers_lose_nothing():
    truths = ("mel", "nv", "bcc", "nv")
    found = lost(answer(*truths), answer(*truths), *truths)
    assert found == gate.Loss(0, 0, 0, 0, pytest.approx(0, abs=1e-9))
    gate.check("model_int8.onnx", found)


def test_each_loss_is_counted_by_hand():
    truths = ("mel", "mel", "nv", "nv")
    found = lost(answer(*truths), answer("mel", "nv", "nv", "bkl"), *truths)
    # Recalls 1 and 1 become 0.5 and 0.5; one melanoma of two is missed and was Urgent; two photos of four are named otherwise.
    assert found == gate.Loss(0.5, 0.5, 0.5, 0.25, pytest.approx(0, abs=1e-9))


def test_maps_of_another_net_are_apart():
    assert lost(answer("nv", "nv"), answer("nv", "nv", maps=1), "nv", "nv").maps_apart == pytest.approx(1, abs=0.2)


def test_a_file_that_lost_too_much_is_refused_with_the_figure_and_its_limit():
    found = gate.Loss(0.004, 0.0123, 0.05, 0.0, 0.02)
    with pytest.raises(gate.GateError) as refused:
        gate.check("model_int8.onnx", found)
    assert str(refused.value) == (
        "model_int8.onnx loses too much against FP32 on val: melanoma_sensitivity 0.0123 (at most 0.01), named_otherwise 0.0500 "
        "(at most 0.03); change the quantization in export/quantize.py."
    )


def test_a_gain_is_no_loss():
    gate.check("model_int8.onnx", gate.Loss(-0.05, -0.05, 0.0, 0.0, 0.0))
