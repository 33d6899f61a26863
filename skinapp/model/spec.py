"""The model folder's config.json, read strictly and written back: the one place where a model's numbers enter the program.

Refuses a missing number, an unknown key under `skinapp`, another lesion order and a wrong hash; it has no default values.
A model with classes of its own says so by `skinapp.subject`, and then names them itself.
"""

import hashlib
import json
import math
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from skinapp.errors import ModelError
from skinapp.labels import CODES, NEAR, THRESHOLDS, TOGETHER, View
from skinapp.model import external_data

FORMAT = 2
"""Format 1, which is read too, knows photos through dermatoscopes alone, and answers from one look at them."""
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")
CROP_MODES = ("center", "squash")
CROPS = ("start", "middle", "end")
"""Where along a photo's longer side a look at it lies."""
TURNS = 8
"""Ways to lay a photo on the table: four turns of it, and of its mirror image."""
FRAME_FEATURES = 21
"""Numbers that `framing.features` gives for each place in a photo."""
LESION, CUSTOM = "lesion", "own"
"""What a model answers: the seven lesions, or classes of somebody's own. A config without `subject` is of the first kind."""
MAX_LABELS = 1000
MAX_SIDE = 4096
"""Of what a network sees, in pixels."""
MAX_BYTES = 2**24
"""Of a config.json; that of a thousand labels has some hundred kilobytes."""
MAX_SHOWN = 200
"""Letters of a wrong value that an error shows."""
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
class EmbeddingHead:
    """Log-odds that a picture is of a kind: `weights` times the network's embedding at length 1, plus `bias`."""

    weights: tuple[float, ...]
    bias: float

    @cached_property
    def vector(self) -> NDArray[np.float64]:
        """The weights `[d]`."""
        return np.array(self.weights)


class LesionHead(EmbeddingHead):
    """That it shows a lesion at all."""


@dataclass(frozen=True)
class FrameHead:
    """Log-odds that a place in a photo belongs to the lesion: `weights` times `framing.features`, plus `bias`.

    Without weights the model has learned no lesions' outlines, and doesn't say where one lies.
    """

    weights: tuple[float, ...]
    bias: float

    @cached_property
    def vector(self) -> NDArray[np.float32]:
        """The weights `[21]`."""
        return np.array(self.weights, np.float32)


@dataclass(frozen=True)
class QualityLimits:
    """What a photo must reach; the figures are those of `quality.Figures`, measured on real photos and on faults of cameras."""

    min_short_side: int
    min_sharpness: float
    min_evenness: float
    min_brightness: float
    max_brightness: float
    min_contrast: float
    max_glare: float
    max_hair: float
    min_lesion_evidence: float


@dataclass(frozen=True)
class QualityThresholds:
    """Beyond `refuse` a photo is sent back; beyond `warn` alone it is answered with a warning."""

    refuse: QualityLimits
    warn: QualityLimits


_NO_LIMITS = QualityLimits(0, -math.inf, -math.inf, -math.inf, math.inf, -math.inf, math.inf, math.inf, -math.inf)
UNLIMITED = QualityThresholds(_NO_LIMITS, _NO_LIMITS)
"""Of a model with classes of its own: nothing is known of what its photos must be like."""


class ViewHead(EmbeddingHead):
    """That it was taken with a plain camera."""


@dataclass(frozen=True)
class Rule:
    """What turns logits into an answer: `thresholds` by lesion, and the probability from which each lesion is in the set of those
    that a photo may show (`sets`; none where a model states none)."""

    temperature: float
    thresholds: dict[str, float]
    sets: dict[str, float]


@dataclass(frozen=True)
class Look:
    """One of the looks at a photo that a careful answer is the mean of: which square of it, and how it is turned."""

    crop: str
    turn: int


@dataclass(frozen=True)
class Clinical:
    """How plain camera photos are told from those through a dermatoscope, and answered."""

    view_head: ViewHead
    quick: Rule
    careful: Rule
    quality: QualityThresholds


