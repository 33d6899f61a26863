"""A set of pictures to try teaching with, drawn from a seed: four patterns of cloth, in any two colours, size and direction."""

from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.typing import NDArray

from skinapp.imaging import encode
from skinapp.imaging.decode import Photo

SIDE = 160
PER_CLASS = 50
"""Pictures of a class."""

Floats = NDArray[np.float64]

PATTERNS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "checks": lambda u, v: np.sin(u) * np.sin(v),
    "dots": lambda u, v: np.cos(u) + np.cos(v) - 0.9,
    "rings": lambda u, v: np.sin(np.hypot(u, v)),
    "stripes": lambda u, v: np.sin(u),
}
"""The classes by name: where their function of the position is above 0, there is ink."""


def draw(name: str, seed: int) -> Photo:
    """A piece of cloth with this pattern, `[160, 160, 3]`; the same for the same seed."""
    rng = np.random.default_rng([seed, *name.encode()])
    y, x = np.mgrid[0:SIDE, 0:SIDE] - rng.uniform(0.3, 0.7, (2, 1, 1)) * SIDE
    angle, scale = rng.uniform(0, np.pi), 2 * np.pi / rng.uniform(18, 36)
    u, v = (np.cos(angle) * x - np.sin(angle) * y) * scale, (np.sin(angle) * x + np.cos(angle) * y) * scale
    cover = np.clip(PATTERNS[name](u, v) * 4 + 0.5, 0, 1)[..., None]
    cloth, ink = rng.uniform(140, 255, 3), rng.uniform(0, 150, 3)
    weave = rng.normal(0, 8, (SIDE, SIDE, 1)) + rng.normal(0, 6, (SIDE, 1, 1)) + rng.normal(0, 6, (1, SIDE, 1))
    return np.asarray(np.clip(cloth * (1 - cover) + ink * cover + weave, 0, 255), np.uint8)


def pack(path: Path, per_class: int = PER_CLASS) -> Path:
    """Write the whole set as a zip of folders, as a visitor would bring it."""
    with ZipFile(path, "w", ZIP_STORED) as archive:
        for name in PATTERNS:
            for seed in range(per_class):
                archive.writestr(f"patterns/{name}/{seed:02}.jpg", encode.jpeg(draw(name, seed)))
    return path
