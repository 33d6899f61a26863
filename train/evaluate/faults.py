"""Mild faults of cameras and of the hands that hold them, each of one fixed strength, done to a photo before the app sees it.

Lengths are shares of the photo's short side, so that photos of all sizes suffer alike, and nothing depends on chance. Blur,
shake, JPEG, noise and coarse pixels of random strengths are also what train/fit/augment.py trains with: to a network that was
trained so these faults are not new.
"""

import io
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from skinapp.imaging import decode
from skinapp.imaging.decode import Photo
from skinapp.labels import Priority
from train.evaluate import metrics

BLUR = 1 / 200
SHAKE = 1 / 32
LIGHT = 0.4
GRAIN = 10.0
HUE = 10.0
JPEG_QUALITY = 25
USUAL_SHORT_SIDE = 256
"""Pixels at which a larger photo is compressed, and whose size its grain has."""
COARSE_SHORT_SIDE = 112
WEBCAM_SHORT_SIDE = 160
"""A lesion held before a webcam fills a third of a picture of 480 lines."""
WEBCAM_QUALITY = 40
WEBCAM_SHAKE = 1 / 48
LAMP = (1.06, 1.0, 0.85)
SCREEN = (0.95, 1.0, 1.05)
MOIRE = 0.12
MOIRE_PIXELS = 7.3
MOIRE_TURN = 0.3


@dataclass(frozen=True)
class Fault:
    """What is done to a photo, and how much of it in words."""

    strength: str
    change: Callable[[Photo], Photo]


def _blurred(photo: Photo) -> Photo:
    return cv2.GaussianBlur(photo, (0, 0), BLUR * min(photo.shape[:2]))


def _shaken(photo: Photo) -> Photo:
    return smeared(photo, SHAKE * min(photo.shape[:2]))


def smeared(photo: Photo, length: float) -> Photo:
    """The photo blurred along the diagonal over this length in pixels."""
    side = 2 * round((length / np.sqrt(2) - 1) / 2) + 1
    return cv2.filter2D(photo, -1, np.eye(side, dtype=np.float32) / side)


def _compressed(photo: Photo) -> Photo:
    encoded = io.BytesIO()
    Image.fromarray(scaled_down(photo, USUAL_SHORT_SIDE)).save(encoded, "JPEG", quality=JPEG_QUALITY)
    return cv2.resize(decode.read(encoded.getvalue()), photo.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def _brighter(photo: Photo) -> Photo:
    return cv2.convertScaleAbs(photo, alpha=1 + LIGHT)


def _darker(photo: Photo) -> Photo:
    return cv2.convertScaleAbs(photo, alpha=1 - LIGHT)


def _noisy(photo: Photo) -> Photo:
    # Seeded by the photo itself: the same in every run and in any order, and another for each photo.
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(photo)))
    grain = rng.standard_normal(scaled_down(photo, USUAL_SHORT_SIDE).shape, np.float32) * GRAIN
    enlarged = cv2.resize(grain, photo.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return np.clip(np.rint(photo + enlarged), 0, 255).astype(np.uint8)


def _recoloured(photo: Photo) -> Photo:
    hue, saturation, value = cv2.split(cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2HSV))
    turned = cv2.merge([(hue + HUE) % 360, saturation, value])
    return np.rint(cv2.cvtColor(turned, cv2.COLOR_HSV2RGB) * 255).astype(np.uint8)


def _through_a_webcam(photo: Photo) -> Photo:
    """Few pixels, a warm lamp's white balance, a hand that isn't still, and a video stream's compression."""
    small = scaled_down(photo, WEBCAM_SHORT_SIDE).astype(np.float32)
    warm = np.clip(small * np.array(LAMP, np.float32), 0, 255).astype(np.uint8)
    moved = smeared(warm, WEBCAM_SHAKE * min(warm.shape[:2]))
    encoded = io.BytesIO()
    Image.fromarray(moved).save(encoded, "JPEG", quality=WEBCAM_QUALITY)
    return decode.read(encoded.getvalue())


