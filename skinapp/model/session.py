"""An ONNX Runtime session on the best provider of this machine, which it proves; the only importer of onnxruntime.

Refuses to run on another provider than the one it was opened for: a silent CPU run is an error here.
"""

import ctypes
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from skinapp.errors import ModelError, ProviderError, SkinAppError
from skinapp.model.spec import LESION, ModelSpec

log = logging.getLogger(__name__)
# It warns everybody without a GPU that none could be discovered (1.31.1, device_discovery.cc); failures come as exceptions.
ort.set_default_logger_severity(3)

AUTO = "auto"
INPUT = "pixel_values"
OUTPUTS = ("logits", "cams", "embedding")
LIKENESS = "likeness"
"""What a graph that was taught may give as well."""


@dataclass(frozen=True)
class Provider:
    """A step of the provider ladder: our name for it, ONNX Runtime's, and the libraries a machine needs for it."""

    name: str
    ort_name: str
    libraries: tuple[str, ...]


PROVIDERS = (
    Provider("tensorrt", "TensorrtExecutionProvider", ("libcuda.so.1", "libnvinfer.so.10")),
    Provider("cuda", "CUDAExecutionProvider", ("libcuda.so.1",)),
    Provider("cpu", "CPUExecutionProvider", ()),
)
CPU = PROVIDERS[-1]
PORTABLE = ("w8", "fp16", "fp32")
"""Precisions whose graphs compute in float, smallest first."""


@dataclass(frozen=True)
class Outputs:
    """What one pass returns for n photos: `logits [n, 7]`, `cams [n, 7, h, w]`, `embedding [n, d]`, float32."""

    logits: NDArray[np.float32]
    cams: NDArray[np.float32]
    embedding: NDArray[np.float32]


@dataclass(frozen=True)
class TaughtOutputs(Outputs):
    """The same of a model that tells how like a photo is to those it learned from, `likeness [n]`."""

    likeness: NDArray[np.float32]


class Runner(Protocol):
    """Whatever answers `[n, 3, height, width]` and says on what."""

    provider: str

    def run(self, pixels: NDArray[np.float32]) -> Outputs: ...


