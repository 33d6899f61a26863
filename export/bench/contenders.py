"""What `export bench` measures: each form of a model folder's weights on each provider, ready to run on a batch.

A pass on a GPU starts with its input there, ends when its outputs are there, and copies nothing to or from the CPU.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from export import graph
from skinapp.errors import ProviderError, SkinAppError
from skinapp.model import session
from skinapp.model.session import CPU, INPUT, OUTPUTS, PROVIDERS, Provider, Session
from skinapp.model.spec import WEIGHTS, ModelSpec
from train.network import model

Pass = Callable[[], object]
Loaded = Callable[[NDArray[np.float32]], Pass]
"""Gives the pass over one batch `[n, 3, height, width]`."""

ONNX_FORMS = {"ONNX FP32": "fp32", "ONNX INT8": "int8", "ONNX w8": "w8", "ONNX FP16": "fp16", "ONNX INT8-TensorRT": "int8_trt"}
"""What the table calls each ONNX file, and its precision in config.json and metrics.json."""
CPU_BATCHES, GPU_BATCHES = (1, 8, 32), (1, 8, 32, 64, 128, 256)


class Unable(SkinAppError):
    """A contender that this machine or this model folder can't bring to the start."""


@dataclass(frozen=True)
class Contender:
    """A row of the table: `load` gives it loaded and warmed up with one photo, or raises Unable; `path` is its file."""

    form: str
    provider: Provider
    precision: str
    path: Path | None
    load: Callable[[], Loaded]
    loads: int = 3

    @property
    def batches(self) -> tuple[int, ...]:
        return CPU_BATCHES if self.provider is CPU else GPU_BATCHES


def line_up(folder: Path, spec: ModelSpec, scratch: Path, threads: int) -> list[Contender]:
    """All rows of the table; the FP32 and FP16 graphs are made in `scratch`."""
    torch.set_num_threads(threads)
    weights = folder / WEIGHTS if (folder / WEIGHTS).is_file() else None
    files = onnx_files(folder, spec, weights, scratch)
    providers = PROVIDERS[::-1]
    rows = []
    for form, is_compiled in (("torch eager FP32", False), ("torch.compile FP32", True)):
        for provider in providers[:2]:
            load = partial(_in_torch, spec, weights, provider, is_compiled)
            rows.append(Contender(form, provider, "fp32", weights, load, loads=1 if is_compiled else 3))
    for form, precision in ONNX_FORMS.items():
        for provider in providers:
            path = files.get("fp16_compute" if precision == "fp16" and provider is not CPU else precision)
            load = partial(_in_onnx, spec, path, precision, provider, threads)
            # TensorRT builds its engine anew at each load, for minutes.
            rows.append(Contender(form, provider, precision, path, load, loads=1 if provider.name == "tensorrt" else 3))
    return rows


def onnx_files(folder: Path, spec: ModelSpec, weights: Path | None, scratch: Path) -> dict[str, Path]:
    """The ONNX file of every precision: the folder's, and those that it leaves out, made of its weights."""
    shipped = {file.precision: folder / name for name, file in spec.files.items() if name.endswith(".onnx")}
    files = {precision: path for precision, path in shipped.items() if path.is_file()}
    if weights:
        files["fp32"] = scratch / "model_fp32.onnx"
        graph.to_onnx(model.load(spec.architecture, weights, spec.activation), spec.transform.input_size, files["fp32"])
    if "fp32" in files and "fp16" not in files:
        files |= {"fp16": scratch / "model_fp16.onnx", "fp16_compute": scratch / "model_fp16_compute.onnx"}
        store_half(files["fp32"], files["fp16"])
        onnx.save(convert_float_to_float16(onnx.load(files["fp32"]), keep_io_types=True), files["fp16_compute"])
    return files


def store_half(path: Path, out: Path) -> None:
    """Write the graph with FP16 weights that are cast to float once, at load: CPUs have no FP16 convolutions."""
    onnx_model = onnx.load(path)
    for tensor in [tensor for tensor in onnx_model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]:
        stored = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{tensor.name}.half")
        onnx_model.graph.initializer.append(stored)
        onnx_model.graph.initializer.remove(tensor)
        onnx_model.graph.node.insert(0, helper.make_node("Cast", [stored.name], [tensor.name], to=onnx.TensorProto.FLOAT))
    onnx.save(onnx_model, out)


