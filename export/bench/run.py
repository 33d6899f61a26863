"""python -m export bench MODEL_FOLDER --images DIR --labels CSV [--labels CSV ...] [--json OUT.json]

How fast each form of a model's weights is on each provider of this machine, and the whole answer beside a plain torch script's.
All contenders take turns, so that a busy moment hits all alike; what the machine can't run stays "not measured".
"""

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from export.bench import baselines, contenders
from export.bench.contenders import Contender, Loaded
from skinapp.assessment.assessor import Assessor
from skinapp.errors import SkinAppError
from skinapp.imaging import decode, encode, preprocess
from skinapp.imaging.decode import Photo
from skinapp.model import hub
from skinapp.model.session import CPU, Session
from skinapp.model.spec import CONFIG, WEIGHTS, ModelSpec, sha256
from train.data import dataset
from train.evaluate import run as evaluate

SCHEMA = 1
ROUNDS = 40
LEAST_ROUNDS = 15
"""Of large batches, which get fewer rounds."""
REST_S = 0.02
"""Before each turn: torch's threads spin on for a while after a pass, and would take the cores from whoever comes next."""
PHOTOS = 64
JPEGS = {"600x450": (600, 450), "4000x3000": (4000, 3000)}
"""HAM10000's size, and a phone's."""
LIBRARIES = ("onnxruntime-gpu", "torch", "timm", "grad-cam", "pillow", "opencv-python-headless")
INSTRUCTIONS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8")
Key = TypeVar("Key")