def cores() -> int:
    """The cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def providers_to_try(requested: str) -> tuple[Provider, ...]:
    """The steps to try, best first: the one asked for, or for `auto` all that this machine has, ending with the CPU."""
    if requested == AUTO:
        missing = {provider: _missing(provider) for provider in PROVIDERS}
        for provider, reason in missing.items():
            if reason is not None:
                log.debug("%s is left out: %s.", provider.ort_name, reason)
        return tuple(provider for provider, reason in missing.items() if reason is None)
    by_name = {provider.name: provider for provider in PROVIDERS}
    if requested not in by_name:
        raise ProviderError(f"SKINAPP_PROVIDER is {requested!r}; it must be {AUTO}, {', '.join(by_name)}.")
    if (reason := _missing(by_name[requested])) is not None:
        raise ProviderError(f"SKINAPP_PROVIDER is {requested!r}, but {reason}; use {AUTO!r} or {CPU.name!r}, or install it.")
    return (by_name[requested],)


def _missing(provider: Provider) -> str | None:
    """What this machine lacks for a provider, or None."""
    if provider.ort_name not in ort.get_available_providers():
        return f"this onnxruntime is built without {provider.ort_name}"
    return next((f"{library} is not on this machine" for library in provider.libraries if not _is_loadable(library)), None)


def _is_loadable(library: str) -> bool:
    """Whether a shared library can be loaded: the system's, or that of TensorRT's Python package, which no loader finds."""
    package = find_spec("tensorrt_libs")
    folders = list(package.submodule_search_locations or ()) if package else []
    for path in (library, *(str(Path(folder) / library) for folder in folders)):
        with suppress(OSError):
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
            return True
    return False


def file_for(spec: ModelSpec, provider: Provider) -> str:
    """The weight file that a model folder holds for this step of the ladder; on a CPU, the next best where there is none."""
    for name, file in spec.files.items():
        if provider.ort_name in file.providers:
            return name
    if provider is CPU and (runnable := [name for name in spec.files if name.endswith(".onnx")]):
        return runnable[-1]  # a CPU computes them all, and those that compute in float come last
    known = ", ".join(spec.files)
    raise ProviderError(f"The model holds no file for {provider.ort_name} (only {known}); export it again or use {CPU.name!r}.")


def portable_file(spec: ModelSpec) -> str:
    """The smallest kind of weight file that computes in float, and so gives the same answer on every machine."""
    for precision in PORTABLE:
        for name, file in spec.files.items():
            if name.endswith(".onnx") and file.precision == precision:
                return name
    raise ModelError(f"The model holds no file in {' or '.join(PORTABLE)} (only {', '.join(spec.files)}); export it again.")


class Session:
    """A loaded and warmed-up model on a proven provider. `run` may be called from several threads at once."""

    def __init__(self, path: Path, spec: ModelSpec, provider: Provider, threads: int = 0) -> None:
        if provider is not CPU:
            ort.preload_dlls()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Its threads would spin on after a pass and take the cores from whatever comes next: with six sessions in turn, a pass
        # took three times as long.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        providers: list[Any] = [(provider.ort_name, _provider_options(provider, spec))]
        try:
            spec.verify_external(path)
            self._session = ort.InferenceSession(path, options, providers=providers)
        except ModelError:
            raise
        except Exception as error:  # onnxruntime's own exception classes share no narrower base
            raise _failure(error, provider, path) from None
        self._session.disable_fallback()
        self.provider: str = self._session.get_providers()[0]
        if self.provider != provider.ort_name:
            raise ProviderError(f"{provider.ort_name} was asked for, but ONNX Runtime took {self.provider}; check its libraries.")
        self._check(path, spec)
        self._is_taught = spec.least_likeness is not None
        try:
            self.run(np.zeros((1, *spec.transform.input_size), np.float32))
        except Exception as error:  # as above; drivers that don't fit fail here first
            raise _failure(error, provider, path) from None

    def run(self, pixels: NDArray[np.float32]) -> Outputs:
        """One pass over `[n, 3, height, width]`."""
        if self._is_taught:
            return TaughtOutputs(*self._session.run((*OUTPUTS, LIKENESS), {INPUT: pixels}))
        return Outputs(*self._session.run(OUTPUTS, {INPUT: pixels}))

    def _check(self, path: Path, spec: ModelSpec) -> None:
        inputs = {entry.name: entry.shape for entry in self._session.get_inputs()}
        outputs = {entry.name: entry.shape for entry in self._session.get_outputs()}
        if list(inputs) != [INPUT] or tuple(inputs[INPUT][1:]) != spec.transform.input_size:
            raise ModelError(f"{path} takes {inputs}, but config.json says {INPUT} {spec.transform.input_size}; export it again.")
        expected = {*OUTPUTS, *(() if spec.least_likeness is None else (LIKENESS,))}
        if set(outputs) != expected or outputs["logits"][1] != len(spec.labels):
            raise ModelError(f"{path} gives {outputs}, not {', '.join(OUTPUTS)} of {len(spec.labels)} labels; export it again.")
        if spec.subject == LESION and outputs["embedding"][1] != (features := len(spec.lesion_head.weights)):
            raise ModelError(
                f"{path} gives {outputs['embedding'][1]} features, but config.json weighs {features}; export it again."
            )


def _provider_options(provider: Provider, spec: ModelSpec) -> dict[str, str]:
    """Provider options: TensorRT keeps its built engines, or every start would take minutes."""
    if provider.name != "tensorrt":
        return {}
    cache = Path.home() / ".cache" / "skinapp" / "tensorrt"
    cache.mkdir(parents=True, exist_ok=True)
    size = "x".join(str(side) for side in spec.transform.input_size)
    return {
        "trt_int8_enable": "True",
        "trt_fp16_enable": "True",
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": str(cache),
        "trt_profile_min_shapes": f"{INPUT}:1x{size}",
        "trt_profile_opt_shapes": f"{INPUT}:1x{size}",
        "trt_profile_max_shapes": f"{INPUT}:32x{size}",
    }


def _failure(error: Exception, provider: Provider, path: Path) -> SkinAppError:
    """Our error in place of one of ONNX Runtime's own: on a GPU the provider is to blame, on the CPU the file."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    if provider is CPU:
        return ModelError(f"{path} can't be run by ONNX Runtime ({reason}); fetch the model again.")
    return ProviderError(f"{provider.ort_name} can't run {path.name} ({reason}); use {CPU.name!r}.")
