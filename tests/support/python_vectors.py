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

from skinapp.assessment import explain, framing, prediction_set, quality, triage
from skinapp.imaging import looks, preprocess
from skinapp.imaging.decode import Photo
from skinapp.labels import CODES
from skinapp.model.hub import EMBEDDED
from skinapp.model.spec import CROPS, INTERPOLATIONS, TURNS, LesionHead, Look, ModelSpec, Transform
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
        "looks": [looked(*size) for size in ((320, 240), (97, 133), (224, 224), (640, 200))],
        "framings": [framed(photo, seed) for seed, photo in enumerate(framable())],
        "sets": [among(seed) for seed in range(20)],
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


def looked(width: int, height: int) -> dict[str, Any]:
    """What eight looks see, and what becomes of their maps."""
    photo = np.random.default_rng(width).integers(0, 256, (height, width, 3)).astype(np.uint8)
    transform = replace(SPEC.transform, input_size=(3, 48, 48))
    chosen = [Look(CROPS[turn % 3], turn) for turn in range(TURNS)]
    cams = np.random.default_rng(height).normal(2, 3, (len(chosen), len(CODES), 5, 5)).astype(np.float32)
    boxes = looks.view_boxes(photo, transform, chosen)
    maps = looks.merge_maps(cams, chosen, boxes, 0.4)
    return {
        "transform": asdict(transform),
        "width": width,
        "height": height,
        "photo": packed(np.dstack([photo, np.full((height, width), 255, np.uint8)])),
        "looks": [asdict(look) for look in chosen],
        "views": [packed(view) for view in looks.views(photo, transform, chosen)],
        "boxes": [box._asdict() for box in boxes],
        "covering": looks.covering_box(boxes)._asdict(),
        "cams": [one.ravel().tolist() for one in cams],
        "merged": maps.ravel().tolist(),
        "cells": maps.shape[1:],
    }


def framable() -> list[Photo]:
    places = ((0.5, 0.5), (0.15, 0.2), (0.5, 0.02), (0.85, 0.6))
    sizes = ((320, 240), (240, 411), (448, 448), (900, 617), (64, 64), (1201, 903))
    return [
        *(drawings.lesion(*size, place, seed=size[0]) for size in sizes for place in places),
        drawings.plain(200),
        np.ascontiguousarray(drawings.lesion(640, 480)[:, :90]),
    ]


def framed(photo: Photo, seed: int) -> dict[str, Any]:
    """Where the embedded model's head finds the lesion of a photo, were its maps these."""
    head = ModelSpec.read(EMBEDDED).frame_head
    cams = np.random.default_rng(seed).normal(0, 4, (len(CODES), 7, 7)).astype(np.float32)
    height, width = photo.shape[:2]
    box = preprocess.view_box(photo, SPEC.transform)
    found = framing.find_framing(photo, cams, box, head)
    crop = framing.crop(found.box, width, height) if found.box else None
    is_part = crop is not None and not (crop.right - crop.left == width == height)
    return {
        "width": width,
        "height": height,
        "photo": packed(np.dstack([photo, np.full((height, width), 255, np.uint8)])),
        "cams": cams.ravel().tolist(),
        "cells": cams.shape[1:],
        "seen": box._asdict(),
        "head": asdict(head),
        "box": found.box._asdict() if found.box else None,
        "flaws": found.flaws,
        "crop": crop._asdict() if crop and is_part else None,
    }


def among(seed: int) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    known = draw.dirichlet(np.ones(len(CODES)))
    limits = dict(zip(CODES, (draw.random(len(CODES)) * (1.0 if seed % 4 else 3.0)).tolist(), strict=True))
    return {"chances": known.tolist(), "limits": limits, "set": prediction_set.of(known, limits)}


def shares() -> list[float]:
    return [0.0, 0.004, 0.0099, 0.01, 0.0149, 0.0151, 0.333, 0.5049, 0.5051, 0.989, 0.99, 0.9901, 1.0]


def packed(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, np.uint8).tobytes()).decode()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(vectors()))
