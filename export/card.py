"""The model card, written from config.json and metrics.json alone: no sentence about quality without its figure."""

from typing import Any

from skinapp.labels import CODES, LESIONS
from skinapp.spec import ModelSpec
from skinapp.wording import DISCLAIMER

SOURCES = {
    "ham10000": "HAM10000 (Tschandl, Rosendahl, Kittler, Scientific Data 5, 180161, 2018), CC BY-NC 4.0",
    "isic2018_val": "ISIC 2018 Task 3 validation set, ISIC Archive, CC BY-NC 4.0",
    "isic2017": "ISIC 2017, ISIC Archive, CC-0",
    "isic2020": "ISIC 2020, ISIC Archive, CC BY-NC 4.0",
    "isic_uda": "ISIC UDA, ISIC Archive, CC-0",
    "kaggle9": "a nine-class extract of the ISIC Archive, licences by photo (CC-0, CC BY, CC BY-NC)",
}
FOOD101 = (
    "Keras' ImageNet EfficientNetV2-B0 (Apache-2.0) fine-tuned on Food-101 by a public web demo whose repository names no "
    "licence: the mean of four of its published versions, batch norms re-estimated"
)
INITIAL = {
    "hub": "timm's own weights for this architecture",
    "": "random weights",
    "tf_efficientnetv2_b0.food101.safetensors": FOOD101,
    "tf_efficientnetv2_b0.first-fit.safetensors": (
        f"the weights of a first fit on the same photos (8 epochs at 192 pixels, rate 1e-3), which started from {FOOD101}"
    ),
}
HEADER = """---
license: {licence}
library_name: timm
pipeline_tag: image-classification
tags: [dermatoscopy, skin-lesion, onnx, int8, education]
---
"""


def render(spec: ModelSpec, figures: dict[str, Any]) -> str:
    """The card's text (Markdown), in the four parts of CLEAR Derm."""
    recipe = spec.provenance["recipe"]
    return "\n".join(
        [
            HEADER.format(licence="cc-by-nc-4.0" if _known(spec) else "other"),
            f"# {spec.architecture} for seven skin lesions, static INT8 ONNX\n",
            f"{DISCLAIMER.en}\n",
            "## Data\n",
            *_data(spec),
            "## Technique\n",
            f"- timm `{spec.architecture}`, input {spec.transform.input_size}, started from {_initial(recipe['init'])}.",
            f"- {recipe['epochs']} epochs at {recipe['size']} pixels, served at {recipe['eval_size']}; all options are in "
            "`config.json`.",
            f"- Exported through Optimum; static INT8 with percentile ranges over {spec.provenance['calibration_photos']} "
            "training photos, as many of each lesion.",
            f"- Temperature {spec.temperature}; thresholds {_thresholds(spec)}, chosen on `val` on the CPU's INT8 file. They",
            "  serve all files: the columns below show what each makes of them (`int8_trt` was computed on a CPU).\n",
            "## Technical assessment\n",
            *[line for split in ("val", "test") if split in figures for line in table(split, figures[split])],
            *refusals(figures.get("not_lesions", {})),
            "## Application\n",
            "- For teaching and research on dermatoscopic photos. Not for deciding about anybody's health.",
            *_limits(spec),
            "- The heatmap shows where the evidence lies, not why.\n",
        ]
    )


def _data(spec: ModelSpec) -> list[str]:
    lines = [
        f"- {count} photos: {SOURCES.get(name, f'{name}, licence not stated')}."
        for name, count in spec.provenance["trained_on"].items()
    ]
    both = spec.provenance["lesions_on_both_sides"]
    split = "no lesion is in two splits" if both == 0 else f"{both} lesions are on both sides, so the figures are too good"
    return [*lines, f"- The split: {split}.", *(["- For non-commercial use, as HAM10000 is.\n"] if _known(spec) else [""])]


def _known(spec: ModelSpec) -> bool:
    """Whether these are weights trained on HAM10000, of which more can be said than of any photos."""
    return "ham10000" in spec.provenance["trained_on"]


def _limits(spec: ModelSpec) -> list[str]:
    if not _known(spec):
        return ["- Nothing is claimed for photos of another kind than those it was trained on."]
    return [
        "- Trained almost only on light skin and on photos taken through a dermatoscope: for dark skin and for plain phone "
        "photos nothing was measured, and nothing is claimed."
    ]


def _initial(name: str) -> str:
    return INITIAL.get(name, f"the file {name}, licence not stated")


def _thresholds(spec: ModelSpec) -> str:
    return ", ".join(f"{code} {value}" for code, value in spec.thresholds.items())


def table(split: str, precisions: dict[str, Any]) -> list[str]:
    """One split's figures as lines of Markdown, a column a precision, with 95% intervals by lesion."""
    names = list(precisions)
    first = precisions[names[0]]
    rows = [("photos / lesions", *(f"{precisions[name]['n']} / {precisions[name]['lesions']}" for name in names))]
    for key, label in _LABELS.items():
        rows.append((label, *(_cell(_at(precisions[name], key)) for name in names)))
    for code, lesion in zip(CODES, LESIONS, strict=True):
        if first["recall"][code]["value"] is not None:
            rows.append((f"recall, {lesion.name}", *(_cell(precisions[name]["recall"][code]) for name in names)))
    rows.append(("same lesion as FP32", *(str(precisions[name]["agrees_with_fp32"]) for name in names)))
    head = [
        f"Split `{split}`, 95% intervals by lesion:\n",
        f"| figure | {' | '.join(names)} |",
        "|---" * (len(names) + 1) + "|",
    ]
    return [*head, *(f"| {' | '.join(row)} |" for row in rows), ""]


def refusals(kinds: dict[str, Any]) -> list[str]:
    """How many pictures of other things are sent back."""
    if not kinds:
        return ["No photos of other things were at hand: nothing is refused for not being a lesion.\n"]
    rows = [f"| {kind.replace('_', ' ')} | {found['n']} | {found['refused']:.3f} |" for kind, found in kinds.items()]
    title = "Photos that are no lesions, other ones of the collections that taught the model to refuse them:\n"
    return [title, "| kind | photos | sent back |", "|---|---|---|", *rows, ""]


_LABELS = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "melanoma.auc": "melanoma AUC",
    "melanoma.sensitivity": "melanoma sensitivity at its threshold",
    "melanoma.specificity": "melanoma specificity at its threshold",
    "melanoma.called_urgent": "melanomas answered Urgent (the rest: another priority, or a retake)",
    "urgent_called_low": "melanomas called Low",
    "ece": "calibration error (ECE, 15 bins)",
    "answered": "photos answered (not sent back for a retake)",
}


def _at(report: dict[str, Any], key: str) -> dict[str, Any]:
    for part in key.split("."):
        report = report[part]
    return report


def _cell(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "no photos"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