@dataclass(frozen=True)
class ModelSpec:
    """Everything the runtime knows of a model, and all that it knows."""

    architecture: str
    activation: str
    """timm's name of the one that takes the place of the architecture's own, or ""."""

    labels: tuple[str, ...]
    transform: Transform
    files: dict[str, ModelFile]
    temperature: float
    thresholds: dict[str, float]
    heatmap: HeatmapScale
    lesion_head: LesionHead
    frame_head: FrameHead
    quality: QualityThresholds
    provenance: dict[str, Any]
    subject: str = LESION
    """`lesion`, or `own` for a model that knows nothing of lesions: no thresholds, no lesion head, no limits of quality."""
    sets: dict[str, float] = field(default_factory=dict)
    """With `temperature`, `thresholds` and `quality`: those of one look at a photo through a dermatoscope."""
    looks: tuple[Look, ...] = ()
    """At a photo that is answered carefully; none in format 1."""
    careful: Rule | None = None
    clinical: Clinical | None = None
    """None in a model that has seen no plain camera photos."""
    mix: dict[str, float] = field(default_factory=dict)
    """How common each lesion is where the probabilities hold."""
    least_likeness: float | None = None
    """Of a model of somebody's own classes: a photo that is less like what it learned from shows none of them. None where the
    graph doesn't tell."""

    def rule(self, view: View, *, careful: bool) -> Rule:
        """What turns the logits of a photo of this view into an answer: those of one look, or the mean of several."""
        if view is View.CLINICAL and self.clinical:
            return self.clinical.careful if careful else self.clinical.quick
        return self.careful if careful and self.careful else Rule(self.temperature, self.thresholds, self.sets)

    def limits(self, view: View) -> QualityThresholds:
        """What a photo of this view must reach."""
        return self.clinical.quality if view is View.CLINICAL and self.clinical else self.quality

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The spec of a model folder; checks every key, not yet the files' hashes (`verify` does)."""
        path = folder / CONFIG
        try:
            if (size := path.stat().st_size) > MAX_BYTES:
                raise ModelError(f"{path} has {size} bytes, more than {MAX_BYTES}; fetch or build the model folder again.")
            raw = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(f"{folder} holds no {CONFIG}; give a model folder made by 'python -m export build'.") from None
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(f"{path} can't be read as JSON ({error}); fetch or build the model folder again.") from None
        return cls._parse(_Reader(path, "", raw))

    @classmethod
    def _parse(cls, top: "_Reader") -> Self:
        section = top.child("skinapp")
        if (version := section.get("format", int)) not in range(1, FORMAT + 1):
            raise section.wrong("format", version, f"this version reads formats 1 to {FORMAT}; export the model again")
        if "subject" in section.value:
            return cls._parse_custom(top, section)
        is_format_1 = version == 1
        known = {"format", "files", "temperature", "thresholds", "heatmap", "lesion_head", "frame_head", "quality", "provenance"}
        section.allow_only(known if is_format_1 else known | {"sets", "careful", "clinical", "mix"})
        labels = tuple(top.get("label_names", list))
        if labels != CODES:
            raise top.wrong("label_names", list(labels), f"the lesions must be {', '.join(CODES)}, in this order")
        if (count := top.get("num_classes", int)) != len(labels):
            raise top.wrong("num_classes", count, f"it must be {len(labels)}, one a lesion")
        return cls(
            **_shared(top, section, labels),
            thresholds=_thresholds(section.child("thresholds"), THRESHOLDS if is_format_1 else (*THRESHOLDS, TOGETHER)),
            **({} if is_format_1 else _format_2_fields(section)),
            lesion_head=_lesion_head(section.child("lesion_head")),
            frame_head=_frame_head(section.child("frame_head")),
            quality=_quality(section.child("quality")),
        )

    @classmethod
    def _parse_custom(cls, top: "_Reader", section: "_Reader") -> Self:
        """The spec of a model with classes of its own: what is about lesions isn't there, and may not be."""
        if (subject := section.get("subject", str)) != CUSTOM:
            raise section.wrong("subject", subject, f"it must be {CUSTOM}, or left out by a model of the seven lesions")
        section.allow_only({"format", "subject", "files", "temperature", "heatmap", "provenance", "least_likeness"})
        labels, least = _labels(top), None
        if "least_likeness" in section.value and not -2 <= (least := float(section.get("least_likeness", float))) <= 2:
            raise section.wrong("least_likeness", least, "it must be from -2 to 2")
        return cls(
            **_shared(top, section, labels),
            thresholds={},
            lesion_head=LesionHead((), 0.0),
            frame_head=FrameHead((), 0.0),
            quality=UNLIMITED,
            subject=CUSTOM,
            least_likeness=least,
        )

    def verify(self, folder: Path, name: str) -> Path:
        """The path of a weight file whose content has the hash that the spec states."""
        path, expected = folder / name, self.files[name].sha256
        if not path.is_file():
            raise ModelError(f"{path} is missing; fetch the model folder again or export it.")
        if (actual := sha256(path)) != expected:
            raise ModelError(
                f"{path} is not the file that {CONFIG} describes (sha256 {actual[:12]}, expected {expected[:12]}); "
                "fetch or build the model folder again."
            )
        return path

    def verify_external(self, path: Path) -> None:
        """Check the files that an ONNX file has ONNX Runtime take tensors from; ValueError where it can't be read as one."""
        for name in sorted(external_data.locations(path)):
            if name not in self.files:
                raise ModelError(
                    f"{path} takes tensors from a file {name!r}, which {CONFIG} doesn't list with its sha256; export the model "
                    "again, into one file."
                )
            self.verify(path.parent, name)

    def write(self, folder: Path) -> None:
        """Write config.json so that `read` gives this spec back and timm can load the folder."""
        section = {
            "format": FORMAT if self.careful else 1,
            "files": {name: asdict(file) for name, file in self.files.items()},
            "temperature": self.temperature,
            "thresholds": self.thresholds,
            "heatmap": asdict(self.heatmap),
            "lesion_head": asdict(self.lesion_head),
            "frame_head": asdict(self.frame_head),
            "quality": asdict(self.quality),
            "provenance": self.provenance,
        }
        if self.subject == CUSTOM:
            section = {
                "subject": CUSTOM,
                **{key: section[key] for key in ("format", "files", "temperature", "heatmap", "provenance")},
                **({} if self.least_likeness is None else {"least_likeness": self.least_likeness}),
            }
        elif self.careful:
            section |= {"sets": self.sets, "careful": {"looks": [asdict(look) for look in self.looks], **asdict(self.careful)}}
            section |= {"mix": self.mix, **({"clinical": asdict(self.clinical)} if self.clinical else {})}
        top = {
            "architecture": self.architecture,
            **({"model_args": {"act_layer": self.activation}} if self.activation else {}),
            "num_classes": len(self.labels),
            "label_names": list(self.labels),
            "pretrained_cfg": asdict(self.transform),
            "skinapp": section,
        }
        text = json.dumps(top, indent=2, ensure_ascii=False)
        # A list of numbers on one line: there are as many as the network has features.
        text = re.sub(r"\[[-+.\de\s,]+\]", lambda match: "[" + " ".join(match[0][1:-1].split()) + "]", text)
        (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """The hex SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Reader:
    """Walks a JSON object and names file, key and value in every complaint."""

    def __init__(self, path: Path, where: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise ModelError(f"{path}: {where or 'the top level'} is {_shortened(value)}; it must be an object.")
        self.path, self.where, self.value = path, where, value

    def wrong(self, key: str, value: object, cure: str) -> ModelError:
        return ModelError(f"{self.path}: {self.where}{_key_shown(key)} is {_shortened(value)}; {cure}.")

    def get(self, key: str, kind: type) -> Any:
        """The value of a key that must be there and of this kind; an int will do for a float."""
        if key not in self.value:
            raise ModelError(f"{self.path}: {self.where}{_key_shown(key)} is missing; build the model folder again.")
        value = self.value[key]
        kinds = (int, float) if kind is float else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(key, value, f"it must be of type {kind.__name__}")
        if not all(_is_finite(number) for number in (value if isinstance(value, list) else [value])):
            raise self.wrong(key, value, "it must be finite")
        if isinstance(value, str) and not value.isprintable():
            raise self.wrong(key, value, "it must be printable")
        return value

    def child(self, key: str) -> "_Reader":
        return _Reader(self.path, f"{self.where}{key}.", self.get(key, dict))

    def positive(self, key: str) -> float:
        value = float(self.get(key, float))
        if value <= 0:
            raise self.wrong(key, value, "it must be a positive number")
        return value

    def allow_only(self, known: set[str]) -> None:
        if unknown := sorted(set(self.value) - known):
            raise self.wrong(unknown[0], self.value[unknown[0]], "this key is unknown; remove it or update skinapp")


def _is_finite(value: object) -> bool:
    """Whether a number can be computed with; what is no number can't fail this."""
    try:
        return not isinstance(value, int | float) or math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


def _shortened(value: object) -> str:
    """A value as an error shows it: as Python writes it, cut where it is long or deeply nested."""
    short = reprlib.Repr()
    short.maxlevel, short.maxlist, short.maxdict, short.maxstring = 4, 12, 12, MAX_SHOWN
    text = short.repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _key_shown(key: str) -> str:
    """A key as an error shows it, which may be anything."""
    return key if key.isprintable() and len(key) <= MAX_SHOWN else _shortened(key)


def _activation(top: "_Reader") -> str:
    """timm leaves its `model_args` out where a network is built as its architecture says."""
    if "model_args" not in top.value:
        return ""
    arguments = top.child("model_args")
    arguments.allow_only({"act_layer"})
    return str(arguments.get("act_layer", str))


def _shared(top: _Reader, section: _Reader, labels: tuple[str, ...]) -> dict[str, Any]:
    """The fields that every model's config states, whatever it answers."""
    return {
        "architecture": top.get("architecture", str),
        "activation": _activation(top),
        "labels": labels,
        "transform": _transform(top.child("pretrained_cfg")),
        "files": _files(section.child("files")),
        "temperature": section.positive("temperature"),
        "heatmap": _heatmap(section.child("heatmap"), labels),
        "provenance": section.get("provenance", dict),
    }


def _transform(reader: _Reader) -> Transform:
    size, mean, std = (tuple(reader.get(key, list)) for key in ("input_size", "mean", "std"))
    for key, value in (("input_size", size), ("mean", mean), ("std", std)):
        if len(value) != 3 or not all(isinstance(number, int | float) for number in value):
            raise reader.wrong(key, list(value), "it must be three numbers")
    if size[0] != 3 or min(size) < 1 or max(size) > MAX_SIDE or not all(isinstance(number, int) for number in size):
        raise reader.wrong("input_size", list(size), f"it must be [3, height, width], at most {MAX_SIDE} each")
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
        if Path(name).name != name or not name.isprintable() or name in ("", ".."):
            raise reader.wrong(name, reader.value[name], "a file lies directly in the model folder")
        entry = reader.child(name)
        entry.allow_only(_field_names(ModelFile))
        providers = entry.get("providers", list)
        if not all(isinstance(provider, str) for provider in providers):
            raise entry.wrong("providers", providers, "it must be a list of ONNX Runtime's names")
        files[name] = ModelFile(entry.get("sha256", str), entry.get("precision", str), tuple(providers))
    return files


def _format_2_fields(section: _Reader) -> dict[str, Any]:
    """The fields that format 2 adds."""
    careful = section.child("careful")
    careful.allow_only({"looks", *_field_names(Rule)})
    return {
        "sets": _fractions(section.child("sets")),
        "mix": _fractions(section.child("mix")),
        "looks": _looks(careful),
        "careful": _rule(careful),
        "clinical": _clinical(section.child("clinical")) if "clinical" in section.value else None,
    }


def _clinical(reader: _Reader) -> Clinical:
    reader.allow_only(_field_names(Clinical))
    quick, careful = reader.child("quick"), reader.child("careful")
    for rule in (quick, careful):
        rule.allow_only(_field_names(Rule))
    weights, bias = _weights_and_bias(reader.child("view_head"))
    return Clinical(ViewHead(weights, bias), _rule(quick), _rule(careful), _quality(reader.child("quality")))


def _rule(reader: _Reader) -> Rule:
    thresholds = _thresholds(reader.child("thresholds"), (*THRESHOLDS, TOGETHER))
    return Rule(reader.positive("temperature"), thresholds, _fractions(reader.child("sets")))


def _looks(reader: _Reader) -> tuple[Look, ...]:
    looks = []
    for index, value in enumerate(reader.get("looks", list)):
        look_reader = _Reader(reader.path, f"{reader.where}looks.{index}.", value)
        look_reader.allow_only(_field_names(Look))
        look = Look(look_reader.get("crop", str), look_reader.get("turn", int))
        if look.crop not in CROPS:
            raise look_reader.wrong("crop", look.crop, f"it must be one of {', '.join(CROPS)}")
        if look.turn not in range(TURNS):
            raise look_reader.wrong("turn", look.turn, f"it must be from 0 to {TURNS - 1}")
        looks.append(look)
    if looks[:1] != [Look("middle", 0)]:
        raise reader.wrong("looks", reader.value["looks"], "the first look is at the middle, not turned")
    return tuple(looks)


def _fractions(reader: _Reader) -> dict[str, float]:
    """A number from 0 to 1 for each lesion."""
    fractions = _by_label(reader, CODES)
    for code, fraction in fractions.items():
        if not 0 <= fraction <= 1:
            raise reader.wrong(code, fraction, "it must be from 0 to 1")
    return fractions


def _thresholds(reader: _Reader, names: Sequence[str]) -> dict[str, float]:
    reader.allow_only(set(names))
    thresholds = {code: reader.positive(code) for code in names}
    for code, value in thresholds.items():
        if value >= 1:
            raise reader.wrong(code, value, "a probability threshold lies between 0 and 1")
    if thresholds[NEAR] > thresholds["mel"]:
        raise reader.wrong(NEAR, thresholds[NEAR], "it can't lie above that of mel")
    return thresholds


def _labels(top: _Reader) -> tuple[str, ...]:
    """Names of classes: any that can be read and told apart."""
    labels = top.get("label_names", list)
    if not 2 <= len(labels) <= MAX_LABELS or not all(isinstance(label, str) for label in labels):
        raise top.wrong("label_names", labels[:3], f"it must be a list of 2 to {MAX_LABELS} names")
    for label in labels:
        if not label.strip() or not label.isprintable() or labels.count(label) > 1:
            raise top.wrong("label_names", label, "a name is printable, not empty, and stands there once")
    if (count := top.get("num_classes", int)) != len(labels):
        raise top.wrong("num_classes", count, f"it must be {len(labels)}, one a name")
    return tuple(labels)


def _heatmap(reader: _Reader, labels: tuple[str, ...]) -> HeatmapScale:
    reader.allow_only(_field_names(HeatmapScale))
    floor, full = (_by_label(reader.child(key), labels) for key in ("floor", "full"))
    for code in labels:
        if not 0 <= floor[code] < full[code]:
            raise reader.wrong(f"floor.{code}", floor[code], f"it must be at least 0 and below full ({full[code]!r})")
    return HeatmapScale(floor, full, float(reader.get("shift", float)))


def _lesion_head(reader: _Reader) -> LesionHead:
    weights, bias = _weights_and_bias(reader)
    return LesionHead(weights, bias)


def _weights_and_bias(reader: _Reader) -> tuple[tuple[float, ...], float]:
    """Weights of an embedding's features, and the bias."""
    weights = _weights(reader, "it must be a list of numbers, one a feature of the embedding")
    if not weights:
        raise reader.wrong("weights", [], "it must be a list of numbers, one a feature of the embedding")
    return weights, float(reader.get("bias", float))


def _frame_head(reader: _Reader) -> FrameHead:
    cure = f"it must be a list of {FRAME_FEATURES} numbers, or of none"
    weights = _weights(reader, cure)
    if len(weights) not in (0, FRAME_FEATURES):
        raise reader.wrong("weights", list(weights[:3]), cure)
    return FrameHead(weights, float(reader.get("bias", float)))


def _weights(reader: _Reader, cure: str) -> tuple[float, ...]:
    reader.allow_only({"weights", "bias"})
    weights = reader.get("weights", list)
    if not all(isinstance(number, int | float) for number in weights):
        raise reader.wrong("weights", weights[:3], cure)
    return tuple(map(float, weights))


def _quality(reader: _Reader) -> QualityThresholds:
    reader.allow_only(_field_names(QualityThresholds))
    return QualityThresholds(*(_numbers(QualityLimits, reader.child(field.name)) for field in fields(QualityThresholds)))


def _field_names(kind: type) -> set[str]:
    """The keys of a dataclass."""
    return {entry.name for entry in fields(kind)}


def _by_label(reader: _Reader, labels: tuple[str, ...]) -> dict[str, float]:
    reader.allow_only(set(labels))
    return {label: float(reader.get(label, float)) for label in labels}


def _numbers(kind: type[T], reader: _Reader) -> T:
    """A dataclass of plain numbers, with exactly its fields as keys."""
    reader.allow_only(_field_names(kind))
    # A field's type may be a string, as type checkers see it; here none is.
    return kind(**{field.name: reader.get(field.name, field.type) for field in fields(kind)})  # type: ignore[arg-type]
