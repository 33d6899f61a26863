"""The whole answer, JPEG bytes in, JSON and overlay out: the app's, and that of a plain script of torch and pytorch-grad-cam."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from timm.data import create_transform

from skinapp.assessment.assessor import Assessor
from skinapp.imaging import encode
from skinapp.model.spec import ModelSpec
from train.network import model

Answers = Callable[[bytes], tuple[str, bytes]]
"""JPEG bytes to a report (JSON) and an overlay (JPEG)."""


def skinapp_answer(assessor: Assessor, *, careful: bool = False) -> Answers:
    """The app's answer, from one look or from several."""

    def answer(content: bytes) -> tuple[str, bytes]:
        photo, assessment = assessor.read_and_assess(content, careful=careful)
        return json.dumps(assessment.to_dict()), encode.jpeg(assessment.overlay(photo))

    return answer


def torch_answer(spec: ModelSpec, weights: Path, threads: int) -> Answers | None:
    """The answer of a script that uses timm and pytorch-grad-cam as their READMEs show; None where the latter isn't installed.

    It gets its probabilities from Grad-CAM's own pass, and draws at the size that the app draws at: both save it time.
    """
    try:
        from pytorch_grad_cam import GradCAM
        from pytorch_grad_cam.utils.image import show_cam_on_image
    except ImportError:
        return None
    torch.set_num_threads(threads)
    net, view_spec = model.load(spec.architecture, weights, spec.activation), spec.transform
    transform = create_transform(
        view_spec.input_size,
        interpolation=view_spec.interpolation,
        mean=view_spec.mean,
        std=view_spec.std,
        crop_pct=view_spec.crop_pct,
        crop_mode=view_spec.crop_mode,
    )
    explainer = GradCAM(model=net, target_layers=[net.bn2])

    def answer(content: bytes) -> tuple[str, bytes]:
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        heat = explainer(input_tensor=transform(picture).unsqueeze(0), targets=None)[0]  # of the likeliest lesion
        chances = torch.softmax(explainer.outputs[0], 0).tolist()
        picture.thumbnail((encode.MAX_SIDE, encode.MAX_SIDE))
        rgb = np.asarray(picture, np.float32) / 255
        overlay = show_cam_on_image(rgb, cv2.resize(heat, picture.size), use_rgb=True)
        probabilities = dict(zip(spec.labels, chances, strict=True))
        encoded = cv2.imencode(".jpg", overlay[:, :, ::-1])[1]
        top = max(probabilities, key=probabilities.__getitem__)
        return json.dumps({"top": top, "probabilities": probabilities}), bytes(encoded)

    return answer


def as_function(answer: Answers) -> Callable[[str], tuple[dict[str, float], NDArray[np.uint8]]]:
    """The same as a Gradio Interface takes it: a file's path to the chances of all labels and an overlay."""

    def predict(path: str) -> tuple[dict[str, float], NDArray[np.uint8]]:
        report, overlay = answer(Path(path).read_bytes())
        return json.loads(report)["probabilities"], np.asarray(Image.open(io.BytesIO(overlay)))

    return predict
