"""A folder of photos and CSVs become rows, and rows become photos in memory. Reads our layout and HAM10000's metadata file."""

import csv
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.contrib.concurrent import thread_map

from skinapp.errors import SkinAppError, clipped
from skinapp.imaging import decode
from skinapp.imaging.decode import Photo
from skinapp.labels import CODES, View
from skinapp.model.spec import sha256

OUTSIDE = ("scc", "inflammation", "other_benign", "other_malignant")
"""Diagnoses that are none of the seven: never a target, but photos of them tell what is said of lesions that aren't known."""

Labels = Path | Sequence[Path]
"""One CSV or several; each is a collection of photos, called by its file's name."""


class DataError(SkinAppError):
    """A CSV or a folder of photos that can't be used."""


@dataclass(frozen=True)
class Row:
    """One labelled photo. `target` is the index of its lesion among `labels.CODES`, -1 for a diagnosis `outside` of them. `group`
    ties the photos of one lesion together; `split` and all that follows it are empty where the CSV doesn't say. `age` is in
    years, `sex` and `localization` are in the ISIC Archive's words, `skin_tone` runs from 0 (very dark) to 5 (very light); a
    photo whose `view` the CSV doesn't say was taken through a dermatoscope, as all of HAM10000 were."""

    path: Path
    target: int
    group: str
    split: str
    subset: str
    sex: str = ""
    age: float | None = None
    localization: str = ""
    view: View = View.DERMOSCOPIC
    skin_tone: int | None = None
    collection: str = ""
    outside: str = ""

    @property
    def source(self) -> str:
        """Its collection and view, whose photos have one mix of lesions, which a network learns to expect of their look."""
        return f"{self.collection} {self.view}".strip()


def read_rows(images: Path, labels: Labels, split: str = "") -> list[Row]:
    """The photos of the seven lesions in CSVs with the columns `file` or `image_id`, and `dx`; with `split`, those of that
    split."""
    return [row for row in read_all(images, labels, split) if not row.outside]


def read_all(images: Path, labels: Labels, split: str = "") -> list[Row]:
    """These, and the photos of diagnoses outside of the seven."""
    return [row for table in tables(labels) for row in _read_table(images, table, split)]


def tables(labels: Labels) -> tuple[Path, ...]:
    """The CSVs, also where there is one."""
    return (labels,) if isinstance(labels, Path) else tuple(labels)


def fingerprint(labels: Labels) -> str:
    """The hex SHA-256 of a CSV; of several, that of theirs, one a line."""
    hashes = [sha256(table) for table in tables(labels)]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _read_table(images: Path, labels: Path, split: str) -> list[Row]:
    records = _records(labels)
    if not records:
        raise DataError(f"{labels} holds no rows; give a CSV with the columns file, dx.")
    columns = records[0].keys()
    if "dx" not in columns or not {"file", "image_id"} & columns:
        raise DataError(f"{labels} has the columns {clipped(', '.join(columns))}; it needs dx, and file or image_id.")
    if split:
        if "split" not in columns:
            raise DataError(f"{labels} has no column split, so {split!r} can't be chosen; leave --split out.")
        records = [record for record in records if record["split"] == split]
        if not records:
            raise DataError(f"{labels} has no rows with split {split!r}.")
    find = _finder(images) if "file" not in columns else lambda record: images / record["file"]
    return [_row(record, find(record), labels) for record in records]


def read_others(images: Path, table: Path) -> dict[str, list[tuple[Path, str]]]:
    """Photos that are no lesions, with their kind, by split: a CSV with the columns file, kind and split."""
    records = _records(table)
    if not records or not {"file", "kind", "split"} <= records[0].keys():
        raise DataError(f"{table} lacks rows or one of the columns file, kind, split; give a CSV that has them.")
    splits: dict[str, list[tuple[Path, str]]] = {}
    for record in records:
        splits.setdefault(record["split"], []).append((images / record["file"], record["kind"]))
    return splits


def _records(table: Path) -> list[dict[str, str]]:
    """The rows of a CSV; cells that a row lacks are empty."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file, restkey="", restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} can't be read as a CSV ({error}); give one in UTF-8.") from None


def _row(record: dict[str, str], path: Path, labels: Path) -> Row:
    dx, view = record["dx"], record.get("view") or View.DERMOSCOPIC
    if dx not in (*CODES, *OUTSIDE):
        raise DataError(
            f"{labels}: dx is {clipped(repr(dx))} for {clipped(path.name)}; it must be one of {', '.join(CODES)}, or, outside of "
            f"these, one of {', '.join(OUTSIDE)}."
        )
    if view not in list(View):
        raise DataError(f"{labels}: view is {clipped(repr(view))} for {clipped(path.name)}; it must be {' or '.join(View)}.")
    group = record.get("group") or record.get("lesion_id") or record.get("image_id") or record["file"]
    texts = {name: record.get(name) or "" for name in ("split", "subset", "sex", "localization")}
    tone = _number(record.get("skin_tone") or "")
    return Row(
        path,
        CODES.index(dx) if dx in CODES else -1,
        group,
        age=_number(record.get("age") or ""),
        view=View(view),
        skin_tone=None if tone is None else round(tone),
        collection=labels.stem,
        outside="" if dx in CODES else dx,
        **texts,
    )


def _number(text: str) -> float | None:
    """A number of years or of a tone; none where the CSV says something else, as a table made elsewhere may."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _finder(images: Path) -> Callable[[dict[str, str]], Path]:
    """HAM10000 comes as two folders of `<image_id>.jpg`: find a photo by its id, wherever below `images` it lies."""
    known = {path.stem: path for path in images.rglob("*") if path.suffix.lower() in decode.SUFFIXES and not path.is_dir()}

    def find(record: dict[str, str]) -> Path:
        if record["image_id"] not in known:
            raise DataError(f"No photo named {record['image_id']} lies below {images}; check --images.")
        return known[record["image_id"]]

    return find


def load(rows: Sequence[Row], short_side: int, threads: int) -> list[Photo]:
    """All photos, decoded once and scaled down to this short side, so that an epoch costs no decoding."""
    bar = {"desc": "decode", "unit": "photo", "disable": None}  # None: only on a terminal
    return thread_map(lambda row: _small(row.path, short_side), rows, max_workers=threads, **bar)


def _small(path: Path, short_side: int) -> Photo:
    photo = decode.read(path)
    scale = short_side / min(photo.shape[:2])
    if scale >= 1:
        return photo
    size = (max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC))
