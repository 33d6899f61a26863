"""The model card, written from config.json and metrics.json alone: no sentence about quality without its figure."""

from typing import Any

from export.release import tables
from skinapp.i18n.messages import text
from skinapp.labels import NEAR, Priority
from skinapp.model.session import CPU, file_for
from skinapp.model.spec import ModelSpec

SOURCES = {
    "ham10000": "HAM10000 (Tschandl, Rosendahl, Kittler, Scientific Data 5, 180161, 2018), CC BY-NC 4.0",
    "isic2018_val": "ISIC 2018 Task 3 validation set, ISIC Archive, CC BY-NC 4.0",
    "isic2017": "ISIC 2017, ISIC Archive, CC-0",
    "isic2020": "ISIC 2020, ISIC Archive, CC BY-NC 4.0",
    "isic_uda": "ISIC UDA, ISIC Archive, CC-0",
    "milk10k": "MILK10k (MILK study team, ISIC Archive, doi 10.34970/648456), each lesion through a dermatoscope and by a plain "
    "camera, CC BY-NC 4.0",
    "kaggle9": "a nine-class extract of the ISIC Archive, licences by photo (CC-0, CC BY, CC BY-NC)",
}
FOOD101 = (
    "Keras' ImageNet EfficientNetV2-B0 (Apache-2.0) fine-tuned on Food-101 by a public web demo whose repository names no "
    "licence: the mean of four of its published versions, batch norms re-estimated"
)
FIRST_FIT = f"a first fit on the same photos (8 epochs at 192 pixels, rate 1e-3), which started from {FOOD101}"
SECOND_FIT = f"a second fit on the same photos (7 epochs at 192 pixels, rate 7e-4), which started from {FIRST_FIT}"
THIRD_FIT = f"a third fit on the same photos (15 epochs at 192 pixels, rate 8e-4), which started from {SECOND_FIT}"
FIFTH_FIT = f"a fifth fit (6 epochs at 192 pixels, with ReLU), which started from {THIRD_FIT}"
INITIAL = {
    "hub": "timm's own weights for this architecture",
    "": "random weights",
    "tf_efficientnetv2_b0.food101.safetensors": FOOD101,
    "tf_efficientnetv2_b0.first-fit.safetensors": f"the weights of {FIRST_FIT}",
    "tf_efficientnetv2_b0.second-fit.safetensors": f"the weights of {SECOND_FIT}",
    "tf_efficientnetv2_b0.third-fit.safetensors": f"the weights of {THIRD_FIT}",
    "tf_efficientnetv2_b0.both_views.safetensors": (
        "the weights of a first run on photos of both views (10 epochs at 192 pixels, rate 5e-4; the fits before it saw the "
        f"dermatoscope photos of the other collections alone), which started from the weights of {FIFTH_FIT}"
    ),
    "mobilenetv3_small_100.first-run.safetensors": (
        "the weights of a first run (23 epochs at 128 and 160 pixels, rate 2e-3), which started from random weights and learned "
        "from the same network"
    ),
}
GROUND_TRUTH = (
    "How the lesions were told: in HAM10000's 10015 photos by histopathology in 5340, by follow-up in 3704, by a consensus of "
    "experts in 902 and by confocal microscopy in 69; the other collections mostly don't say"
)
REDUCED_READING = (
    "Large JPEGs are read at the smallest of libjpeg's scales (1/2, 1/4, 1/8) that leaves enough pixels: of 350 photos of `val` "
    "enlarged to 12 megapixels 6 got another priority than from all pixels when answered from one look, where the largest change "
    "of a probability was 0.16, and 1 when answered carefully"
)
"""Measured on the large embedded network, which learned from no other (EXPERIMENTS.md, 'photos read at libjpeg's scales')."""
PLOTS = {
    "reliability": "How often the likeliest lesion is right, against how sure the model is",
    "confusion": "What each lesion was named",
    "roc": "Lesions found, against false alarms",
    "robustness": "Photos still named the same under faults of cameras",
}
FORMS = {
    "int8": ("static INT8 ONNX", "static INT8 with percentile ranges"),
    "int8_trt": ("static INT8 ONNX for TensorRT", "static INT8 with percentile ranges"),
    "w8": ("ONNX with INT8 weights", "weights stored as INT8 and computed in float, rounded by what they do to maps"),
}
"""What a card calls the form of the weights that is served on CPUs, and how it is made."""
HEADER = """---
license: {licence}
library_name: timm
pipeline_tag: image-classification
tags: [dermatoscopy, skin-lesion, onnx, int8, education]
---
"""


