"""Draws what was measured, small and plain, to the same bytes whenever the figures are the same; the only importer of matplotlib
beside the training curves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from skinapp.labels import CODES
from train.evaluate import metrics

INK, FAINT, MAIN, WARM = "#22313f", "#c4ccd4", "#2a6f97", "#d1495b"
LINES = dict(zip(CODES, ("#e9a03b", "#8c6bb1", "#5aa469", "#a0785a", WARM, MAIN, "#4fb3bf"), strict=True))
"""One colour a lesion; melanoma has the warm one."""
STYLE = {
    "font.size": 11,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
WIDTH, DPI = 4.4, 150
"""Inches and dots an inch: 660 pixels, whose letters can still be read at 400."""


def write(answers: metrics.Answers, report: Mapping[str, Any], folder: Path) -> None:
    """Draw reliability.png, confusion.png, roc.png and, where faults were measured, robustness.png."""
    folder.mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE):
        save(reliability(answers, report), folder / "reliability.png")
        save(confusion(report), folder / "confusion.png")
        save(roc(answers, report), folder / "roc.png")
        if "robustness" in report:
            save(robustness(report), folder / "robustness.png")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG of 64 colours, a third as large as one of all, which names no program and no date."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3]).quantize(64).save(path, optimize=True)


def reliability(answers: metrics.Answers, report: Mapping[str, Any]) -> Figure:
    """How often the likeliest lesion is right against how sure the model was, before and after temperature, in 15 bins."""
    figure, axes = _canvas(WIDTH, "How sure, and how often right", f"{report['n']} photos; dots as large as their bins")
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
    before, after = _with_interval(report["before_temperature"]["ece"], 3), _with_interval(report["ece"], 3)
    _bins(axes, answers.untempered, answers.truths, FAINT, f"temperature 1: ECE {before}")
    _bins(axes, answers.probabilities, answers.truths, MAIN, f"as answered: ECE {after}")
    axes.set(xlabel="probability of the likeliest lesion", ylabel="share that is right", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(loc="lower right", handletextpad=0.2)
    return figure


def _bins(axes: Axes, probabilities: metrics.Floats, truths: NDArray[np.int64], colour: str, label: str) -> None:
    confidence, is_right, bins = probabilities.max(1), probabilities.argmax(1) == truths, metrics.bin_of(probabilities)
    filled = np.unique(bins)
    points = np.array(
        [(confidence[bins == number].mean(), is_right[bins == number].mean(), (bins == number).sum()) for number in filled]
    )
    sizes = 12 + 300 * points[:, 2] / len(truths)
    axes.plot(points[:, 0], points[:, 1], color=colour, linewidth=1.2, zorder=2)
    axes.scatter(points[:, 0], points[:, 1], s=sizes, color=colour, zorder=3, edgecolor="white", linewidth=0.8)
    axes.scatter([], [], s=40, color=colour, label=label)


def confusion(report: Mapping[str, Any]) -> Figure:
    """Counts, shaded by the share of the true lesion's photos."""
    table = report["confusion"]
    counts = np.array([[table[true][predicted] for predicted in CODES] for true in CODES])
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, axes = _canvas(WIDTH, "What each lesion was named", f"{report['n']} photos; shade: share of the row")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for true, predicted in np.ndindex(counts.shape):
        shade = "white" if shares[true, predicted] > 0.6 else INK
        axes.text(predicted, true, counts[true, predicted], ha="center", va="center", color=shade, fontsize=10)
    axes.set(xticks=range(len(CODES)), yticks=range(len(CODES)), xlabel="named", ylabel="truth")
    axes.set_xticklabels(CODES)
    axes.set_yticklabels(CODES)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def roc(answers: metrics.Answers, report: Mapping[str, Any]) -> Figure:
    """Sensitivity against false alarms, a line a lesion; the dot is where melanoma's threshold lies."""
    figure, axes = _canvas(WIDTH, "Found, against false alarms", f"{report['n']} photos; AUC (95%); dot: melanoma's threshold")
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
    for lesion, code in enumerate(CODES):
        label, line_width = f"{code} {_with_interval(report['auc'][code])}", 2.4 if code == "mel" else 1.2
        _curve(axes, answers.probabilities[:, lesion], answers.truths == lesion, LINES[code], line_width, label)
    malignant = answers.probabilities[:, metrics.MALIGNANT].sum(1)
    label = f"mel, bcc or akiec {_with_interval(report['malignant_auc'])}"
    _curve(axes, malignant, np.isin(answers.truths, metrics.MALIGNANT), INK, 1.4, label, "--")
    point = report["melanoma"]
    if point["sensitivity"]["value"] is not None and point["specificity"]["value"] is not None:
        axes.plot(1 - point["specificity"]["value"], point["sensitivity"]["value"], "o", color=WARM, markersize=9, zorder=4)
    axes.set(xlabel="share of the others that are called so", ylabel="share of its photos that are found")
    axes.set(xlim=(-0.02, 1), ylim=(0, 1.02))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", labelspacing=0.25, handlelength=1.4)
    return figure


def _curve(
    axes: Axes, scores: metrics.Floats, positive: metrics.Events, colour: str, line_width: float, label: str, dash: str = "-"
) -> None:
    if not positive.any() or positive.all():
        return
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    sensitivity = np.cumsum(positive[order])[last] / positive.sum()
    false_alarms = np.cumsum(~positive[order])[last] / (~positive).sum()
    axes.plot(np.append(0, false_alarms), np.append(0, sensitivity), dash, color=colour, linewidth=line_width, label=label)


def robustness(report: Mapping[str, Any]) -> Figure:
    """The share of photos whose named lesion each fault leaves as it was."""
    results = report["robustness"]
    faults = results["faults"]
    title = f"Still named the same: {results['kept']['value']:.1%}"
    figure, axes = _canvas(3.2, title, f"mean of {len(faults)} mild faults; {report['n']} photos, 95% intervals")
    for row, fault in enumerate(faults.values()):
        kept = fault["kept"]
        axes.barh(row, kept["value"], color=MAIN, height=0.62)
        axes.plot([kept["low"], kept["high"]], [row, row], color=INK, linewidth=1.4)
        axes.text(0.02, row, f"{kept['value']:.0%}", color="white", va="center", fontsize=10)
    axes.set(yticks=range(len(faults)), xlim=(0, 1), xticks=[0, 0.5, 1])
    axes.set_yticklabels([name.replace("_", " ") for name in faults])
    axes.set_xticklabels(["0", "50%", "100%"])
    axes.invert_yaxis()
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)
    return figure


def _canvas(height: float, title: str, caption: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(f"{title}\n", fontweight="bold")
    axes.text(0, 1.02, caption, transform=axes.transAxes, fontsize=9)
    return figure, axes


def _with_interval(figure: Mapping[str, float | None], digits: int = 2) -> str:
    """A figure with its interval, or nothing where no photo decides it."""
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    return "" if value is None else f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
