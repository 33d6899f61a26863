"""Two photos of one lesion, compared, as the HTML that a visitor reads. Knows no gradio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from skinapp.assessment.assessor import Assessment
from skinapp.followup.align import Alignment, Points
from skinapp.followup.compare import RATIOS, SIZES, Change, Comparison
from skinapp.i18n.messages import Language, text
from skinapp.imaging import encode
from skinapp.imaging.decode import Photo
from skinapp.web.render import data_uri, render
from skinapp.web.views import page
from skinapp.web.views.answer import Answer

WIDEST_RATIO, WIDEST_DIFFERENCE = 2.0, 0.4
"""Where the drawing of an interval ends."""
NARROWEST = 0.01
"""Of the drawing, so that an interval of no width is seen."""
PHOTOS = ("earlier", "later")


@dataclass(frozen=True)
class Shot:
    """One of the photos, with the corners of the lesion's outline on it."""

    which: str
    source: str
    width: int
    height: int
    corners: str

    @classmethod
    def of(cls, which: str, photo: Photo, outline: Points) -> Self:
        height, width = photo.shape[:2]
        corners = " ".join(f"{place.real:.1f},{place.imag:.1f}" for place in outline)
        return cls(which, data_uri("jpeg", encode.jpeg(photo)), width, height, corners)


@dataclass(frozen=True)
class Pictures:
    """Both photos, whether one is laid on the other, and by what, or why not."""

    shots: Sequence[Shot]
    is_aligned: bool
    caption: str

    @classmethod
    def of(cls, comparison: Comparison, language: Language) -> Self:
        photos = (comparison.earlier, comparison.later)
        shots = [Shot.of(*shot) for shot in zip(PHOTOS, photos, comparison.outlines, strict=True)]
        alignment = comparison.alignment
        if alignment is None:
            return cls(shots, False, _unaligned(comparison, language))
        return cls(shots, True, _aligned(alignment, language))


@dataclass(frozen=True)
class Row:
    """One figure then and now, and the interval of its change in words and as its place in a drawing, from 0 to 1."""

    figure: str
    earlier: str
    later: str
    change: str
    low: str
    high: str
    left: float
    width: float

    @classmethod
    def of(cls, change: Change, language: Language) -> Self:
        figure, is_ratio = change.figure, change.figure in RATIOS
        left, right = (_position(value, is_ratio) for value in (change.low, change.high))
        difference = _number(change.change, is_ratio)
        return cls(
            figure=figure,
            earlier=_value(figure, change.earlier),
            later=_value(figure, change.later),
            change=f"× {difference}" if is_ratio else text("follow.points", language, value=difference),
            low=_number(change.low, is_ratio),
            high=_number(change.high, is_ratio),
            left=left,
            width=max(NARROWEST, right - left),
        )


@dataclass(frozen=True)
class Compared:
    """Each photo's own answer, and what the comparison shows and measured: None and nothing where there is none."""

    answers: Mapping[str, Answer]
    pictures: Pictures | None
    rows: Sequence[Row]


def empty(language: Language) -> str:
    """What stands there before there are two photos: what they are for, and how to take them."""
    return render("followup.empty", language)


def other(language: Language) -> str:
    """What stands there while the other photo is missing."""
    return render("followup.other", language)


def busy(language: Language) -> str:
    """What stands there while two photos are looked at."""
    return render("followup.busy", language)


def failed(reasons: Sequence[str | None], language: Language) -> str:
    """What stands there when a photo can't be read, for each that can't."""
    names = (text(f"follow.{which}", language) for which in PHOTOS)
    pairs = zip(names, reasons, strict=True)
    return "".join(page.failed(f"{name}: {reason}", language) for name, reason in pairs if reason)


def compared(assessments: tuple[Assessment, Assessment], comparison: Comparison | None, language: Language) -> str:
    """Both photos laid on each other, what was measured, and each one's own answer. Without a comparison, why there is none."""
    view = Compared(
        answers={which: Answer.of(one, language) for which, one in zip(PHOTOS, assessments, strict=True)},
        pictures=None if comparison is None else Pictures.of(comparison, language),
        rows=[] if comparison is None else [Row.of(change, language) for change in comparison.changes],
    )
    return render("followup.compared", language, view)


def _aligned(alignment: Alignment, language: Language) -> str:
    """How one photo was laid on the other."""
    degrees, scale = f"{alignment.degrees:.0f}", f"{alignment.scale * 100:.0f}"
    by = text("follow.by_skin" if alignment.by_skin else "follow.by_lesion", language)
    return f"{text('follow.turned', language, degrees=degrees, scale=scale)} {by}"


def _unaligned(comparison: Comparison, language: Language) -> str:
    """Why no photo was laid on the other."""
    bare = [which for which, outline in zip(PHOTOS, comparison.outlines, strict=True) if not len(outline)]
    reasons = [text("follow.no_lesion", language, which=text(f"follow.{which}", language)) for which in bare]
    return " ".join(reasons) or text("follow.not_aligned", language)


def _value(figure: str, value: float) -> str:
    if figure in SIZES or figure == "asymmetry":
        return f"{value:.0%}"
    return f"{value:.2f}" if figure == "irregularity" else f"{value:.0f}"


def _number(value: float, is_ratio: bool) -> str:
    return f"{value:.2f}" if is_ratio else f"{value * 100:+.1f}".replace("-", "−")


def _position(value: float, is_ratio: bool) -> float:
    """Where a change lies in the drawing, from 0 to 1; 0.5 is no difference."""
    share = np.log(max(1e-6, value)) / np.log(WIDEST_RATIO) if is_ratio else value / WIDEST_DIFFERENCE
    return float(np.clip(0.5 + share / 2, 0, 1))