def render(spec: ModelSpec, figures: dict[str, Any]) -> str:
    """The card's text (Markdown), in the four parts of CLEAR Derm."""
    return "\n".join(
        [
            HEADER.format(licence="cc-by-nc-4.0" if _known(spec) else "other"),
            f"# {spec.architecture} for seven skin lesions, {FORMS[_served(spec)][0]}\n",
            f"{text('disclaimer', 'en')}\n",
            "## Data\n",
            *_data(spec, figures),
            "## Technique\n",
            *_technique(spec),
            "## Technical assessment\n",
            *_assessment(figures),
            "## Application\n",
            *_application(spec, figures),
        ]
    )


def _data(spec: ModelSpec, figures: dict[str, Any]) -> list[str]:
    lines = [
        f"- {count} photos: {SOURCES.get(name, f'{name}, licence not stated')}."
        for name, count in spec.provenance["trained_on"].items()
    ]
    both = spec.provenance["lesions_on_both_sides"]
    split = "no lesion is in two splits" if both == 0 else f"{both} lesions are on both sides, so the figures are too good"
    lines.append(f"- The split: {split}.")
    lines += [
        f"- Photos that the figures below are measured on: {_people(name, report)}." for name, report in _served_reports(figures)
    ]
    return [*lines, *([f"- {GROUND_TRUTH}.", "- For non-commercial use, as HAM10000 is.\n"] if _known(spec) else [""])]


def _people(split: str, report: dict[str, Any]) -> str:
    """How many photos of a split there are by skin tone, sex, age and body site."""
    parts = [f"{report['n']} of `{split}`"]
    for aspect, label in tables.ASPECTS.items():
        counts = [f"{name} {group['n']}" for name, group in report["subgroups"].get(aspect, {}).items()]
        parts += [f"{label}: {', '.join(counts)}"] if counts else []
    return "; ".join(parts)


