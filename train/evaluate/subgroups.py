"""Figures by skin tone, sex, age and body site; owns how each is told, and when photos are too few for any figure."""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from skinapp.imaging.decode import Photo
from train.data.dataset import Row
from train.evaluate import metrics

TONES = ((55.0, "very light"), (41.0, "light"), (28.0, "intermediate"), (10.0, "tan"), (-30.0, "brown"), (-math.inf, "dark"))
"""Skin tones, each above this ITA in degrees."""
STATED_TONES = {"0 to 2 (dark)": range(3), "3": range(3, 4), "4": range(4, 5), "5 (very light)": range(5, 6)}
"""The skin tones that MILK10k states; of the darkest there are too few to stand alone."""
AGES = ((75, "75+"), (60, "60-74"), (45, "45-59"), (30, "30-44"), (0, "<30"))
"""Bands of age, each from this year on."""
SITES = {
    "head and neck": ("face", "scalp", "ear", "neck", "head/neck"),
    "trunk": ("back", "chest", "abdomen", "trunk", "anterior torso", "posterior torso", "lateral torso"),
    "arms": ("upper extremity",),
    "legs": ("lower extremity",),
    "hands and feet": ("hand", "foot", "acral", "palms/soles"),
    "mouth and genitals": ("genital", "oral/genital"),
}
"""The body sites of the ISIC Archive, in groups large enough to be measured."""
UNKNOWN = "unknown"

MIN_PHOTOS = 30
MIN_MELANOMAS = 10
RULE = f"no figure from fewer than {MIN_PHOTOS} photos, and none of melanomas from fewer than {MIN_MELANOMAS} of them"
FIGURES = {name: metrics.FIGURES[name] for name in ("balanced_accuracy", "accuracy")}
MELANOMA_FIGURES = {name: metrics.FIGURES[f"melanoma.{name}"] for name in ("auc", "sensitivity", "specificity")}

RING = 0.15
VIGNETTE = 15.0
HAIR = 10.0


def tone_angle(photo: Photo) -> float:
    """The individual typology angle (ITA) of the skin around the lesion, in degrees: the median colour of the photo's rim, as
    wide as 15% of its short side, without what is nearly black (vignette) or far darker than the rest (hair); nan if all is.

    On 305 photos of `val` with lesion masks it differs from that of all skin outside the mask by 1.1 degrees in the median, and
    94% fall into the same tone. These are angles of photos, not of people: no dermatoscope's white balance is known, and a third
    of those photos show skin without any yellow (b* up to 0), which counts as very light.
    """
    step = max(1, min(photo.shape[:2]) // 128)
    thumbnail = photo[::step, ::step]
    width = max(1, round(RING * min(thumbnail.shape[:2])))
    rim = np.ones(thumbnail.shape[:2], bool)
    rim[width:-width, width:-width] = False
    colours = cv2.cvtColor(thumbnail[rim][None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    lit = colours[colours[:, 0] > VIGNETTE]
    if not len(lit):
        return math.nan
    lightness, _, yellow = np.median(lit[lit[:, 0] > np.median(lit[:, 0]) - HAIR], axis=0)
    # Of the two angles with this tangent the one right of the axis: with b* below 0 the other would call pale skin dark.
    return math.degrees(math.atan2(lightness - 50, yellow))


def tone(angle: float) -> str:
    """The skin tone of an ITA."""
    return next((name for least, name in TONES if angle > least), UNKNOWN)


def stated_tone(tone: int | None) -> str:
    """The band of a skin tone that a CSV states."""
    return next((name for name, tones in STATED_TONES.items() if tone in tones), UNKNOWN)


def age_band(age: float | None) -> str:
    """The band of an age in years."""
    return UNKNOWN if age is None else next((name for least, name in AGES if age >= least), UNKNOWN)


def site(localization: str) -> str:
    """The group of a body site of the ISIC Archive."""
    return next((name for name, places in SITES.items() if localization in places), UNKNOWN)


def report(answers: metrics.Answers, weights: metrics.Floats, rows: Sequence[Row], angles: Sequence[float]) -> dict[str, Any]:
    """The figures of every subgroup that occurs, by what tells it; what the CSV says of no photo is left out."""
    aspects = {
        "skin_tone": ([tone(angle) for angle in angles], [name for _, name in TONES]),
        "stated_tone": ([stated_tone(row.skin_tone) for row in rows], list(STATED_TONES)),
        "sex": ([row.sex if row.sex in ("female", "male") else UNKNOWN for row in rows], ["female", "male"]),
        "age": ([age_band(row.age) for row in rows], [name for _, name in reversed(AGES)]),
        "site": ([site(row.localization) for row in rows], list(SITES)),
    }
    figures: dict[str, Any] = {"rule": RULE}
    for aspect, (names, order) in aspects.items():
        members = {name: np.flatnonzero(np.array(names) == name) for name in [*order, UNKNOWN] if name in names}
        if set(members) != {UNKNOWN}:
            figures[aspect] = {name: _measure(answers.take(indices), weights[:, indices]) for name, indices in members.items()}
    return figures


def _measure(answers: metrics.Answers, weights: metrics.Floats) -> dict[str, Any]:
    """The figures of one subgroup, null where its photos or melanomas are too few."""
    photos, melanomas = len(answers.truths), int((answers.truths == metrics.MELANOMA).sum())
    has_enough_photos = photos >= MIN_PHOTOS
    figures = metrics.measure(FIGURES, answers, weights) if has_enough_photos else dict.fromkeys(FIGURES)
    has_enough_melanomas = has_enough_photos and melanomas >= MIN_MELANOMAS
    of_melanoma = metrics.measure(MELANOMA_FIGURES, answers, weights) if has_enough_melanomas else dict.fromkeys(MELANOMA_FIGURES)
    return {"n": photos, "melanomas": melanomas, **figures, "melanoma": of_melanoma}
