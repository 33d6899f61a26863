"""The figures of metrics.json as lines of Markdown tables; a table whose figures weren't measured has no lines."""

from collections.abc import Iterable, Sequence
from typing import Any

from skinapp.labels import CODES, LESIONS, Priority

LABELS = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "top3_accuracy": "true lesion among the three likeliest",
    "melanoma.auc": "melanoma AUC",
    "malignant_auc": "AUC of melanoma, carcinoma or keratosis (mel, bcc, akiec) against the rest",
    "melanoma.sensitivity": "melanoma sensitivity at its threshold",
    "melanoma.specificity": "melanoma specificity at its threshold",
    "melanoma.called_urgent": "melanomas answered Urgent (the rest: another priority, or a retake)",
    "urgent_called_low": "melanomas called Low",
    "ece": "calibration error (ECE, 15 bins)",
    "answered": "photos answered (not sent back for a retake)",
}
AGAINST_FP32 = {"agrees_with_fp32": "same lesion as FP32", "lost_against_fp32.urgent_to_low": "Urgent by FP32, but called Low"}
PRIORITIES = tuple(priority.value for priority in Priority)
HARD = "healthy_skin_dermatoscopic_patch"
"""The kind of pictures that is told from lesions hardest."""
ASPECTS = {
    "skin_tone": "skin tone in the photo (ITA)",
    "stated_tone": "skin tone that MILK10k states",
    "sex": "sex",
    "age": "age",
    "site": "body site",
}


def overview(split: str, precisions: dict[str, Any]) -> list[str]:
    """One split's figures, a column a precision, with 95% intervals by lesion."""
    names = list(precisions)
    first = precisions[names[0]]
    rows = [("photos / lesions", *(f"{precisions[name]['n']} / {precisions[name]['lesions']}" for name in names))]
    for key, label in LABELS.items():
        if _at(first, key):
            rows.append((label, *(cell(_at(precisions[name], key)) for name in names)))
    for code, lesion in zip(CODES, LESIONS, strict=True):
        if first["recall"][code]["value"] is not None:
            rows.append((f"recall, {lesion.name}", *(cell(precisions[name]["recall"][code]) for name in names)))
    for key, label in AGAINST_FP32.items():
        shares = [_at(precisions[name], key) for name in names]
        if {} not in shares:
            rows.append((label, *(f"{share:.1%}" for share in shares)))
    return [f"Split `{split}`, 95% intervals by lesion:\n", *grid(("figure", *names), rows)]


def lesions(report: dict[str, Any]) -> list[str]:
    """What is found of each lesion, how often its name is right, and its AUC."""
    if "confusion" not in report:
        return []
    rows = []
    for code, lesion in zip(CODES, LESIONS, strict=True):
        figures = (cell(report[key][code]) for key in ("recall", "precision", "auc"))
        rows.append((lesion.name, str(sum(report["confusion"][code].values())), *figures))
    return grid(("lesion", "photos", "recall", "right where named (precision)", "AUC"), rows)


def calibration(report: dict[str, Any]) -> list[str]:
    """What the temperature does to the probabilities."""
    if "before_temperature" not in report:
        return []
    names = {"ece": LABELS["ece"], "nll": "negative log-likelihood"}
    rows = [(label, cell(report["before_temperature"][key]), cell(report[key])) for key, label in names.items()]
    return grid(("calibration", "at temperature 1", "as answered"), rows)


def priorities(report: dict[str, Any]) -> list[str]:
    """Photos by the priority of their lesion and the one that was answered."""
    if "priorities" not in report:
        return []
    table = report["priorities"]
    rows = [(f"**{true}**", *(str(count) for count in answered.values())) for true, answered in table.items()]
    title = "Photos by the priority of their lesion (rows) and the one that was answered (unclear: a retake):\n"
    return [title, *grid(("truth", *(f"answered {answered}" for answered in table["urgent"])), rows)]


def robustness(report: dict[str, Any]) -> list[str]:
    """How the answers hold under each fault of cameras."""
    if "robustness" not in report:
        return []
    results = report["robustness"]
    keys = ("kept", "urgent_kept", "balanced_accuracy", "urgent_called_low", "answered")
    rows = []
    for name, fault in results["faults"].items():
        rows.append((f"{name.replace('_', ' ')} ({fault['strength']})", *(cell(fault[key]) for key in keys)))
    head = ("fault", "same lesion named", "Urgent photos still Urgent", "balanced accuracy", "melanomas called Low", "answered")
    title = f"Under mild faults of cameras, this share of the photos is still named the same: {cell(results['kept'])}\n"
    return [title, *grid(head, rows)]


