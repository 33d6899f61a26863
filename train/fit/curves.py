"""Draws a run's history as curves: loss above, the figures on val below, the epoch whose weights were kept marked."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator


def draw(history: Sequence[Mapping[str, float]], epoch_steps: int, best: int, path: Path) -> None:
    """Write the picture of the lines of history.jsonl; `best` is the step of the weights that were kept."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    epochs = [line["step"] / epoch_steps for line in history]
    above.plot(epochs, [line.get("loss", float("nan")) for line in history], ".-", color="tab:grey")
    above.set_ylabel("training loss")
    for name, label in (("bacc", "balanced accuracy"), ("mel_auc", "melanoma AUC")):
        below.plot(epochs, [line[name] for line in history], ".-", label=label)
    for axes in (above, below):
        axes.axvline(best / epoch_steps, color="black", linestyle=":", label=f"kept: epoch {best / epoch_steps:g}")
        axes.grid(alpha=0.3)
    below.set(xlabel="epoch", ylabel="on val")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.legend()
    figure.savefig(path, dpi=100)
