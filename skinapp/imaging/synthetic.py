"""Drawings of spots on skin, from a seed: examples to try the page with that are nobody's photo."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.imaging.decode import Photo

WIDTH, HEIGHT = 640, 480
SKIN = (226, 184, 160)
HAIR = (70, 48, 40)

Colour = tuple[int, int, int]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Spot:
    """What is drawn: two colours that the spot mixes, its radius as a share of the height, how uneven its edge is (0 to 1), the
    hairs across the skin, and how far out of focus all of it lies (pixels)."""

    colours: tuple[Colour, Colour]
    radius: float
    uneven: float
    hairs: int
    blur: float
    seed: int


def draw(spot: Spot) -> Photo:
    """The drawing, `[480, 640, 3]`, the same for the same spot."""
    rng = np.random.default_rng(spot.seed)
    skin = np.array(SKIN, np.float32) + 9 * _clouds(rng, 60)[..., None] + rng.normal(0, 3, (HEIGHT, WIDTH, 1)).astype(np.float32)
    mix = np.clip(0.5 + 0.6 * _clouds(rng, 22), 0, 1)[..., None]
    first, second = (np.array(colour, np.float32) for colour in spot.colours)
    grain = rng.normal(0, 5, (HEIGHT, WIDTH, 1)).astype(np.float32)
    cover = _shape(rng, spot)[..., None]
    picture = skin * (1 - cover) + (first * mix + second * (1 - mix) + grain) * cover
    _hair(rng, picture, spot.hairs)
    picture = np.asarray(picture * _light()[..., None], np.float32)
    if spot.blur:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), spot.blur), np.float32)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _clouds(rng: np.random.Generator, grain: int) -> Floats:
    """Soft noise around 0, about as wide as 1, with features of so many pixels."""
    coarse = rng.normal(0, 1, (HEIGHT // grain + 3, WIDTH // grain + 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.float32)


def _shape(rng: np.random.Generator, spot: Spot) -> Floats:
    """How much of each pixel the spot covers: a circle whose radius waves, with a soft edge."""
    angles = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    waves = sum(np.sin(count * angles + rng.uniform(0, 7)) / count for count in (2, 3, 5, 7, 11))
    radii = spot.radius * HEIGHT * (1 + spot.uneven * 0.3 * waves)
    outline = np.stack([WIDTH / 2 + 1.15 * radii * np.cos(angles), HEIGHT / 2 + radii * np.sin(angles)], 1)
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.fillPoly(mask, [outline.astype(np.int32)], 1.0, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 4), np.float32)


def _hair(rng: np.random.Generator, picture: Floats, count: int) -> None:
    along = np.linspace(0, 1, 30)[:, None]
    for _ in range(count):
        start, bend, end = (rng.uniform((0, 0), (WIDTH, HEIGHT)) for _ in range(3))
        curve = (1 - along) ** 2 * start + 2 * along * (1 - along) * bend + along**2 * end
        cv2.polylines(picture, [curve.astype(np.int32)], False, HAIR, 1, cv2.LINE_AA)


def _light() -> Floats:
    """A little darker towards the corners, as through a lens."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    return np.asarray(1 - 0.13 * (x**2 + y**2), np.float32)
