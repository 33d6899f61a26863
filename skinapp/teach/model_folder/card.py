"""The card of a model that somebody taught, from its config and its figures alone, with a script that runs it without skinapp."""

from typing import Any

from skinapp.i18n.messages import text
from skinapp.model.spec import ModelSpec

HEADER = """---
license: other
pipeline_tag: image-classification
tags: [onnx, image-classification]
---
"""

SCRIPT = """import json, sys
import numpy as np
import onnxruntime
from PIL import Image, ImageOps

config = json.load(open("config.json", encoding="utf-8"))
seen, temperature = config["pretrained_cfg"], config["skinapp"]["temperature"]
height, width = seen["input_size"][1:]
photo = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGB")
down, across = int(height / seen["crop_pct"]), int(width / seen["crop_pct"])
if seen["crop_mode"] == "center":  # the shorter side to this size, as the input is square
    shorter = min(photo.size)
    across, down = (int(down * side / shorter) if side > shorter else down for side in photo.size)
photo = photo.resize((across, down), getattr(Image.Resampling, seen["interpolation"].upper()))
left, top = round((across - width) / 2), round((down - height) / 2)
pixels = np.asarray(photo.crop((left, top, left + width, top + height)), np.float32) / np.float32(255)
pixels = (pixels - np.float32(seen["mean"])) / np.float32(seen["std"])
session = onnxruntime.InferenceSession("{file}", providers=["CPUExecutionProvider"])
pixels_by_name = {{"pixel_values": pixels.transpose(2, 0, 1)[None]}}
logits = session.run(["logits"], pixels_by_name)[0][0].astype(np.float64) / temperature
chances = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
print(json.dumps(dict(zip(config["label_names"], chances.tolist())), ensure_ascii=False))
least = config["skinapp"].get("least_likeness")
if least is not None and session.run(["likeness"], pixels_by_name)[0][0] < least:
    print("It is like none of these.", file=sys.stderr)"""


def render(spec: ModelSpec, file: str, figures: dict[str, Any]) -> str:
    """The card's text (Markdown)."""
    held_out = figures["held_out"]
    return "\n".join(
        [
            HEADER,
            f"# {_names(spec.labels)}\n",
            f"{text('own.disclaimer', 'en')}\n",
            *_origin(spec),
            "## Pictures\n",
            *_pictures(spec, held_out),
            "## How good it is\n",
            *_figures(held_out),
            *_confusion(spec.labels, held_out["confusion"]),
            *_curve(figures["cross_validation"]["curve"]),
            "## Run it\n",
            "With skinapp: `python app.py --model FOLDER` for the page, `python -m skinapp PHOTO --model FOLDER --json` in a",
            "terminal. To hand it on: `hf upload OWNER/NAME FOLDER`, then `--model OWNER/NAME`. Without skinapp, in this",
            "folder, with numpy, Pillow and onnxruntime, to the same last digit for an 8-bit photo:\n",
            f"```python\n{SCRIPT.format(file=file)}\n```\n",
        ]
    )


def _origin(spec: ModelSpec) -> list[str]:
    """What the head was put on."""
    base, second = spec.provenance["taught_on"], spec.provenance.get("and_on")
    lines = [f"`{spec.architecture}` of {base['id']}@{base['revision']} (`{base['file']}`) with a linear head that was"]
    if second:
        lines = [
            f"`{spec.architecture}` of {base['id']}@{base['revision']} (`{base['file']}`), beside the network of",
            f"{second['id']}@{second['revision']} (`{second['file']}`), with a linear head on both that was",
        ]
    whose = "those models', whose licences hold on" if second else "that model's, whose licence holds on"
    lines.append(f"taught in skinapp's page; all but the head is {whose}.\n")
    if spec.least_likeness is not None:
        lines.append(
            f"A photo whose `likeness` is below {spec.least_likeness} shows none of these: it is less like the pictures\n"
            "learned from than these are like each other (a cosine of embeddings to the nearest three of a class, less half\n"
            "of that to the nearest three of other things, where the network comes with some).\n"
        )
    return lines


def _names(labels: tuple[str, ...]) -> str:
    """The classes in a title."""
    names = ", ".join(_escaped(label) for label in labels[:6])
    return names if len(labels) <= 6 else f"{names} and {len(labels) - 6} more"


def _pictures(spec: ModelSpec, held_out: dict[str, Any]) -> list[str]:
    counts = spec.provenance["learned_from"]
    rows = [f"| {_escaped(label)} | {counts[label]} | {held_out['pictures'][label]} |" for label in spec.labels]
    origin = (
        "from its maker's `test` folder"
        if held_out["how"] == "test folder"
        else "drawn from each class, near-copies kept together"
    )
    left_out = (
        f" {held_out['near_copies_left_out']} near-copies of them were not learned from."
        if held_out["near_copies_left_out"]
        else ""
    )
    return ["| class | learned from | held out |", "|---|---|---|", *rows, "", f"Held out: {origin}.{left_out}\n"]


def _figures(held_out: dict[str, Any]) -> list[str]:
    return [
        f"On the {held_out['n']} pictures held out, which it never saw:\n",
        f"- Accuracy {_interval(held_out['accuracy'])}; naming always the commonest class gives {held_out['commonest']:.1%}.",
        f"- Balanced accuracy (the mean of the classes) {_interval(held_out['balanced_accuracy'])}.",
        f"- How sure it is differs from how often it is right by {held_out['ece']:.1%} (ECE). Classes count the same, "
        "however many pictures each had.\n",
    ]


def _interval(figure: dict[str, float | None]) -> str:
    value, low, high = figure["value"], figure["low"], figure["high"]
    return "–" if value is None or low is None or high is None else f"{value:.1%} (95% interval {low:.1%} to {high:.1%})"


def _confusion(labels: tuple[str, ...], counts: dict[str, dict[str, int]]) -> list[str]:
    head = "| is, named → | " + " | ".join(_escaped(label) for label in labels) + " |"
    rows = [
        f"| {_escaped(label)} | " + " | ".join(str(counts[label][predicted]) for predicted in labels) + " |" for label in labels
    ]
    return [head, "|---" * (len(labels) + 1) + "|", *rows, ""]


def _curve(curve: list[dict[str, Any]]) -> list[str]:
    listed = "; ".join(f"{point['share']:.0%} of them {point['balanced_accuracy']:.1%}" for point in curve)
    return [f"Balanced accuracy by cross-validation on the pictures learned from: {listed}.\n"]


def _escaped(label: str) -> str:
    """A label that no Markdown takes for its own."""
    return "".join(f"&#{ord(letter)};" if letter in "|*_`<>[]\\&#~!" else letter for letter in label)
