"""Writes what was learned as a model folder that app.py, the command line and a bare ONNX Runtime serve: the graph with its new
head, config.json, metrics.json and the card; and packs it as a zip."""

import json
import math
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment.classifier import Classifier
from skinapp.assessment.loaded_model import LoadedModel
from skinapp.imaging import preprocess
from skinapp.model import hub, session
from skinapp.model.spec import CONFIG, CUSTOM, UNLIMITED, FrameHead, HeatmapScale, LesionHead, ModelFile, ModelSpec, sha256
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.dataset.split import Split
from skinapp.teach.likeness import Likeness
from skinapp.teach.linear_head import TrainedHead
from skinapp.teach.model_folder import card
from skinapp.teach.networks import Kind, Networks

NAME = "my-model"
"""The folder's name; whoever downloads it gives it another."""
SCALE_PICTURES = 12
"""Of each class, for the heatmap's scale."""
SPOT = 95
"""Percentile of a map's places that counts as its spot: of 49 the third, as one alone is often an edge."""
FAINT = 0.25
"""Evidence up to this share of what a class's own pictures reach is not shown."""
METRICS = "metrics.json"
CARD = "README.md"


def write(
    networks: Networks,
    kind: Kind,
    collection: Collection,
    split: Split,
    trained: TrainedHead,
    likeness: Likeness,
    folder: Path,
) -> Classifier:
    """The model folder, opened: what it answers is what was written."""
    from skinapp.teach.model_folder import onnx_head  # here: onnx takes its time, which a page that nobody teaches saves

    folder.mkdir()
    parts = networks.parts(kind)
    used = [networks.by_kind[part] for part in parts]
    base = used[0]
    file = base.source.file
    provider = next(provider for provider in session.PROVIDERS if provider.ort_name == base.session.provider)
    bases = [
        onnx_head.Base(network.source.folder / network.source.file, network.spec.transform, networks.is_rooted(part))
        for part, network in zip(parts, used, strict=True)
    ]
    for network in used:
        network.spec.verify(network.source.folder, network.source.file)  # which may have been swapped since it was loaded
    onnx_head.graft(bases, trained.head, None, None, folder / file)
    spec = _spec(used, collection, split, trained, folder / file)
    maps = _maps(spec, session.Session(folder / file, spec, provider), collection, split)
    usual = np.asarray(np.mean([cams.mean(0) for cams in maps], axis=0, dtype=np.float64), np.float32)
    onnx_head.graft(bases, trained.head, usual, likeness, folder / file)
    spec = replace(_spec(used, collection, split, trained, folder / file), heatmap=_scale(spec, [cams - usual for cams in maps]))
    spec = replace(spec, least_likeness=likeness.least)
    spec.write(folder)
    runner = session.Session(folder / file, spec, provider)
    metrics = _metrics(collection, split, trained)
    (folder / METRICS).write_text(json.dumps(metrics, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card.render(spec, file, metrics), encoding="utf-8")
    return Classifier(hub.LocalModel(folder, spec, file, folder.name, sha256(folder / CONFIG)[:12], None), runner, ())


def pack(folder: Path, path: Path) -> Path:
    """The folder as a zip that unpacks into a folder of its name."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            entry = ZipInfo.from_file(file, f"{folder.name}/{file.name}")
            entry.external_attr = (stat.S_IFREG | 0o644) << 16  # here it is its visitor's alone, where it is unpacked it isn't
            archive.writestr(entry, file.read_bytes(), ZIP_DEFLATED)
    return path


def _spec(used: Sequence[LoadedModel], collection: Collection, split: Split, trained: TrainedHead, path: Path) -> ModelSpec:
    """The first network's spec with other labels and without a word about lesions; its heatmap's scale is yet to be measured."""
    base, labels = used[0], collection.labels
    file = base.spec.files[path.name]
    zeros = dict.fromkeys(labels, 0.0)
    return ModelSpec(
        architecture=base.spec.architecture,
        activation=base.spec.activation,
        labels=labels,
        transform=base.spec.transform,
        files={path.name: ModelFile(sha256(path), file.precision, file.providers)},
        temperature=round(trained.temperature, 4),
        thresholds={},
        heatmap=HeatmapScale(zeros, dict.fromkeys(labels, 1.0), base.spec.heatmap.shift),
        lesion_head=LesionHead((), 0.0),
        frame_head=FrameHead((), 0.0),
        quality=UNLIMITED,
        provenance={
            "taught_on": _origin(base),
            **({"and_on": _origin(used[1])} if len(used) > 1 else {}),
            "learned_from": _counts(collection, split.train),
            "strength": trained.strength,
        },
        subject=CUSTOM,
    )


def _origin(network: LoadedModel) -> dict[str, str]:
    """Which network it was: by its name, or by its folder's where it is one of the embedded ones."""
    name = network.source.folder.name if network.source.folder == hub.GENERAL else network.model.id
    return {"id": name, "revision": network.model.revision, "file": network.model.file}


def _maps(spec: ModelSpec, runner: session.Runner, collection: Collection, split: Split) -> list[NDArray[np.float32]]:
    """Every class's maps `[m, k, h, w]` of some pictures of each class that it learned from."""
    maps = []
    for target in range(len(spec.labels)):
        indices = split.train[collection.targets[split.train] == target][:SCALE_PICTURES]
        views = np.stack([collection.views[index] for index in indices])
        maps.append(runner.run(preprocess.normalize(views, spec.transform)).cams)
    return maps


def _scale(spec: ModelSpec, maps: list[NDArray[np.float32]]) -> HeatmapScale:
    """Hottest from where a quarter of a class's own pictures have a spot of a few places."""
    floor, full = {}, {}
    for target, label in enumerate(spec.labels):
        cams = maps[target][:, target]
        high = max(float(np.percentile(np.percentile(cams.reshape(len(cams), -1), SPOT, axis=1), 75)), 1e-3)
        floor[label], full[label] = round(FAINT * high, 6), round(high, 6)
    return HeatmapScale(floor, full, spec.heatmap.shift)


def _metrics(collection: Collection, split: Split, trained: TrainedHead) -> dict[str, Any]:
    """Everything that was measured, under the names that the card uses."""
    labels = collection.labels
    return {
        "held_out": {
            "how": "test folder" if split.is_given else "held out",
            "pictures": _counts(collection, split.test),
            "near_copies_left_out": split.dropped,
            **{**trained.figures, "recall": dict(zip(labels, trained.figures["recall"], strict=True))},
            "confusion": {
                label: dict(zip(labels, row.tolist(), strict=True)) for label, row in zip(labels, trained.confusion, strict=True)
            },
        },
        "cross_validation": {
            "learned_from": _counts(collection, split.train),
            "curve": [
                {
                    "share": point.share,
                    "balanced_accuracy": round(point.balanced, 4),
                    "recall": {
                        label: None if math.isnan(recall) else round(float(recall), 4)
                        for label, recall in zip(labels, point.recalls, strict=True)
                    },
                }
                for point in trained.curve
            ],
        },
    }


def _counts(collection: Collection, indices: Any) -> dict[str, int]:
    """Pictures of each class among these."""
    counts = np.bincount(collection.targets[indices], minlength=len(collection.labels))
    return dict(zip(collection.labels, counts.tolist(), strict=True))
