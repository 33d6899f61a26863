"""python examples/python/skinapp_litert.py FOLDER PHOTO ...

The whole answer to a photo as docs/mobile.md describes it, in plain numpy around LiteRT: what an app has to do, in the order in
which it does it. FOLDER is what `python -m export mobile` wrote; Pillow only turns a file into pixels.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

BITS = 22
"""Of the fixed point numbers that a resize weighs pixels with."""
WHITE, HAIR, HAIR_WIDTH = 250, 30, 9

Pixels = np.ndarray
Outputs = dict[str, np.ndarray]


@dataclass
class Answer:
    """Everything on the way from a photo to what a person reads, in the order in which it is computed."""

    view: Pixels
    pixels: np.ndarray
    outputs: Outputs
    taken: str
    probabilities: dict[str, float]
    figures: dict[str, float]
    issues: list[str]
    priority: str
    lesions: list[str]


class Model:
    """A .tflite file and the numbers that belong to it."""

    def __init__(self, folder: Path, file: str = "model_int8.tflite", threads: int = 1) -> None:
        self.about: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self.rules: dict[str, Any] = self.about["config"]["skinapp"]
        self.codes: list[str] = self.about["config"]["label_names"]
        self.run = interpreter(folder / file, threads)

    def answer(self, photo: Pixels) -> Answer:
        """The answer to a photo `[height, width, 3]`, RGB, uint8, upright."""
        known = self.about["config"]["pretrained_cfg"]
        view = centre(photo, known["input_size"][1])
        pixels = normalized(view, known["mean"], known["std"])
        outputs = self.run(pixels)
        embedding, logits = outputs["embedding"], outputs["logits"]
        taken = self.view_of(embedding)
        rule, limits = self.rule(taken), self.limits(taken)
        chances = softmax(logits / rule["temperature"])
        figures = quality(photo, view, outputs["cams"][logits.argmax()], evidence(embedding, self.rules["lesion_head"]))
        issues = beyond(figures, limits["refuse"])
        known_chances = dict(zip(self.codes, chances.tolist(), strict=True))
        priority = "unclear" if issues else self.priority(known_chances, rule["thresholds"])
        return Answer(view, pixels, outputs, taken, known_chances, figures, issues, priority, among(known_chances, rule["sets"]))

    def view_of(self, embedding: np.ndarray) -> str:
        """How the photo was taken: through a dermatoscope or by a plain camera."""
        clinical = self.rules.get("clinical")
        return "clinical" if clinical and evidence(embedding, clinical["view_head"]) > 0 else "dermoscopic"

    def rule(self, taken: str) -> dict[str, Any]:
        """Temperature, thresholds and sets of one look at a photo of this view."""
        if taken == "clinical":
            return self.rules["clinical"]["quick"]
        return {key: self.rules[key] for key in ("temperature", "thresholds", "sets")}

    def limits(self, taken: str) -> dict[str, Any]:
        return self.rules["clinical"]["quality"] if taken == "clinical" else self.rules["quality"]

    def priority(self, chances: dict[str, float], thresholds: dict[str, float]) -> str:
        """The most severe priority whose lesion reaches its threshold: never the likeliest lesion's alone."""
        severity = [name for name in self.about["priorities"] if name != "unclear"]
        reached = [
            lesion["priority"]
            for lesion in self.about["lesions"]
            if lesion["code"] in thresholds and chances[lesion["code"]] >= thresholds[lesion["code"]]
        ]
        if reached:
            return min(reached, key=severity.index)
        malignant = sum(chances[lesion["code"]] for lesion in self.about["lesions"] if lesion["malignant"])
        is_near = chances["mel"] >= thresholds["near_mel"] or malignant >= thresholds.get("malignant", 1.0)
        return "medium" if is_near else "low"


def interpreter(path: Path, threads: int) -> Callable[[np.ndarray], Outputs]:
    """One pass over `[1, height, width, 3]`, by the names of the outputs."""
    loaded = Interpreter(model_path=str(path), num_threads=threads)
    runner = loaded.get_signature_runner()
    (name,) = runner.get_input_details()

    def run(pixels: np.ndarray) -> Outputs:
        return {key: value[0] for key, value in runner(**{name: pixels}).items()}

    return run


def read(path: Path) -> Pixels:
    """A file's pixels, turned upright as its EXIF says, without transparency."""
    with Image.open(path) as picture:
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


def centre(photo: Pixels, side: int) -> Pixels:
    """The square in the middle of the photo, whose shorter side is scaled to `side`."""
    height, width = photo.shape[:2]
    wide, high = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    left, top = round((wide - side) / 2), round((high - side) / 2)
    return resized(photo, wide, high)[top : top + side, left : left + side]


def resized(photo: Pixels, width: int, height: int) -> Pixels:
    """Bicubic (a = -0.5), over as many pixels as each new one covers, or details would flicker. Across first, then down, both
    rounded to whole grey levels."""
    across = _weighed(photo.swapaxes(0, 1), _weights(photo.shape[1], width)).swapaxes(0, 1)
    return _weighed(across, _weights(photo.shape[0], height))


def _weighed(lines: Pixels, weights: np.ndarray) -> Pixels:
    if len(weights) == len(lines):
        return lines
    sums = np.tensordot(weights, lines.astype(np.int64), 1) + (1 << (BITS - 1))
    return np.clip(sums >> BITS, 0, 255).astype(np.uint8)