def _from_a_screen(photo: Photo) -> Photo:
    """The grid of a screen's pixels, turned a little, beats with the grid of the camera's: coloured waves."""
    small = scaled_down(photo, USUAL_SHORT_SIDE).astype(np.float32)
    down, across = np.mgrid[: small.shape[0], : small.shape[1]].astype(np.float32)
    turned = across * np.cos(MOIRE_TURN) + down * np.sin(MOIRE_TURN)
    # Red, green and blue stripes lie beside each other: their waves run a third apart.
    waves = [np.cos(2 * np.pi * (turned / MOIRE_PIXELS + third / 3)) for third in range(3)]
    rows = np.cos(2 * np.pi * (down * np.cos(MOIRE_TURN) - across * np.sin(MOIRE_TURN)) / MOIRE_PIXELS)
    filmed = small * (1 + MOIRE * (np.dstack(waves) + rows[..., None]) / 2) * np.array(SCREEN, np.float32)
    return np.rint(np.clip(filmed, 0, 255)).astype(np.uint8)


def _turned(photo: Photo) -> Photo:
    return np.ascontiguousarray(np.rot90(photo))


def _coarse(photo: Photo) -> Photo:
    return scaled_down(photo, COARSE_SHORT_SIDE)


def scaled_down(photo: Photo, short_side: int) -> Photo:
    """The photo at this short side, or as it is where that is no larger."""
    scale = short_side / min(photo.shape[:2])
    if scale >= 1:
        return photo
    return cv2.resize(photo, (round(photo.shape[1] * scale), round(photo.shape[0] * scale)), interpolation=cv2.INTER_AREA)


FAULTS = {
    "gaussian_blur": Fault(f"sigma {BLUR:.1%} of the short side", _blurred),
    "motion_blur": Fault(f"along the diagonal, {SHAKE:.1%} of the short side", _shaken),
    "jpeg": Fault(f"quality {JPEG_QUALITY}, at a short side of at most {USUAL_SHORT_SIDE} pixels", _compressed),
    "brighter": Fault(f"+{LIGHT:.0%}", _brighter),
    "darker": Fault(f"-{LIGHT:.0%}", _darker),
    "noise": Fault(f"sigma {GRAIN:g} of 255, in grains of at least 1/{USUAL_SHORT_SIDE} of the short side", _noisy),
    "hue": Fault(f"turned by {HUE:g} degrees", _recoloured),
    "quarter_turn": Fault("90 degrees", _turned),
    "coarse": Fault(f"scaled down to a short side of {COARSE_SHORT_SIDE} pixels", _coarse),
    "webcam": Fault(
        f"short side {WEBCAM_SHORT_SIDE} pixels, a lamp's light, moved by {WEBCAM_SHAKE:.1%}, JPEG quality {WEBCAM_QUALITY}",
        _through_a_webcam,
    ),
    "screen": Fault(f"waves of {MOIRE:.0%} and {MOIRE_PIXELS} pixels as of a screen's grid, bluish", _from_a_screen),
}
FIGURES = {name: metrics.FIGURES[name] for name in ("balanced_accuracy", "urgent_called_low", "answered")}


def report(clean: metrics.Answers, faulty: Mapping[str, metrics.Answers], weights: metrics.Floats) -> dict[str, Any]:
    """How the answers hold under each fault: the share of photos whose named lesion is kept, that of the photos called Urgent
    which still are, and the faulty photos' own figures; the outer `kept` is the mean over the faults."""
    urgent = metrics.called(clean, Priority.URGENT)
    is_kept = {name: answers.predicted == clean.predicted for name, answers in faulty.items()}
    faults = {
        name: {
            "strength": FAULTS[name].strength,
            "kept": metrics.interval(metrics.average(is_kept[name], weights)),
            "urgent_kept": metrics.interval(metrics.share(metrics.called(answers, Priority.URGENT), urgent, weights)),
            **metrics.measure(FIGURES, answers, weights),
        }
        for name, answers in faulty.items()
    }
    return {"kept": metrics.interval(metrics.average(np.mean(list(is_kept.values()), axis=0), weights)), "faults": faults}