VIEW_LABELS = {
    "urgent_called_low": "melanomas called Low",
    "melanoma.sensitivity": LABELS["melanoma.sensitivity"],
    "melanoma.specificity": LABELS["melanoma.specificity"],
    "melanoma.auc": LABELS["melanoma.auc"],
    "malignant_auc": LABELS["malignant_auc"],
    "balanced_accuracy": LABELS["balanced_accuracy"],
    "accuracy": LABELS["accuracy"],
    "ece": LABELS["ece"],
    "ece_on_mix": "calibration error on the stated mix of lesions",
    "ece_on_mix_by_chance": "... that right probabilities would show on so few photos",
    "answered": LABELS["answered"],
}
VIEWS = {"dermoscopic": "through a dermatoscope", "clinical": "by a plain camera"}


def views(report: dict[str, Any]) -> list[str]:
    """The figures by how photos were taken, melanomas missed and false alarms first."""
    if "by_view" not in report:
        return []
    parts = report["by_view"]
    view_rates = report["view_told"]
    rows = [("photos / lesions", *(f"{part['n']} / {part['lesions']}" for part in parts.values()))]
    rows += [
        (label, *(cell(_at(part, key)) for part in parts.values()))
        for key, label in VIEW_LABELS.items()
        if all(_at(part, key) for part in parts.values())
    ]
    rows += [
        (f"recall, {lesion.name}", *(cell(part["recall"][code]) for part in parts.values()))
        for code, lesion in zip(CODES, LESIONS, strict=True)
    ]
    rows.append(("view told rightly", *(f"{view_rates[view]:.3f}" for view in parts)))
    return ["By how the photo was taken:\n", *grid(("figure", *(VIEWS[view] for view in parts)), rows)]


def sets(report: dict[str, Any]) -> list[str]:
    """How often the true lesion is in the prediction set, and how many lesions are in it."""
    parts = report.get("by_view", {"all": report})
    if not all("sets" in part for part in parts.values()):
        return []
    rows = [("lesions in a set, mean", *(cell(part["sets"]["size"]) for part in parts.values()))]
    rows += [
        (f"in the set, {lesion.name}", *(cell(part["sets"]["coverage"][code]) for part in parts.values()))
        for code, lesion in zip(CODES, LESIONS, strict=True)
    ]
    return [
        "Prediction sets, meant to hold the true lesion nine times in ten:\n",
        *grid(("figure", *(VIEWS.get(view, view) for view in parts)), rows),
    ]


def outside(report: dict[str, Any]) -> list[str]:
    """What is said of lesions that are none of the seven."""
    rows = [
        (
            f"{_words(kind)}, {VIEWS[view]}",
            str(group["n"]),
            *(str(group["priorities"][key]) for key in PRIORITIES),
            cell(group["called_low"]),
        )
        for kind, views_ in report.get("outside", {}).items()
        for view, group in views_.items()
    ]
    head = ("lesion outside of the seven", "photos", *PRIORITIES, "called Low")
    return ["Lesions that are none of the seven (`scc`: squamous cell carcinoma):\n", *grid(head, rows)] if rows else []


def subgroups(report: dict[str, Any]) -> list[str]:
    """The figures by skin tone, sex, age and body site."""
    if "subgroups" not in report:
        return []
    lines = [f"By subgroup; {report['subgroups']['rule']}:\n"]
    keys = {"AUC": "auc", "sensitivity": "sensitivity", "specificity": "specificity"}
    for aspect, label in ASPECTS.items():
        rows = [
            (name, str(group["n"]), str(group["melanomas"]), cell(group["balanced_accuracy"]), cell(group["accuracy"]),
             *(cell(group["melanoma"][key]) for key in keys.values()))
            for name, group in report["subgroups"].get(aspect, {}).items()
        ]  # fmt: skip
        head = (label, "photos", "melanomas", "balanced accuracy", "accuracy", *(f"melanoma {key}" for key in keys))
        lines += grid(head, rows) if rows else []
    return lines


def refusals(kinds: dict[str, Any]) -> list[str]:
    """How many pictures of other things are sent back."""
    if not kinds:
        return ["No photos of other things were at hand: nothing is refused for not being a lesion.\n"]
    rows = [(kind.replace("_", " "), str(counts["n"]), f"{counts['refused']:.3f}") for kind, counts in kinds.items()]
    title = "Photos that are no lesions, other ones of the collections that taught the model to refuse them:\n"
    return [title, *grid(("kind", "photos", "sent back"), rows)]


