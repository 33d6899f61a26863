from dataclasses import replace

import numpy as np
import pytest

from export.quantization import accuracy_gate
from skinapp.assessment import triage
from skinapp.assessment.assessor import Assessment
from skinapp.assessment.loaded_model import ModelInfo
from skinapp.labels import CODES, Priority
from train.evaluate.metrics import Answers
from train.evaluate.run import Evaluation

THRESHOLDS = {"akiec": 0.14, "bcc": 0.14, "mel": 0.1, "near_mel": 0.08, "vasc": 0.14}


def said(*named: str, sure: float = 5.0, maps: int = 0) -> list[Assessment]:
    """The assessments of photos of which these lesions are named."""
    logits = np.zeros((len(named), 7), np.float32)
    logits[np.arange(len(named)), [CODES.index(code) for code in named]] = sure
    cams = np.random.default_rng(maps).normal(size=(len(named), 7, 7, 7)).astype(np.float32)
    blank = Assessment.blank(Priority.LOW, ModelInfo("tiny", "0", "tiny.onnx", "fp32", "CPU"))
    return [
        replace(
            blank,
            chances=chances,
            evidence=replace(blank.evidence, cams=cams[i]),
            focus=triage.deciding_lesion(chances, THRESHOLDS),
        )
        for i, chances in enumerate(triage.probabilities(logits, 1.0))
    ]


def lost(exact: list[Assessment], quantized: list[Assessment], *truths: str) -> accuracy_gate.Loss:
    targets = np.array([CODES.index(code) for code in truths])

    def evaluation(assessments: list[Assessment]) -> Evaluation:
        chances, priorities = (np.array([getattr(one, name) for one in assessments]) for name in ("chances", "priority"))
        return Evaluation({}, Answers(chances, targets, priorities, THRESHOLDS["mel"]), assessments)

    return accuracy_gate.loss(evaluation(exact), evaluation(quantized))


def test_the_same_answers_lose_nothing():
    truths = ("mel", "nv", "bcc", "nv")
    found = lost(said(*truths), said(*truths), *truths)
    assert found == accuracy_gate.Loss(0, 0, 0, 0, pytest.approx(0, abs=1e-9))
    accuracy_gate.check("model_int8.onnx", found)


def test_each_loss_is_counted_by_hand():
    truths = ("mel", "mel", "nv", "nv")
    found = lost(said(*truths), said("mel", "nv", "nv", "bkl"), *truths)
    # Recalls 1 and 1 become 0.5 and 0.5; one melanoma of two is missed and was Urgent; two photos of four are named otherwise.
    assert found == accuracy_gate.Loss(0.5, 0.5, 0.5, 0.25, pytest.approx(0, abs=1e-9))


def test_maps_of_another_net_are_apart():
    assert lost(said("nv", "nv"), said("nv", "nv", maps=1), "nv", "nv").maps_apart == pytest.approx(1, abs=0.2)


def test_a_file_that_lost_too_much_is_refused_with_the_figure_and_its_limit():
    found = accuracy_gate.Loss(0.004, 0.0123, 0.05, 0.0, 0.02)
    with pytest.raises(accuracy_gate.GateError) as refused:
        accuracy_gate.check("model_int8.onnx", found)
    assert str(refused.value) == (
        "model_int8.onnx loses too much against FP32 on val: melanoma_sensitivity 0.0123 (at most 0.01), named_otherwise 0.0500 "
        "(at most 0.03); change the quantization in export/quantization/quantize.py."
    )


def test_a_gain_is_no_loss():
    accuracy_gate.check("model_int8.onnx", accuracy_gate.Loss(-0.05, -0.05, 0.0, 0.0, 0.0))
