"""Many answers become a table, its figures and the place around both, as HTML."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from skinapp.assessment.assessor import Assessment
from skinapp.i18n.messages import Language, Message, text
from skinapp.imaging import decode, encode
from skinapp.imaging.decode import Photo
from skinapp.labels import CODES, NEAR, SEVERITY, TOGETHER, Priority
from skinapp.metrics import ground_truth
from skinapp.web.render import data_uri, render

MAX_PHOTOS = 500
"""Photos in one table."""
THUMBNAIL = 96
"""Pixels a side, twice what is shown, for dense screens."""
ORDER = (*SEVERITY, Priority.UNCLEAR)


@dataclass(frozen=True)
class Row:
    """One answer: what was wrong with the photo or was overlooked, the likeliest lesion, and which one passed its limit."""

    is_read: ClassVar = True
    file: str
    priority: Priority
    rank: int
    code: str
    chance: float
    reason: str
    notes: Sequence[str]
    report: str
    thumbnail: str

    @classmethod
    def of(cls, file: str, assessment: Assessment, photo: Photo, language: Language) -> Self:
        report = assessment.quality
        keys = [f"issues.{issue}" for issue in report.issues] or [f"warnings.{warning}" for warning in report.warnings]
        return cls(
            file=file,
            priority=assessment.priority,
            rank=ORDER.index(assessment.priority),
            code=assessment.top.code,
            chance=float(assessment.chances.max()),
            reason=_reason(assessment, language),
            notes=[text(key, language) for key in keys],
            report=json.dumps(assessment.to_dict(language), ensure_ascii=False),
            thumbnail=data_uri("jpeg", encode.jpeg(encode.thumbnail(photo, THUMBNAIL))),
        )


@dataclass(frozen=True)
class Unread:
    """A file that can't be answered, and why."""

    is_read: ClassVar = False
    rank: ClassVar = len(ORDER)
    file: str
    reason: str

    @property
    def report(self) -> str:
        return json.dumps({"error": self.reason}, ensure_ascii=False)


@dataclass(frozen=True)
class EmptyTable:
    """The limits, and the rows of files that the browser doesn't even send."""

    too_large: Unread
    not_sent: Unread
    most: int = MAX_PHOTOS
    bytes: int = decode.MAX_BYTES
    megabytes: int = decode.MAX_BYTES // 2**20
    codes: Sequence[str] = CODES
    priorities: Sequence[Priority] = ORDER


@dataclass(frozen=True)
class Figures:
    """How right the answers were, the lesions that occur as truth or as answer, and for the table what each photo truly shows."""

    found: ground_truth.Figures
    codes: Sequence[str]
    truths: str


def empty_table(language: Language) -> str:
    """What stands there before any photo, and the places that photos, progress and answers will fill."""
    too_large = text("many.too_large", language, megabytes=EmptyTable.megabytes)
    view = EmptyTable(Unread("", too_large), Unread("", text("many.not_sent", language)))
    return render("many.empty_table", language, view)


def rows(part: int, entries: Sequence[Row | Unread], language: Language) -> str:
    """The rows of a few photos, under the number of their part."""
    return render("many.rows", language, part, entries)


def figures(found: ground_truth.Figures, truths: dict[str, str], language: Language) -> str:
    """How right the answers were, and for the table which lesion each photo truly shows."""
    counts = found.confusion
    codes = [code for code in CODES if any(counts[code].values()) or any(given[code] for given in counts.values())]
    return render("many.figures", language, Figures(found, codes, json.dumps(truths)))


def refused(reason: str, language: Language) -> str:
    """What stands in the figures' place when the labels can't be read."""
    return render("many.refused", language, reason)


def _reason(assessment: Assessment, language: Language) -> str:
    """Which lesion passed its limit, and by how much: often another one than the likeliest."""
    reason = assessment.reason
    if reason is None or not assessment.quality.ok:
        return ""
    name = Message("many.together" if reason.code == TOGETHER else f"lesions.{'mel' if reason.code == NEAR else reason.code}")
    chance, limit = f"{reason.probability:.1%}", f"{reason.threshold:.1%}"
    return text("many.reason", language, name=name, chance=chance, limit=limit)
