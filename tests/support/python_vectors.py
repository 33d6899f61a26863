"""python -m tests.support.python_vectors OUT.json

What the runtime answers on drawn photos, for the browser's modules to be held against: written anew with every test run.
"""

import base64
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from skinapp.assessment import explain, quality, triage
from skinapp.imaging import preprocess
from skinapp.imaging.decode import Photo
from skinapp.labels import CODES
from skinapp.model.spec import INTERPOLATIONS, LesionHead, ModelSpec, Transform
from skinapp.web.bundles import manifest
from skinapp.web.render import percent
from tests import TINY_MODEL
from tests.support import drawings, photo_matrix

SIZES = [(320, 240), (240, 320), (31, 517), (64, 64), (32, 32), (33, 97), (1601, 1203), (16, 100), (999, 1000)]
SPEC = ModelSpec.read(TINY_MODEL)


def vectors() -> dict[str, Any]:
    return {
        "rules": manifest.rules(),
        "views": [view(*size, transform) for transform in transforms() for size in SIZES],
        "levels": levels(),
        "turned": [{"turn": turn, "file": base64.b64encode(photo_matrix.turned(turn, "webp")).decode()} for turn in range(1, 9)],
        "chances": [chances(seed) for seed in range(40)],
        "quality": [judged(photo) for photo in judgeable()],
        "maps": [layered(seed, shift) for seed, shift in enumerate((0.0, 0.4, -0.5))],
        "percents": {str(value): percent(value) for value in shares()},
    }


def transforms() -> list[Transform]:
    plain = SPEC.transform
    return [
        *(replace(plain, interpolation=name) for name in INTERPOLATIONS),
        replace(plain, crop_pct=0.875),
        replace(plain, crop_mode="squash"),
    ]


def view(width: int, height: int, transform: Transform) -> dict[str, Any]:
    photo = np.random.default_rng(width * height).integers(0, 256, (height, width, 3)).astype(np.uint8)
    alpha = np.full((height, width, 1), 255, np.uint8)
    return {
        "transform": asdict(transform),
        "width": width,
        "height": height,
        "photo": packed(np.concatenate([photo, alpha], axis=2)),
        "view": packed(preprocess.view(photo, transform)),
        "seen": preprocess.view_box(photo, transform)._asdict(),
    }


def levels() -> dict[str, Any]:
    """Every grey level on the scales of a real model, which are no round numbers."""
    transform = replace(SPEC.transform, input_size=(3, 16, 16), mean=(0.48, 0.45, 0.41), std=(0.23, 0.224, 0.2251))
    picture = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    pixels = preprocess.normalize(picture[None], transform)[0]
    return {"transform": asdict(transform), "picture": packed(picture), "pixels": pixels.ravel().tolist()}


def chances(seed: int) -> dict[str, Any]:
    logits = np.random.default_rng(seed).normal(0, 2, len(CODES)).astype(np.float32)
    temperature, thresholds = 0.5 + seed / 20, dict.fromkeys(SPEC.thresholds, 0.05 + seed / 80)
    known = triage.probabilities(logits, temperature)
    focus = triage.deciding_lesion(known, thresholds)
    return {
        "logits": logits.tolist(),
        "temperature": temperature,
        "thresholds": thresholds,
        "chances": known.tolist(),
        "focus": focus.code,
        "priority": focus.priority,
    }


def judgeable() -> list[Photo]:
    burnt = drawings.lesion()
    burnt[60:200, 90:230] = 255
    dark = (drawings.lesion() * 0.15).astype(np.uint8)
    blurred = cv2.GaussianBlur(drawings.lesion(), (0, 0), 40)
    return [
        drawings.lesion(),
        burnt,
        dark,
        blurred,
        drawings.plain(250),
        drawings.plain(0),
        drawings.lesion(63, 80),
        drawings.stripes(),
    ]


def judged(photo: Photo) -> dict[str, Any]:
    seen = preprocess.view(photo, SPEC.transform)
    embedding = preprocess.normalize(seen[None], SPEC.transform)[0].mean((1, 2))
    head, limits = LesionHead((4.0, 0.3, -4.0), 0.1), SPEC.quality
    cam = np.random.default_rng(len(photo)).normal(0 if photo.any() else -9, 1, (5, 7)).astype(np.float32)
    figures = quality.measure(min(photo.shape[:2]), seen, embedding, cam, head)
    report = quality.judge(figures, limits)
    return {
        "view": packed(seen),
        "width": photo.shape[1],
        "height": photo.shape[0],
        "embedding": embedding.tolist(),
        "cam": cam.ravel().tolist(),
        "cells": cam.shape,
        "head": asdict(head),
        "limits": asdict(limits),
        "figures": asdict(report.figures),
        "issues": report.issues,
        "warnings": report.warnings,
    }


def layered(seed: int, shift: float) -> dict[str, Any]:
    cam = np.random.default_rng(seed).normal(2, 3, (7, 7)).astype(np.float32)
    scale = replace(SPEC.heatmap, shift=shift)
    heat = explain.heatmap(cam, "mel", scale)
    return {
        "cam": cam.ravel().tolist(),
        "scale": asdict(scale),
        "heat": heat.ravel().tolist(),
        "wide": explain.enlarge(heat, 40, 24, shift).ravel().tolist(),
        "layer": packed(explain.layer(heat, shift)),
    }


def shares() -> list[float]:
    return [0.0, 0.004, 0.0099, 0.01, 0.0149, 0.0151, 0.333, 0.5049, 0.5051, 0.989, 0.99, 0.9901, 1.0]


def packed(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, np.uint8).tobytes()).decode()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(vectors()))
