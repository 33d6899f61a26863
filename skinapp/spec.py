"""The model folder's config.json, read strictly and written back: the one place where a model's numbers enter the program.

Refuses a missing number, an unknown key under `skinapp`, another lesion order and a wrong hash; it has no default values.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self, TypeVar

from skinapp.errors import ModelError
from skinapp.labels import ALARMING, CODES

FORMAT = 1
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")
CROP_MODES = ("center", "squash")
T = TypeVar("T")


@dataclass(frozen=True)
class Transform:
    """How a photo becomes the network's input; the fields are those of timm's `pretrained_cfg`."""

    input_size: tuple[int, int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    crop_pct: float
    crop_mode: str


@dataclass(frozen=True)
class ModelFile:
    """One file of weights: its hash, how its weights are stored, and the execution providers it is made for."""

    sha256: str
    precision: str
    providers: tuple[str, ...]


@dataclass(frozen=True)
class HeatmapScale:
    """Evidence per map cell, by lesion, in units of its logit: blank up to `floor`, hottest from `full` on.

    `shift` is how far, in cells, what a cell looks at lies right of and below the cell: networks that pad one side more than the
    other look past the middle.
    """

    floor: dict[str, float]
    full: dict[str, float]
    shift: float


@dataclass(frozen=True)
class LesionHead:
    """Log-odds that a picture shows a lesion at all: `weights` times the network's embedding, plus `bias`."""

    weights: tuple[float, ...]
    bias: float


@dataclass(frozen=True)
class QualityLimits:
    """What a photo must reach to be answered; the figures are those of `quality.Figures`, measured on real lesion photos."""

    min_short_side: int
    min_sharpness: float
    min_brightness: float
    max_brightness: float
    min_contrast: float
    max_glare: float
    min_lesion_evidence: float