def answered(gate: dict[str, Any]) -> list[str]:
    """Which photos of lesions are answered, and which faults send back or warn."""
    if "lesions" not in gate:
        return []
    figures = gate["lesions"]
    head = ("what the photo is faulted for", "sent back", "answered with a warning")
    refused, warned = figures["refused_for"], figures["warned_of"]
    rows = [(_words(fault), f"{refused.get(fault, 0):.3f}", f"{share:.3f}") for fault, share in warned.items()]
    title = (
        f"Of {figures['n']} photos of lesions {cell(figures['let_through'])} are answered, {cell(figures['without_warning'])} of "
        "them all without a warning. Faults, as shares of all photos:\n"
    )
    return [title, *grid(head, rows)]


def scores(gate: dict[str, Any]) -> list[str]:
    """What every score of lesions would do at limits that let a share of the lesions of `val` through."""
    if "scores" not in gate:
        return []
    rows = []
    for name, result in gate["scores"].items():
        for passing, at in result["at"].items():
            hard = at["by_kind"].get(HARD)
            rows.append(
                (name, f"{result['auc']:.4f}", passing, f"{at['lesions_let_through']:.3f}", f"{at['others_refused']:.3f}",
                 "no photos" if hard is None else f"{hard:.3f}")
            )  # fmt: skip
    head = ("score", "AUC", "limit: of `val`", "lesions let through", "other pictures refused", "lesion-free skin refused")
    return ["Is it a lesion at all? What each score would do on `test`:\n", *grid(head, rows)]


def framing(gate: dict[str, Any]) -> list[str]:
    """How often the lesion is found, and what cropping around it does."""
    lines = []
    if "frame" in gate:
        rows = [(way, str(result["n"]), cell(result["found"]), cell(result["overlap"])) for way, result in gate["frame"].items()]
        lines += ["The lesion's box on `test`, against that of its outline:\n"]
        lines += grid(("way", "photos", "found (IoU at least 0.5)", "mean IoU"), rows)
    if "centred" in gate:
        rows = []
        for way in ("as it is", "centred"):
            result = gate["centred"][way]
            figures = (result["balanced_accuracy"], result["melanoma"]["auc"], result["melanoma"]["sensitivity"])
            rows.append((way, *(cell(figure) for figure in figures)))
        lines += ["The photo as it is, and cropped around the lesion that was found, on `val`:\n"]
        lines += grid(("photo", "balanced accuracy", "melanoma AUC", "melanoma sensitivity"), rows)
    return lines


def _words(name: str) -> str:
    return name.replace("_", " ")


def mobile(figures: dict[str, Any]) -> list[str]:
    """Files for phones beside the float ONNX graph: size, time, and what they answer."""
    if not figures:
        return []
    files = [
        (name, f"{measured['bytes'] / 1e6:.2f}", str(measured["median_ms_one_thread"]))
        for name, measured in figures.items()
        if "bytes" in measured
    ]
    rows = [row for name, measured in figures.items() for split in ("val", "test") for row in _phone_rows(name, split, measured)]
    heads = (
        "file",
        "photos of",
        "photos",
        "balanced accuracy",
        "melanoma AUC",
        "same lesion",
        "largest difference in probability",
    )
    return [
        "Files for phones (`export mobile`), from one look at each photo, held against the float ONNX graph:\n",
        *grid(("file", "MB", "median ms a pass, one thread, XNNPACK"), files),
        *grid(heads, rows),
    ]


def _phone_rows(name: str, split: str, measured: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    by_part = measured.get(split, {})
    differences = (
        (f"{by_part['same_lesion']:.1%}", f"{by_part['largest_difference']:.2g}") if "same_lesion" in by_part else ("", "")
    )
    for part, values in by_part.items():
        if isinstance(values, dict):
            figures = (cell(values[key]) for key in ("balanced_accuracy", "melanoma_auc"))
            yield name, f"{split}, {part}", str(values["n"]), *figures, *differences


def cell(figure: dict[str, Any] | None) -> str:
    """A figure with its interval."""
    if figure is None:
        return "too few"
    if figure["value"] is None:
        return "no photos"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table and the empty line that ends it."""
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def _at(report: dict[str, Any], key: str) -> Any:
    """The figure at a dotted key; empty where it wasn't measured."""
    for part in key.split("."):
        report = report.get(part, {})
    return report
