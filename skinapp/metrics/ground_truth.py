"""The true lesions of a visitor's photos, as their folders or a CSV say, and how right the answers were."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from skinapp.errors import LabelError, clipped
from skinapp.i18n.messages import Message
from skinapp.labels import CODES
from skinapp.metrics import accuracy


@dataclass(frozen=True)
class Figures:
    """Of n photos: accuracy and balanced accuracy as `{value, low, high}`, and how many of each lesion were named as each."""

    n: int
    accuracy: dict[str, float | None]
    balanced_accuracy: dict[str, float | None]
    confusion: dict[str, dict[str, int]]


def read(content: bytes) -> dict[str, str]:
    """A CSV with the columns `file` or `image_id`, and `dx`, as the code of each photo's lesion."""
    try:
        records: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelError(Message("unusable_labels.no_text", detail=clipped(error))) from None
    if not records:
        raise LabelError(Message("unusable_labels.empty"))
    columns = list(records[0])
    name = next((column for column in ("file", "image_id") if column in columns), None)
    if name is None or "dx" not in columns:
        raise LabelError(Message("unusable_labels.columns", columns=clipped(", ".join(map(str, columns)))))
    for record in records:
        if record["dx"] not in CODES:
            dx, file = repr(record["dx"] and clipped(record["dx"])), clipped(record[name])
            raise LabelError(Message("unusable_labels.unknown", dx=dx, file=file, codes=", ".join(CODES)))
    return {str(record[name]): record["dx"] for record in records}


def truths(photos: Sequence[str], labels: Mapping[str, str]) -> dict[str, str]:
    """The code of each photo's lesion, where it is known: as the CSV says of its path, its name or its name without suffix, else
    where a folder that it lies in is named after a lesion's code."""
    codes = {photo: _truth(PurePosixPath(photo), labels) for photo in photos}
    return {photo: code for photo, code in codes.items() if code is not None}


def figures(predicted: Sequence[str], true: Sequence[str]) -> Figures:
    """How right the lesions named are, with 95% intervals by drawing the photos again and again."""
    predictions, truths = (np.array([CODES.index(code) for code in codes], np.int64) for codes in (predicted, true))
    weights = accuracy.resamples([str(number) for number in range(len(truths))])
    return Figures(
        len(truths),
        accuracy.interval(accuracy.accuracies(predictions, truths, weights)),
        accuracy.interval(accuracy.balanced_accuracies(predictions, truths, weights)),
        accuracy.confusion(predictions, truths),
    )


def _truth(photo: PurePosixPath, labels: Mapping[str, str]) -> str | None:
    for name in (str(photo), photo.name, photo.stem):
        if name in labels:
            return labels[name]
    return next((folder.lower() for folder in reversed(photo.parts[:-1]) if folder.lower() in CODES), None)
