"""Reads what was measured of a model, metrics.json of its folder, for the About tab. Whatever isn't there is simply not shown."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinapp.labels import CODES, SEVERITY, Priority

log = logging.getLogger(__name__)

SPLITS = ("test", "val")
"""The first of these that was measured is shown: nothing was chosen by `test`."""

Counts = dict[str, dict[str, int]]
"""Photos by what they were and what they were called."""


@dataclass(frozen=True)
class Figure:
    """A measured value with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measured:
    """What was measured of one file of a model on one split of photos."""

    split: str
    report: dict[str, Any]

    @property
    def photos(self) -> int:
        return int(self.report["n"])

    @property
    def lesions(self) -> int:
        return int(self.report["lesions"])

    def figure(self, key: str) -> Figure | None:
        """The figure at a dotted key."""
        return _figure(_at(self.report, key))

    def faults(self) -> dict[str, dict[str, Figure | None]]:
        """By fault of a camera the figures that were measured under it."""
        faults = _at(self.report, "robustness.faults")
        return {name: {key: _figure(value) for key, value in fault.items()} for name, fault in faults.items()}

    def views(self) -> dict[str, "Measured"]:
        """The same of the photos of each view; nothing where only one view was measured."""
        return {name: Measured(self.split, report) for name, report in self.report.get("by_view", {}).items()}

    def outside(self) -> dict[tuple[str, str], dict[str, int]]:
        """By diagnosis outside of the seven and view, how many photos were answered what."""
        answered = {}
        for kind, views in self.report.get("outside", {}).items():
            for view, report in views.items():
                answered[kind, view] = {priority.value: int(report["priorities"][priority.value]) for priority in Priority}
        return answered

    def confusion(self) -> Counts:
        """By code what the lesion was, and what it was named."""
        return _table(self.report.get("confusion"), CODES, CODES)

    def priorities(self) -> Counts:
        """By priority what the lesion asked for, and what was answered; nothing where it wasn't counted."""
        return _table(self.report.get("priorities"), SEVERITY, (*SEVERITY, Priority.UNCLEAR))


def read(folder: Path) -> dict[str, Measured]:
    """What was measured, by the precision of the file; empty for a folder without metrics.json."""
    path = folder / "metrics.json"
    if not path.is_file():
        return {}
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))
        split = next((split for split in SPLITS if splits.get(split)), None)
        measured = {precision: Measured(split, report) for precision, report in splits[split].items()} if split else {}
        for file in measured.values():
            file.photos, file.lesions, file.confusion(), file.priorities(), file.faults(), file.outside()  # reading is the check
            [(view.photos, view.figure("balanced_accuracy")) for view in file.views().values()]
        return measured
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s can't be read (%s: %s); the page shows no figures.", path, type(error).__name__, error)
        return {}


def _at(report: Any, key: str) -> dict[str, Any]:
    for part in key.split("."):
        report = report.get(part, {})
    return dict(report)


def _figure(value: Any) -> Figure | None:
    """A figure, if it was measured: of too few photos there is none."""
    if not isinstance(value, dict) or not all(isinstance(value.get(key), int | float) for key in ("value", "low", "high")):
        return None
    return Figure(*(float(value[key]) for key in ("value", "low", "high")))


def _table(counts: Any, rows: tuple[str, ...], columns: tuple[str, ...]) -> Counts:
    if not counts:
        return {}
    return {str(row): {str(column): int(counts[row][column]) for column in columns} for row in rows}