def _in_torch(spec: ModelSpec, weights: Path | None, provider: Provider, is_compiled: bool) -> Loaded:
    """The trained network in torch, eager or compiled, with the input on its device."""
    if weights is None:
        raise Unable(f"the model folder holds no {WEIGHTS}")
    if provider is not CPU and not torch.cuda.is_available():
        raise Unable("torch finds no GPU")
    if is_compiled and not shutil.which("g++"):
        raise Unable("torch.compile needs g++")
    device = "cpu" if provider is CPU else "cuda"
    net: Any = model.load(spec.architecture, weights, spec.activation).to(device)
    if is_compiled:
        net = torch.compile(net)

    def bind(pixels: NDArray[np.float32]) -> Pass:
        return partial(_torch_pass, net, torch.from_numpy(pixels).to(device))

    bind(np.zeros((1, *spec.transform.input_size), np.float32))()
    return bind


def _torch_pass(net: Callable[[torch.Tensor], torch.Tensor], pixels: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        logits = net(pixels)
    if logits.is_cuda:
        torch.cuda.synchronize()
    return logits


def _in_onnx(spec: ModelSpec, path: Path | None, precision: str, provider: Provider, threads: int) -> Loaded:
    """An ONNX file as the app runs it on the CPU; on a GPU bound to the device's memory, a session a batch."""
    if path is None:
        raise Unable(f"the model folder holds no {precision} file")
    if provider is CPU:
        runner = Session(path, spec, CPU, threads)
        return lambda pixels: partial(runner.run, pixels)
    try:
        session.providers_to_try(provider.name)
    except ProviderError as error:
        raise Unable(str(error)) from None

    bind = partial(_on_gpu, path, precision, provider)
    bind(np.zeros((1, *spec.transform.input_size), np.float32))()
    return bind


def _on_gpu(path: Path, precision: str, provider: Provider, pixels: NDArray[np.float32]) -> Pass:
    """The pass of a session made for this batch, as one CUDA graph, or without one where a node fell to the CPU."""
    reason = ""
    for is_captured in (True, False):
        try:
            return Bound(path, provider, pixels, gpu_options(provider, precision, pixels.shape, is_captured)).run
        except Exception as error:  # onnxruntime's own exception classes share no narrower base
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    raise Unable(f"{provider.ort_name} can't run {path.name} at batch {len(pixels)} ({reason})")


def gpu_options(provider: Provider, precision: str, shape: tuple[int, ...], is_captured: bool) -> dict[str, str]:
    """Provider options for one fixed shape: `is_captured` replays the whole pass as one CUDA graph."""
    flag = "1" if is_captured else "0"
    if provider.name == "cuda":
        return {"enable_cuda_graph": flag, "prefer_nhwc": "1", "cudnn_conv_use_max_workspace": "1"}
    profile = f"{INPUT}:{'x'.join(map(str, shape))}"
    return {
        "trt_cuda_graph_enable": flag,
        "trt_int8_enable": "1" if precision.startswith("int8") else "0",
        "trt_fp16_enable": "0" if precision == "fp32" else "1",
        **{f"trt_profile_{name}_shapes": profile for name in ("min", "opt", "max")},
    }


class Bound:
    """An ONNX file with one batch's input and outputs kept where the provider computes."""

    def __init__(self, path: Path, provider: Provider, pixels: NDArray[np.float32], options: dict[str, str]) -> None:
        if provider is not CPU:
            ort.preload_dlls()
        session_options = ort.SessionOptions()
        session_options.log_severity_level = 3
        self._session = ort.InferenceSession(path, session_options, providers=[(provider.ort_name, options)])
        self._session.disable_fallback()
        if self._session.get_providers()[0] != provider.ort_name:
            raise Unable(f"{provider.ort_name} was asked for, but ONNX Runtime took {self._session.get_providers()[0]}")
        device = "cpu" if provider is CPU else "cuda"
        self._binding = self._session.io_binding()
        self._binding.bind_ortvalue_input(INPUT, ort.OrtValue.ortvalue_from_numpy(pixels, device, 0))
        for entry in self._session.get_outputs():
            output = ort.OrtValue.ortvalue_from_shape_and_type([len(pixels), *entry.shape[1:]], np.float32, device, 0)
            self._binding.bind_ortvalue_output(entry.name, output)
        self.run()

    def run(self) -> None:
        """One pass; back when its outputs are complete."""
        self._session.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()

    def outputs(self) -> dict[str, NDArray[np.float32]]:
        """The last pass's outputs, copied to the CPU."""
        names = [entry.name for entry in self._session.get_outputs()]
        outputs = dict(zip(names, self._binding.copy_outputs_to_cpu(), strict=True))
        return {name: outputs[name] for name in OUTPUTS}
