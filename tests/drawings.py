"""Pictures drawn from a seed: what the tests show the program instead of anybody's skin."""

import csv
import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skinapp.imaging.decode import Photo
from skinapp.labels import CODES

SKIN = (222, 178, 152)
BROWN = (74, 44, 34)
COLOURS = [(180, 90, 80), (200, 140, 150), (120, 90, 60), (150, 110, 100), (40, 30, 40), (110, 70, 50), (150, 30, 60)]
"""Of the drawn lesions of a labelled folder, in the order of `labels.CODES`."""


def lesion(
    width: int = 320,
    height: int = 240,
    centre: tuple[float, float] = (0.5, 0.5),
    colour: tuple[int, int, int] = BROWN,
    seed: int = 0,
) -> Photo:
    """A blob of this colour, its centre in shares of width and height, on skin with pores and a few hairs."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), SKIN, np.float32) + rng.normal(0, 6, (height, width, 1))
    mask = np.zeros((height, width), np.float32)
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radii = min(width, height) * 0.22 * (1 + 0.12 * np.sin(3 * angles + rng.uniform(0, 6)) + 0.05 * rng.normal(size=48))
    outline = np.stack([centre[0] * width + radii * np.cos(angles), centre[1] * height + radii * np.sin(angles)], axis=1)
    cv2.fillPoly(mask, [outline.astype(np.int32)], 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
    speckled = np.array(colour, np.float32) + rng.normal(0, 10, (height, width, 1))
    picture = picture * (1 - mask) + speckled * mask
    for _ in range(4):
        start, end = rng.uniform(0, 1, (2, 2)) * (width, height)
        cv2.line(picture, start.astype(int).tolist(), end.astype(int).tolist(), (60, 40, 30), 1, cv2.LINE_AA)
    return np.clip(picture, 0, 255).astype(np.uint8)


def skin(side: int = 900, seed: int = 0) -> NDArray[np.float32]:
    """A square of skin as a camera finds it again: shades, pores and hairs."""
    rng = np.random.default_rng(seed)
    picture = np.full((side, side, 3), SKIN, np.float32)
    for grain, depth in ((60, 8), (12, 4)):
        clouds = rng.normal(0, 1, (side // grain + 2, side // grain + 2)).astype(np.float32)
        picture += depth * cv2.resize(clouds, (side, side), interpolation=cv2.INTER_CUBIC)[..., None]
    for place, radius in zip(rng.integers(0, side, (250, 2)), rng.uniform(1.5, 4, 250), strict=True):
        cv2.circle(picture, place.tolist(), int(radius), (180, 140, 115), -1, cv2.LINE_AA)
    for start, end in rng.integers(0, side, (10, 2, 2)):
        cv2.line(picture, start.tolist(), end.tolist(), (70, 45, 40), 2, cv2.LINE_AA)
    return picture


def spotted(skin: NDArray[np.float32], area: float = 1.0, seed: int = 5) -> NDArray[np.float32]:
    """A lesion in the middle of the skin, of so many times its first area and always of the same shape and colours."""
    rng, side = np.random.default_rng(seed), len(skin)
    angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    waves = 1 + 0.12 * np.sin(2 * angles + 1) + 0.08 * np.sin(3 * angles + 2) + 0.03 * np.sin(7 * angles)
    outline = side / 2 + (130 * np.sqrt(area) * waves)[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    cover = np.zeros((side, side), np.float32)
    cv2.fillPoly(cover, [outline.astype(np.int32)], 1.0)
    cover = cv2.GaussianBlur(cover, (0, 0), 3)[..., None]
    clouds = cv2.resize(rng.normal(0, 1, (36, 36)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(skin * (1 - cover) + (np.array((90, 55, 42), np.float32) + 12 * clouds[..., None]) * cover)


def shot(
    scene: NDArray[np.float32],
    degrees: float = 0,
    scale: float = 1,
    light: tuple[float, float, float] = (1, 1, 1),
    aside: tuple[float, float] = (0, 0),
    seed: int = 0,
) -> Photo:
    """A photo of 640x480 of a scene's middle, turned, nearer or farther, under a light of another colour, with a camera's noise."""
    middle = len(scene) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, scale)
    matrix[:, 2] += (320 - middle + aside[0], 240 - middle + aside[1])
    picture = cv2.warpAffine(scene, matrix, (640, 480), flags=cv2.INTER_AREA) * np.array(light)
    noise = np.random.default_rng(seed).normal(0, 2, (480, 640, 1))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def plain(value: int | tuple[int, int, int], width: int = 320, height: int = 240) -> Photo:
    """One colour all over."""
    return np.full((height, width, 3), value, np.uint8)


def film(path: Path, steady: int = 180, bare: int = 0) -> Path:
    """A film for a browser's fake camera, 640x480 at 30 frames a second: a lesion in a hand that is not quite still, and then so
    many frames of a bare wall."""
    spot, wall = lesion(720, 540, seed=3), plain(120, 640, 480)
    with path.open("wb") as file:
        for number in range(steady + bare):
            turn = number / 30 * np.pi
            shaken = np.roll(spot, (round(4 * np.cos(turn)), round(5 * np.sin(turn))), (0, 1))[30:510, 40:680]
            file.write(encoded(shaken if number < steady else wall, "JPEG", quality=90))
    return path


def encoded(photo: Photo, form: str = "PNG", **options: object) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, form, **options)
    return buffer.getvalue()


def stripes(width: int = 120, height: int = 90, seed: int = 0) -> Photo:
    """Coloured stripes: no lesion."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 255, (1, width // 8 + 1, 3)).repeat(8, axis=1)[:, :width]
    return np.repeat(colours, height, axis=0).astype(np.uint8)


def labelled(folder: Path) -> Path:
    """Fill a folder with drawn photos and labels.csv: of each lesion 8 to train on, 3 to choose by and 2 to test; and with
    others.csv: stripes, 12 to choose by and 4 to test."""
    with (folder / "others.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "kind", "split"])
        writer.writeheader()
        for number in range(16):
            (folder / f"stripes{number}.png").write_bytes(encoded(stripes(seed=number)))
            writer.writerow({"file": f"stripes{number}.png", "kind": "stripes", "split": "val" if number < 12 else "test"})
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "dx", "split", "group"])
        writer.writeheader()
        for target, code in enumerate(CODES):
            for number, split in enumerate(["train"] * 8 + ["val"] * 3 + ["test"] * 2):
                name = f"{code}{number}.png"
                photo = lesion(120, 90, colour=COLOURS[target], seed=100 * target + number)
                (folder / name).write_bytes(encoded(photo))
                writer.writerow({"file": name, "dx": code, "split": split, "group": name})
    return folder