def bench(folder: Path, images: Path, labels: dataset.Labels, threads: int, rounds: int = ROUNDS) -> dict[str, Any]:
    """The whole result, as it is saved; the photos are those of the CSVs' split test, or all where they have none."""
    spec = ModelSpec.read(folder)
    rows = _test_rows(images, labels)
    photos = [decode.read(row.path) for row in rows[:: max(1, len(rows) // PHOTOS)][:PHOTOS]]
    load = os.getloadavg()[0]
    with TemporaryDirectory() as scratch:
        table_rows = contenders.line_up(folder, spec, Path(scratch), threads)
        loaded, seconds, reasons = _load(table_rows)
        pixels = preprocess.batch(photos, spec.transform)
        times = race(loaded, pixels, rounds)
        accuracies = {
            contender: accuracy(contender, folder, spec, rows, threads) for contender in loaded if contender.provider is CPU
        }
        table = [_row(contender, times, seconds, reasons, accuracies) for contender in table_rows]
    return {
        "schema": SCHEMA,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {**_machine(), "load": round(load, 2)},
        "versions": {"python": platform.python_version(), **_versions()},
        "model": {"architecture": spec.architecture, "revision": sha256(folder / CONFIG)[:12]},
        "threads": threads,
        "turns": {"rounds": rounds, "rest_s": REST_S, "photos": len(photos)},
        "rows": table,
        "answers": answers(folder, spec, photos[0], threads, rounds),
    }


def write(result: dict[str, Any], path: Path) -> None:
    """Save a result as JSON."""
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def interleave(passes: Mapping[Key, Callable[[], object]], rounds: int, rest_s: float = REST_S) -> dict[Key, list[float]]:
    """Milliseconds of each pass, in rounds in which all take a turn, always in the same order: a rest, one untimed, one timed."""
    spent: dict[Key, list[float]] = {key: [] for key in passes}
    for _ in range(rounds):
        for key, run_once in passes.items():
            time.sleep(rest_s)
            run_once()
            started = time.perf_counter()
            run_once()
            spent[key].append((time.perf_counter() - started) * 1000)
    return spent


def figures(spent: Sequence[float], batch: int = 1) -> dict[str, float]:
    """Median, 95th percentile, and the photos a second that the median makes."""
    middle, slow = np.percentile(spent, (50, 95))
    return {"p50_ms": round(middle, 3), "p95_ms": round(slow, 3), "photos_per_s": round(1000 * batch / middle, 1)}


def race(loaded: Mapping[Contender, Loaded], pixels: NDArray[np.float32], rounds: int) -> dict[tuple[Contender, int], Any]:
    """The figures of all contenders at all batches; photos are repeated where a batch is larger than there are."""
    result = {}
    for size in tqdm(sorted({size for contender in loaded for size in contender.batches}), desc="batches", unit="batch"):
        batch = np.resize(pixels, (size, *pixels.shape[1:]))
        bound = {contender: _bind_or_none(bind, batch) for contender, bind in loaded.items() if size in contender.batches}
        passes = {contender: run_once for contender, run_once in bound.items() if run_once is not None}
        for contender, spent in interleave(passes, max(LEAST_ROUNDS, rounds // size) if size > 1 else rounds).items():
            result[contender, size] = figures(spent, size)
    return result


def _bind_or_none(bind: Loaded, pixels: NDArray[np.float32]) -> Callable[[], object] | None:
    """The pass over a batch, or None where that is too large for the device."""
    try:
        return bind(pixels)
    except (contenders.Unable, RuntimeError):
        return None


def accuracy(contender: Contender, folder: Path, spec: ModelSpec, rows: Sequence[dataset.Row], threads: int) -> dict[str, float]:
    """Balanced accuracy and melanoma sensitivity from one look: metrics.json's, and measured where it lacks this precision."""
    path = folder / "metrics.json"
    measured = json.loads(path.read_text(encoding="utf-8")).get("test", {}) if path.is_file() else {}
    known = [name for name in (f"{contender.precision}_quick", contender.precision) if name in measured]
    if known:
        report = measured[known[0]]
    elif contender.path is None or contender.path.suffix != ".onnx":
        return {}
    else:
        source = hub.LocalModel(folder, spec, next(iter(spec.files)), folder.name, "", "")
        report = evaluate.score(Assessor(source, Session(contender.path, spec, CPU, threads), ()), rows).report
    return {
        "balanced_accuracy": report["balanced_accuracy"]["value"],
        "melanoma_sensitivity": report["melanoma"]["sensitivity"]["value"],
    }


def answers(folder: Path, spec: ModelSpec, photo: Photo, threads: int, rounds: int) -> dict[str, Any]:
    """By size of the JPEG: the app's whole answer from one look and from several, its pass alone, the plain script's or None."""
    assessor = Assessor.load(str(folder), CPU.name, threads)
    torch_answer = baselines.torch_answer(spec, folder / WEIGHTS, threads) if (folder / WEIGHTS).is_file() else None
    pixels = preprocess.batch([photo], spec.transform)
    result: dict[str, Any] = {}
    for name, size in JPEGS.items():
        content = encode.jpeg(np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC)))
        passes: dict[str, Callable[[], object]] = {
            "whole": partial(baselines.skinapp_answer(assessor), content),
            "careful": partial(baselines.skinapp_answer(assessor, careful=True), content),
            "bare": partial(assessor.session.run, pixels),
        }
        if torch_answer:
            passes["plain"] = partial(torch_answer, content)
        times = interleave(passes, rounds if max(size) < 1000 else max(LEAST_ROUNDS, rounds // 4))
        result[name] = {"plain": None, **{key: figures(spent) for key, spent in times.items()}}
    return result


def _test_rows(images: Path, labels: dataset.Labels) -> list[dataset.Row]:
    rows = dataset.read_rows(images, labels)
    return [row for row in rows if row.split == "test"] or rows


def _load(candidates: Sequence[Contender]) -> tuple[dict[Contender, Loaded], dict[Contender, float], dict[Contender, str]]:
    """Those that can run, loaded; the median seconds of loading and a first pass; and why the others can't."""
    loaded, seconds, reasons = {}, {}, {}
    for contender in tqdm(candidates, desc="load", unit="row"):
        spent = []
        try:
            for _ in range(contender.loads):
                started = time.perf_counter()
                loaded[contender] = contender.load()
                spent.append(time.perf_counter() - started)
        except (SkinAppError, RuntimeError) as error:
            reasons[contender] = str(error)
            continue
        seconds[contender] = float(np.median(spent))
    return loaded, seconds, reasons


def _row(
    contender: Contender,
    times: Mapping[tuple[Contender, int], Any],
    seconds: Mapping[Contender, float],
    reasons: Mapping[Contender, str],
    accuracies: Mapping[Contender, dict[str, float]],
) -> dict[str, Any]:
    scores = accuracies.get(contender, {})
    return {
        "form": contender.form,
        "provider": contender.provider.name,
        "not_measured": reasons.get(contender),
        "bytes": contender.path.stat().st_size if contender.path else None,
        "load_s": round(seconds[contender], 3) if contender in seconds else None,
        "batches": {str(size): times[contender, size] for size in contender.batches if (contender, size) in times},
        "balanced_accuracy": scores.get("balanced_accuracy"),
        "melanoma_sensitivity": scores.get("melanoma_sensitivity"),
    }


def _machine() -> dict[str, Any]:
    """What the figures depend on: the processor and its vector instructions, the cores that may be used, the GPU."""
    path = Path("/proc/cpuinfo")
    cpu_info = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line) if path.exists() else {}
    cpu_info = {key.strip(): value.strip() for key, value in cpu_info.items()}
    flags = cpu_info.get("flags", "").split()
    return {
        "cpu": cpu_info.get("model name") or platform.machine(),
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "cores": len(os.sched_getaffinity(0)),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _versions() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