def _weights(old: int, new: int) -> np.ndarray:
    """How much of each old line is in each new one `[new, old]`, in fixed point."""
    scale = old / new
    wide = max(scale, 1.0)
    weights = np.zeros((new, old), np.int64)
    for line in range(new):
        middle = (line + 0.5) * scale
        first, last = max(int(middle - 2 * wide + 0.5), 0), min(int(middle + 2 * wide + 0.5), old)
        own = _cubic((np.arange(first, last) - middle + 0.5) / wide)
        own = own / own.sum() * (1 << BITS)
        weights[line, first:last] = np.trunc(own + np.where(own < 0, -0.5, 0.5))
    return weights


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, -0.5 * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def normalized(view: Pixels, mean: list[float], std: list[float]) -> np.ndarray:
    """The network's input `[1, height, width, 3]`, float32."""
    return ((view.astype(np.float32) / np.float32(255) - np.float32(mean)) / np.float32(std))[None]


def softmax(scaled: np.ndarray) -> np.ndarray:
    powers = np.exp(scaled.astype(np.float64) - scaled.max())
    return powers / powers.sum()


def evidence(embedding: np.ndarray, head: dict[str, Any]) -> float:
    """The log-odds that a head tells of the direction of an embedding."""
    length = max(float(np.linalg.norm(embedding)), 1e-12)
    return float(np.dot(embedding, np.float64(head["weights"]))) / length + head["bias"]


def among(chances: dict[str, float], limits: dict[str, float]) -> list[str]:
    """The lesions among which the true one is nine times in ten, likeliest first."""
    ranked = sorted(chances, key=lambda code: -chances[code])
    return [code for code in ranked if chances[code] >= limits[code]] or ranked[:1]


def quality(photo: Pixels, view: Pixels, cam: np.ndarray, lesion_evidence: float) -> dict[str, float]:
    """May this photo be answered at all? What the network sees of it in figures; cells of the map with evidence count most."""
    grey = (view.astype(np.int64) @ [9798, 19235, 3735] + (1 << 14)) >> 15
    weights = _spread(cam, grey.shape)
    return {
        "short_side": float(min(photo.shape[:2])),
        "sharpness": float((_laplacian(grey) ** 2 * weights).sum()),
        "evenness": _evenness(grey, cam),
        "brightness": float(grey.mean()),
        "contrast": float(np.percentile(grey, 95) - np.percentile(grey, 5)),
        "glare": float((view >= WHITE).all(2).mean()),
        "hair": float(((_filled(grey) - grey > HAIR) * weights).sum()),
        "lesion_evidence": lesion_evidence,
    }


def beyond(figures: dict[str, float], limits: dict[str, float]) -> list[str]:
    """The limits that a photo does not keep to."""
    checks = {
        "small": figures["short_side"] < limits["min_short_side"],
        "dark": figures["brightness"] < limits["min_brightness"],
        "bright": figures["brightness"] > limits["max_brightness"],
        "glare": figures["glare"] > limits["max_glare"],
        "flat": figures["contrast"] < limits["min_contrast"],
        "blurred": figures["sharpness"] < limits["min_sharpness"],
        "shaken": figures["evenness"] < limits["min_evenness"],
        "hair": figures["hair"] > limits["max_hair"],
        "no_lesion": figures["lesion_evidence"] < limits["min_lesion_evidence"],
    }
    return [issue for issue, is_found in checks.items() if is_found]


def _spread(cam: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """How much each pixel counts, together 1: as much as the positive evidence of the map's cell above it."""
    weights = np.maximum(cam, 0).astype(np.float64)
    weights = weights if weights.any() else np.ones_like(weights)
    rows, columns = (np.diff(np.arange(n + 1) * length // n) for length, n in zip(shape, cam.shape, strict=True))
    each = weights / weights.sum() / np.outer(rows, columns)
    return each.repeat(rows, 0).repeat(columns, 1)


def _laplacian(grey: np.ndarray) -> np.ndarray:
    """The four neighbours less four times the pixel; beyond the edge, the pixel before it is seen again."""
    wide = np.pad(grey, 1, mode="reflect")
    return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * grey


def _evenness(grey: np.ndarray, cam: np.ndarray) -> float:
    """Of two crossing directions, how much sharper the one is than the other: shaking blurs one alone."""
    middle = 2 * grey[1:-1, 1:-1]
    pairs = (
        (grey[1:-1, :-2] + grey[1:-1, 2:], grey[:-2, 1:-1] + grey[2:, 1:-1]),
        (grey[:-2, :-2] + grey[2:, 2:], grey[:-2, 2:] + grey[2:, :-2]),
    )
    weights = _spread(cam, middle.shape)
    found = [[1 + float(((ends - middle) ** 2 * weights).sum()) for ends in pair] for pair in pairs]
    return min(min(pair) / max(pair) for pair in found)


def _filled(grey: np.ndarray) -> np.ndarray:
    """The picture with thin dark lines filled: of all neighbours in a square the largest, and then of those the smallest."""
    for pick, beyond_edge in ((np.max, -1), (np.min, 256)):
        for axis in (0, 1):
            margin = [(HAIR_WIDTH // 2,) * 2 if axis == one else (0, 0) for one in (0, 1)]
            wide = np.pad(grey, margin, constant_values=beyond_edge)
            grey = pick(np.lib.stride_tricks.sliding_window_view(wide, HAIR_WIDTH, axis), -1)
    return grey


def told(model: Model, found: Answer, language: str = "en") -> str:
    """What a person reads, in the app's own words: every answer ends with what it is not."""
    words = model.about["wording"][language]
    hints = [words["issues"][issue] for issue in found.issues]
    top = max(found.probabilities, key=lambda code: found.probabilities[code])
    named = f"{words['lesions'][top]} {found.probabilities[top]:.1%}"
    return "\n".join([words["priorities"][found.priority], named, *hints, words["advice"][found.priority], words["disclaimer"]])


def main(folder: str, *photos: str) -> None:
    model = Model(Path(folder))
    for photo in photos:
        print(photo, told(model, model.answer(read(Path(photo)))), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
