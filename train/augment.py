"""One random view of a photo: crop, turn, flip, colour. A lesion has no upright side, so every turn is allowed."""

import cv2
import numpy as np

from skinapp.image import Photo

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def random_view(photo: Photo, size: int, rng: np.random.Generator, strength: float) -> Photo:
    """A random `[size, size, 3]` view; `strength` scales the colour changes (0: none, 1: usual)."""
    matrix = _placement(photo.shape[1], photo.shape[0], size, rng)
    turned = cv2.warpAffine(photo, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return _recolour(turned, rng, strength)


def _placement(width: int, height: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """An affine matrix: a random square of 45 to 100% of the photo's centre square, any turn, any flip, a little stretch."""
    side = min(width, height) * np.sqrt(rng.uniform(0.2, 1.0))
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    slack_x, slack_y = max(0.0, width - side), max(0.0, height - side)
    centre = np.array([width / 2 + rng.uniform(-0.5, 0.5) * slack_x, height / 2 + rng.uniform(-0.5, 0.5) * slack_y])
    angle = rng.integers(4) * np.pi / 2 + (rng.uniform(-np.pi / 4, np.pi / 4) if rng.random() < 0.5 else 0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    scale = size / side * np.array([stretch, 1 / stretch]) * np.where(rng.random(2) < 0.5, -1, 1)
    linear = np.diag(scale) @ turn
    return np.column_stack([linear, np.full(2, size / 2) - linear @ centre]).astype(np.float32)


def _recolour(photo: Photo, rng: np.random.Generator, strength: float) -> Photo:
    """Brightness, contrast, saturation and white balance, each a random factor."""
    if strength == 0:
        return photo
    pixels = photo.astype(np.float32)
    grey = (pixels @ LUMA)[..., None]
    pixels = grey + (pixels - grey) * rng.uniform(1 - 0.3 * strength, 1 + 0.3 * strength)
    mean = float(grey.mean())
    pixels = mean + (pixels - mean) * rng.uniform(1 - 0.25 * strength, 1 + 0.25 * strength)
    pixels *= rng.uniform(1 - 0.2 * strength, 1 + 0.2 * strength) * rng.uniform(1 - 0.08 * strength, 1 + 0.08 * strength, 3)
    return np.clip(pixels, 0, 255).astype(np.uint8)