def _served_reports(figures: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Of each split the report that has more than the others: the served file's."""
    splits = [(name, figures[name]) for name in ("val", "test") if name in figures]
    return [(name, report) for name, precisions in splits for report in precisions.values() if "subgroups" in report]


def _technique(spec: ModelSpec) -> list[str]:
    recipe = spec.provenance["recipe"]
    return [
        f"- timm `{spec.architecture}`{_activation(spec)}, input {spec.transform.input_size}, started from "
        f"{_initial(recipe['init'])}{_teachers_text(recipe)}.",
        f"- {recipe['epochs']} epochs at {_sizes(recipe)} pixels, served at {recipe['eval_size']}; all options are in "
        "`config.json`.",
        *_averaged(recipe),
        f"- The last layer leans towards common lesions: {spec.provenance['lean']} times the log of how common each is on `val`.",
        f"- Exported through Optimum; {FORMS[_served(spec)][1]} over {spec.provenance['calibration_photos']} "
        "training photos, as many of each lesion.",
        f"- Temperature {spec.temperature}; thresholds {_thresholds(spec)}, chosen on `val` on the CPU's file. They",
        "  serve all files: the columns below show what each makes of them (`int8_trt` was computed on a CPU).",
        *_views(spec),
        *([f"- {REDUCED_READING}."] if _known(spec) and spec.clinical and not recipe.get("teachers") else []),
        "",
    ]


def _views(spec: ModelSpec) -> list[str]:
    """What format 2 adds: views, looks, sets and the mix of lesions."""
    if spec.careful is None:
        return []
    lines = [
        f"- One photo is answered from the mean of {len(spec.looks)} looks at it (turned, and along its longer side), by a "
        f"temperature of {spec.careful.temperature} and thresholds of their own; many photos, live and bulk from one look.",
        "- Probabilities hold for this mix of lesions, to which the photos of `val` were weighted in either view: "
        f"{', '.join(f'{code} {share:.1%}' for code, share in spec.mix.items())}.",
        "- Prediction sets are conformal by lesion and view: for nine in ten of `val`'s photos of each lesion it is in the set.",
    ]
    if spec.clinical:
        lines.append(
            "- Plain camera photos are told from those through a dermatoscope by a head on the embedding, and have a temperature "
            f"({spec.clinical.careful.temperature}), thresholds, sets and limits of quality of their own."
        )
    return lines


def _served(spec: ModelSpec) -> str:
    """The form of the weights that CPUs get."""
    return spec.files[file_for(spec, CPU)].precision


def _sizes(recipe: dict[str, Any]) -> str:
    """The sides of the training views; recipes of format 1 have one."""
    return ", then ".join(map(str, recipe.get("sizes", [recipe.get("size")])))


def _averaged(recipe: dict[str, Any]) -> list[str]:
    names = recipe.get("averaged", [])
    return [f"- The weights are the mean of that run's and of {', '.join(f'`{name}`' for name in names)}."] if names else []


def _teachers_text(recipe: dict[str, Any]) -> str:
    """What the network learned from beside the labels."""
    if not (count := len(recipe.get("teachers", []))):
        return ""
    learned = "answers and last features" if recipe.get("features") else "answers"
    return f", and learned from the {learned} of {count} earlier network(s) as well as from the labels"


def _activation(spec: ModelSpec) -> str:
    return f" with `{spec.activation}` as its activation" if spec.activation else ""


def _assessment(figures: dict[str, Any]) -> list[str]:
    lines = []
    for split in ("val", "test"):
        if split in figures:
            lines += tables.overview(split, figures[split])
    for split, report in _served_reports(figures)[-1:]:
        lines += [f"### The served file on `{split}`, in more detail\n", _headline(report), *tables.priorities(report)]
        lines += [*tables.views(report), *tables.sets(report), *tables.outside(report)]
        lines += [*tables.lesions(report), *tables.calibration(report), *tables.robustness(report), *tables.subgroups(report)]
        lines += [f"![{text}](plots/{name}.png)\n" for name, text in PLOTS.items() if name != "robustness" or name in report]
    gate = figures.get("gate", {})
    lines += [*tables.answered(gate), *tables.refusals(figures.get("not_lesions", {})), *tables.scores(gate)]
    return [*lines, *tables.framing(gate), *tables.mobile(figures.get("mobile", {}))]


def _headline(report: dict[str, Any]) -> str:
    answered = report["priorities"][Priority.URGENT.value]
    return f"**Of {sum(answered.values())} photos of melanomas {answered[Priority.LOW.value]} were called Low.**\n"


def _application(spec: ModelSpec, figures: dict[str, Any]) -> list[str]:
    too_few = [_too_few(report) for _, report in _served_reports(figures)[-1:]]
    return [
        f"- Intended for teaching and research on {_kinds(spec)} of single lesions.",
        "- Not for deciding about anybody's health, nor for photos of anything but one of the seven lesions.",
        *_limits(spec),
        *[f"- Too few photos for any figure, and nothing is claimed: {names}." for names in too_few if names],
        f"- On every answer, also Low, users read what to do next. Low says: “{text('advice.low', 'en')}”",
        "- The heatmap shows where the evidence lies, not why.\n",
    ]


def _too_few(report: dict[str, Any]) -> str:
    """The subgroups without figures."""
    names_by_aspect = {
        label: [name for name, group in report["subgroups"].get(aspect, {}).items() if group["balanced_accuracy"] is None]
        for aspect, label in tables.ASPECTS.items()
    }
    return "; ".join(f"{label} {', '.join(names)}" for label, names in names_by_aspect.items() if names)


def _known(spec: ModelSpec) -> bool:
    """Whether these are weights trained on HAM10000, of which more can be said than of any photos."""
    return "ham10000" in spec.provenance["trained_on"]


def _kinds(spec: ModelSpec) -> str:
    return "photos through a dermatoscope, and close-ups by plain cameras," if spec.clinical else "dermatoscopic photos"


def _limits(spec: ModelSpec) -> list[str]:
    if not _known(spec):
        return ["- Nothing is claimed for photos of another kind than those it was trained on."]
    return [
        "- Trained almost only on light skin: for dark skin too little was measured, and nothing is claimed.",
        "- A plain photo is worth less than one through a dermatoscope: the figures by view say how much."
        if spec.clinical
        else "- Trained on photos taken through a dermatoscope: for plain phone photos nothing was measured or is claimed.",
        "- Skin tones are those of the photos: no dermatoscope's white balance is known, and bluish skin counts as very light.",
    ]


def _initial(name: str) -> str:
    return INITIAL.get(name, f"the file {name}, licence not stated")


def _thresholds(spec: ModelSpec) -> str:
    thresholds = ", ".join(f"{code} {value}" for code, value in spec.thresholds.items() if code != NEAR)
    return f"{thresholds} (from mel {spec.thresholds[NEAR]} on, nothing is Low)"
