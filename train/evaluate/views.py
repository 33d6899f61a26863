"""What is said of photos by how they were taken: figures of each view, prediction sets, lesions that are none of the seven."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skinapp.assessment.assessor import Assessment
from skinapp.labels import CODES, Priority, View
from skinapp.metrics.accuracy import by_lesion, interval, ratio
from skinapp.model.spec import ModelSpec
from train.data.dataset import Row
from train.evaluate import metrics

FIGURES = (
    "balanced_accuracy",
    "accuracy",
    "malignant_auc",
    "melanoma.auc",
    "melanoma.sensitivity",
    "melanoma.specificity",
    "melanoma.called_urgent",
    "urgent_called_low",
    "ece",
    "answered",
    "recall",
)


def answers_of(assessments: Sequence[Assessment], rows: Sequence[Row]) -> metrics.Answers:
    """Assessments and their rows, as metrics.py takes them."""
    return metrics.Answers(
        np.stack([assessment.chances for assessment in assessments]),
        np.array([row.target for row in rows]),
        np.array([assessment.priority.value for assessment in assessments]),
        np.array([assessment.rule.thresholds["mel"] for assessment in assessments]),
        np.array([assessment.rule.temperature for assessment in assessments]),
    )


def report(assessments: Sequence[Assessment], rows: Sequence[Row], spec: ModelSpec) -> dict[str, Any]:
    """The prediction sets' figures and the calibration on the mix of lesions that the model states, of all photos; where there
    are photos of both views, also each view's figures."""
    figures = _sets_and_calibration(assessments, rows, spec)
    views = [view for view in View if any(row.view is view for row in rows)]
    if spec.clinical:
        figures["view_told"] = {
            view.value: _share(
                [assessment.view is view for assessment, row in zip(assessments, rows, strict=True) if row.view is view]
            )
            for view in views
        }
    if len(views) > 1:
        indices_by_view = {view: [i for i, row in enumerate(rows) if row.view is view] for view in views}
        figures["by_view"] = {
            view.value: _view_figures([assessments[i] for i in indices], [rows[i] for i in indices], spec)
            for view, indices in indices_by_view.items()
        }
    return figures


def _view_figures(assessments: Sequence[Assessment], rows: Sequence[Row], spec: ModelSpec) -> dict[str, Any]:
    groups = [row.group for row in rows]
    figures = {name: metrics.FIGURES[name] for name in FIGURES}
    measured = metrics.measure(figures, answers_of(assessments, rows), metrics.resamples(groups))
    return {"n": len(rows), "lesions": len(set(groups)), **measured, **_sets_and_calibration(assessments, rows, spec)}


def _sets_and_calibration(assessments: Sequence[Assessment], rows: Sequence[Row], spec: ModelSpec) -> dict[str, Any]:
    if not spec.mix:
        return {}
    truths, weights = np.array([row.target for row in rows]), metrics.resamples([row.group for row in rows])
    chances = np.stack([assessment.chances for assessment in assessments])
    mix_weights = weights * metrics.mix_weights(truths, np.array([spec.mix[code] for code in CODES]))
    is_lesion = by_lesion(truths)
    is_in_set = np.array([CODES[truth] in (assessment.set or ()) for assessment, truth in zip(assessments, truths, strict=True)])
    sizes = np.array([len(assessment.set or ()) for assessment in assessments])
    coverage = ratio(weights @ (is_in_set[:, None] * is_lesion), weights @ is_lesion)
    return {
        "ece_on_mix": interval(metrics.eces(chances, truths, mix_weights)),
        "ece_on_mix_by_chance": _range(metrics.eces_by_chance(chances, mix_weights[0])),
        "sets": {
            "coverage": {code: interval(column) for code, column in zip(CODES, coverage.T, strict=True)},
            "size": interval(metrics.average(sizes, weights)),
        },
    }


def outside(assessments: Sequence[Assessment], rows: Sequence[Row]) -> dict[str, Any]:
    """By diagnosis and view, the priorities given to photos of lesions outside of the seven, and the share called Low."""
    result: dict[str, Any] = {}
    for kind in sorted({row.outside for row in rows if row.outside}):
        for view in View:
            indices = [i for i, row in enumerate(rows) if row.outside == kind and row.view is view]
            if indices:
                priorities = [assessments[i].priority for i in indices]
                counts = {priority.value: priorities.count(priority) for priority in Priority}
                is_low = np.array([priority is Priority.LOW for priority in priorities])
                weights = metrics.resamples([rows[i].group for i in indices])
                called_low = interval(metrics.average(is_low, weights))
                result.setdefault(kind, {})[view.value] = {"n": len(indices), "priorities": counts, "called_low": called_low}
    return result


def _range(values: metrics.Floats) -> dict[str, float]:
    """The mean and the middle 95% of draws."""
    low, high = np.percentile(values, [2.5, 97.5])
    return {"value": round(float(values.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _share(events: Sequence[bool]) -> float:
    return round(float(np.mean(events)), 4)