@dataclass(frozen=True)
class ModelSpec:
    """Everything the runtime knows of a model, and all that it knows."""

    architecture: str
    labels: tuple[str, ...]
    transform: Transform
    files: dict[str, ModelFile]
    temperature: float
    thresholds: dict[str, float]
    heatmap: HeatmapScale
    lesion_head: LesionHead
    quality: QualityLimits
    provenance: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The spec of a model folder; checks every key, not yet the files' hashes (`verify` does)."""
        path = folder / CONFIG
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(f"{folder} holds no {CONFIG}; give a model folder made by 'python -m export build'.") from None
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} can't be read as JSON ({error}); fetch or build the model folder again.") from None
        return cls._parse(_Reader(path, "", raw))

    @classmethod
    def _parse(cls, top: "_Reader") -> Self:
        own = top.child("skinapp")
        if (number := own.get("format", int)) != FORMAT:
            raise own.wrong("format", number, f"this version reads format {FORMAT}; export the model again")
        own.only({"format", "files", "temperature", "thresholds", "heatmap", "lesion_head", "quality", "provenance"})
        labels = tuple(top.get("label_names", list))
        if labels != CODES:
            raise top.wrong("label_names", list(labels), f"the lesions must be {', '.join(CODES)}, in this order")
        if (count := top.get("num_classes", int)) != len(labels):
            raise top.wrong("num_classes", count, f"it must be {len(labels)}, one a lesion")
        return cls(
            architecture=top.get("architecture", str),
            labels=labels,
            transform=_transform(top.child("pretrained_cfg")),
            files=_files(own.child("files")),
            temperature=own.positive("temperature"),
            thresholds=_thresholds(own.child("thresholds")),
            heatmap=_heatmap(own.child("heatmap")),
            lesion_head=_lesion_head(own.child("lesion_head")),
            quality=_numbers(QualityLimits, own.child("quality")),
            provenance=own.get("provenance", dict),
        )

    def verify(self, folder: Path, name: str) -> Path:
        """The path of a weight file whose content has the hash that the spec states."""
        path, stated = folder / name, self.files[name].sha256
        if not path.is_file():
            raise ModelError(f"{path} is missing; fetch the model folder again or export it.")
        if (seen := sha256(path)) != stated:
            raise ModelError(
                f"{path} is not the file that {CONFIG} describes (sha256 {seen[:12]}, expected {stated[:12]}); "
                "fetch or build the model folder again."
            )
        return path

    def write(self, folder: Path) -> None:
        """Write config.json so that `read` gives this spec back and timm can load the folder."""
        own = {
            "format": FORMAT,
            "files": {name: asdict(file) for name, file in self.files.items()},
            "temperature": self.temperature,
            "thresholds": self.thresholds,
            "heatmap": asdict(self.heatmap),
            "lesion_head": asdict(self.lesion_head),
            "quality": asdict(self.quality),
            "provenance": self.provenance,
        }
        top = {
            "architecture": self.architecture,
            "num_classes": len(self.labels),
            "label_names": list(self.labels),
            "pretrained_cfg": asdict(self.transform),
            "skinapp": own,
        }
        text = json.dumps(top, indent=2)
        # A list of numbers on one line: there are as many as the network has features.
        text = re.sub(r"\[[-+.\de\s,]+\]", lambda found: "[" + " ".join(found[0][1:-1].split()) + "]", text)
        (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """The hex SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Reader:
    """Walks a JSON object and names file, key and value in every complaint."""

    def __init__(self, path: Path, where: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise ModelError(f"{path}: {where or 'the top level'} is {value!r}; it must be an object.")
        self.path, self.where, self.value = path, where, value

    def wrong(self, key: str, value: object, cure: str) -> ModelError:
        return ModelError(f"{self.path}: {self.where}{key} is {value!r}; {cure}.")

    def get(self, key: str, kind: type) -> Any:
        """The value of a key that must be there and of this kind; an int will do for a float."""
        if key not in self.value:
            raise ModelError(f"{self.path}: {self.where}{key} is missing; build the model folder again.")
        value = self.value[key]
        kinds = (int, float) if kind is float else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(key, value, f"it must be of type {kind.__name__}")
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
            raise self.wrong(key, value, "it must be finite")
        return value

    def child(self, key: str) -> "_Reader":
        return _Reader(self.path, f"{self.where}{key}.", self.get(key, dict))

    def positive(self, key: str) -> float:
        value = float(self.get(key, float))
        if value <= 0:
            raise self.wrong(key, value, "it must be a positive number")
        return value

    def only(self, known: set[str]) -> None:
        if unknown := sorted(set(self.value) - known):
            raise self.wrong(unknown[0], self.value[unknown[0]], "this key is unknown; remove it or update skinapp")


def _transform(reader: _Reader) -> Transform:
    size, mean, std = (tuple(reader.get(key, list)) for key in ("input_size", "mean", "std"))
    for key, value in (("input_size", size), ("mean", mean), ("std", std)):
        if len(value) != 3 or not all(isinstance(number, int | float) for number in value):
            raise reader.wrong(key, list(value), "it must be three numbers")
    if size[0] != 3 or min(size) < 1:
        raise reader.wrong("input_size", list(size), "it must be [3, height, width]")
    if min(std) <= 0:
        raise reader.wrong("std", list(std), "it must be positive")
    for key, known in (("interpolation", INTERPOLATIONS), ("crop_mode", CROP_MODES)):
        if (value := reader.get(key, str)) not in known:
            raise reader.wrong(key, value, f"it must be one of {', '.join(known)}")
    if reader.get("crop_mode", str) == "center" and size[1] != size[2]:
        raise reader.wrong("input_size", list(size), "height and width must be equal where crop_mode is center")
    crop_pct = reader.positive("crop_pct")
    if crop_pct > 1:
        raise reader.wrong("crop_pct", crop_pct, "it must be at most 1")
    return Transform(size, mean, std, reader.get("interpolation", str), crop_pct, reader.get("crop_mode", str))


def _files(reader: _Reader) -> dict[str, ModelFile]:
    files = {}
    for name in reader.value:
        if Path(name).name != name:
            raise reader.wrong(name, reader.value[name], "a file lies directly in the model folder")
        entry = reader.child(name)
        entry.only({field.name for field in fields(ModelFile)})
        providers = entry.get("providers", list)
        files[name] = ModelFile(entry.get("sha256", str), entry.get("precision", str), tuple(providers))
    return files


def _thresholds(reader: _Reader) -> dict[str, float]:
    reader.only(set(ALARMING))
    thresholds = {code: reader.positive(code) for code in ALARMING}
    for code, value in thresholds.items():
        if value >= 1:
            raise reader.wrong(code, value, "a probability threshold lies between 0 and 1")
    return thresholds


def _heatmap(reader: _Reader) -> HeatmapScale:
    reader.only({field.name for field in fields(HeatmapScale)})
    floor, full = (_by_lesion(reader.child(key)) for key in ("floor", "full"))
    for code in CODES:
        if not 0 <= floor[code] < full[code]:
            raise reader.wrong(f"floor.{code}", floor[code], f"it must be at least 0 and below full ({full[code]!r})")
    return HeatmapScale(floor, full, float(reader.get("shift", float)))


def _lesion_head(reader: _Reader) -> LesionHead:
    reader.only({field.name for field in fields(LesionHead)})
    weights = reader.get("weights", list)
    if not weights or not all(isinstance(number, int | float) for number in weights):
        raise reader.wrong("weights", weights[:3], "it must be a list of numbers, one a feature of the embedding")
    return LesionHead(tuple(map(float, weights)), float(reader.get("bias", float)))


def _by_lesion(reader: _Reader) -> dict[str, float]:
    reader.only(set(CODES))
    return {code: float(reader.get(code, float)) for code in CODES}


def _numbers(kind: type[T], reader: _Reader) -> T:
    """A dataclass of plain numbers, with exactly its fields as keys."""
    reader.only({field.name for field in fields(kind)})  # type: ignore[arg-type]
    return kind(**{field.name: reader.get(field.name, field.type) for field in fields(kind)})  # type: ignore[arg-type]
