"""Zips as visitors bring them, and as nobody should."""

import io
import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

from skinapp.imaging import encode
from skinapp.teach.dataset import sample
from tests import drawings


def small(seed: int = 0) -> bytes:
    """A little picture that no other seed gives."""
    return drawings.encoded(np.random.default_rng(seed).integers(0, 255, (24, 24, 3), np.uint8))


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def classes(count: int = 2, each: int = 5) -> dict[str, bytes]:
    """So many folders with so many pictures each."""
    return {f"class{label}/{number}.png": small(100 * label + number) for label in range(count) for number in range(each)}


def drawn(names: tuple[str, ...], each: int, first: int = 0, top: str = "") -> dict[str, bytes]:
    """Patterns that the embedded network tells apart."""
    return {
        f"{top}{name}/{seed:02}.jpg": encode.jpeg(sample.draw(name, seed))
        for name in names
        for seed in range(first, first + each)
    }


def link(name: str, target: str) -> tuple[ZipInfo, bytes]:
    info = ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target.encode()


def content(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return buffer.getvalue()
