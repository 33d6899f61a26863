"""One random view of a photo: crop, turn (a lesion has no upright side, so any), flip, colour, and the faults of cameras."""

import cv2
import numpy as np

from skinapp.imaging.decode import Photo

LUMA = np.array([0.299, 0.587, 0.114])


def random_view(photo: Photo, size: int, rng: np.random.Generator, *, area: float, colour: float, faults: float) -> Photo:
    """A random `[size, size, 3]` view: at least this share of the photo's centre square, colours changed by this strength (0:
    none, 1: usual), and in this share of views a camera's fault."""
    matrix = _placement(photo.shape[1], photo.shape[0], size, area, rng)
    view = cv2.warpAffine(photo, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    view = _recoloured(view, rng, colour)
    return FAULTS[rng.integers(len(FAULTS))](view, rng) if rng.random() < faults else view


def _placement(width: int, height: int, size: int, area: float, rng: np.random.Generator) -> np.ndarray:
    """An affine matrix: a random square of at least this share of the centre square, any turn, any flip, a little stretch."""
    side = min(width, height) * np.sqrt(rng.uniform(area, 1.0))
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    slack_x, slack_y = max(0.0, width - side), max(0.0, height - side)
    centre = np.array([width / 2 + rng.uniform(-0.5, 0.5) * slack_x, height / 2 + rng.uniform(-0.5, 0.5) * slack_y])
    angle = rng.integers(4) * np.pi / 2 + (rng.uniform(-np.pi / 4, np.pi / 4) if rng.random() < 0.5 else 0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    scale = size / side * np.array([stretch, 1 / stretch]) * np.where(rng.random(2) < 0.5, -1, 1)
    linear = np.diag(scale) @ turn
    return np.column_stack([linear, np.full(2, size / 2) - linear @ centre]).astype(np.float32)


def _recoloured(view: Photo, rng: np.random.Generator, strength: float) -> Photo:
    """Hue, saturation, contrast, brightness and white balance, all of them one 3x4 matrix on the colours."""
    if strength == 0:
        return view
    grey = np.outer(np.ones(3), LUMA)
    angle = strength * rng.uniform(-0.15, 0.15)
    # Rodrigues' turn about the grey axis: hues move, greys stay.
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    hue = np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) / 3
    saturation = rng.uniform(1 - 0.3 * strength, 1 + 0.3 * strength)
    contrast = rng.uniform(1 - 0.25 * strength, 1 + 0.25 * strength)
    gains = rng.uniform(1 - 0.3 * strength, 1 + 0.3 * strength) * rng.uniform(1 - 0.08 * strength, 1 + 0.08 * strength, 3)
    linear = np.diag(gains) @ (contrast * (grey + saturation * (np.eye(3) - grey)) @ hue)
    mean = float(LUMA @ view.mean(axis=(0, 1)))
    return cv2.transform(view, np.column_stack([linear, gains * (1 - contrast) * mean]))


def _blurred(view: Photo, rng: np.random.Generator) -> Photo:
    return cv2.GaussianBlur(view, (0, 0), rng.uniform(0.5, 2.0))


def _shaken(view: Photo, rng: np.random.Generator) -> Photo:
    """Blurred along a line of 3 to 9 pixels."""
    length = int(rng.integers(3, 10))
    turn = cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), float(rng.uniform(0, 180)), 1.0)
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    kernel = cv2.warpAffine(line, turn, (length, length))
    return cv2.filter2D(view, -1, kernel / kernel.sum())


def _compressed(view: Photo, rng: np.random.Generator) -> Photo:
    _, encoded = cv2.imencode(".jpg", view, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))])
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def _noisy(view: Photo, rng: np.random.Generator) -> Photo:
    noise = rng.standard_normal(view.shape, np.float32) * rng.uniform(3, 15)
    return np.clip(view + noise, 0, 255).astype(np.uint8)


def _coarse(view: Photo, rng: np.random.Generator) -> Photo:
    """Scaled down to a third or more, and back."""
    side = round(view.shape[0] * rng.uniform(0.33, 0.8))
    small = cv2.resize(view, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, view.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _lit(view: Photo, rng: np.random.Generator) -> Photo:
    """Under or over the right exposure by more than colours are changed anyway: what is burnt out stays so."""
    gain = rng.uniform(1.2, 1.7) if rng.random() < 0.5 else rng.uniform(0.4, 0.8)
    return cv2.convertScaleAbs(view, alpha=float(gain))


def _from_a_screen(view: Photo, rng: np.random.Generator) -> Photo:
    """Coloured waves, as where the grid of a screen's pixels beats with that of the camera's."""
    side, turn = view.shape[0], rng.uniform(0, np.pi)
    down, across = np.mgrid[:side, :side].astype(np.float32) * (2 * np.pi / rng.uniform(3.0, 24.0))
    along, beside = across * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - across * np.sin(turn)
    apart = 2 * np.pi / 3 * (rng.random() < 0.7)  # the stripes of red, green and blue lie beside each other
    waves = np.dstack([np.cos(along + colour * apart) for colour in range(3)]) + np.cos(beside)[..., None]
    tint = rng.uniform(0.93, 1.07, 3).astype(np.float32)
    return np.clip(view * (1 + np.float32(rng.uniform(0.02, 0.12)) * waves) * tint, 0, 255).astype(np.uint8)


FAULTS = (_blurred, _shaken, _compressed, _noisy, _coarse, _lit, _from_a_screen)
