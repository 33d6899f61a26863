"""Who is timed, in what order, and what is said of it: on a tiny network with random weights; how fast it is is asserted nowhere."""

import io
import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from export import __main__, graph
from export.bench import baselines, contenders, markdown
from export.bench import run as bench
from skinapp.imaging import decode, preprocess
from skinapp.labels import CODES
from skinapp.model import session
from skinapp.model.session import CPU, OUTPUTS, PROVIDERS, Session
from skinapp.model.spec import LesionHead, ModelFile, ModelSpec, sha256
from tests import TINY_MODEL
from tests.support import drawings
from train.network import model

SIZE = (3, 64, 64)
FORMS = ["torch eager FP32", "torch.compile FP32", "ONNX FP32", "ONNX INT8", "ONNX w8", "ONNX FP16", "ONNX INT8-TensorRT"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder with weights, one ONNX file (that is called w8; any will do), and the figures of that and of FP32."""
    folder = tmp_path_factory.mktemp("folder")
    torch.manual_seed(0)
    net = model.create("test_efficientnet")
    model.save_half(net, folder / "model.safetensors")
    graph.to_onnx(model.load("test_efficientnet", folder / "model.safetensors"), SIZE, folder / "full.onnx")
    contenders.store_half(folder / "full.onnx", folder / "model_w8.onnx")
    (folder / "full.onnx").unlink()
    tiny = ModelSpec.read(TINY_MODEL)
    files = {"model_w8.onnx": ("w8", ("CUDAExecutionProvider",)), "model.safetensors": ("fp16", ())}
    spec = replace(
        tiny,
        architecture="test_efficientnet",
        activation="",
        transform=replace(tiny.transform, input_size=SIZE),
        files={name: ModelFile(sha256(folder / name), *about) for name, about in files.items()},
        lesion_head=LesionHead((0.0,) * graph.features(folder / "model_w8.onnx"), 0.0),
    )
    spec.write(folder)
    shares = {"w8": 0.5, "w8_quick": 0.25, "fp32": 0.25}  # w8 is careful where there is a quick one
    known = {
        name: {"balanced_accuracy": {"value": share}, "melanoma": {"sensitivity": {"value": 0.5}}}
        for name, share in shares.items()
    }
    (folder / "metrics.json").write_text(json.dumps({"test": known}))
    return folder


@pytest.fixture(scope="module")
def result(folder, drawn):
    """A bench where no compiler is to be found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        return bench.bench(folder, drawn, drawn / "labels.csv", threads=1, rounds=2)


def spec_of(folder):
    return ModelSpec.read(folder)


def pixels(count=2):
    photos = [drawings.lesion(96, 80, seed=seed) for seed in range(count)]
    return preprocess.batch(photos, replace(ModelSpec.read(TINY_MODEL).transform, input_size=SIZE))


def test_all_take_turns_in_the_same_order_each_with_one_untimed_pass_first():
    said = []
    spent = bench.interleave({name: lambda name=name: said.append(name) for name in "abc"}, rounds=3, rest_s=0)
    assert "".join(said) == "aabbcc" * 3
    assert {name: len(times) for name, times in spent.items()} == {"a": 3, "b": 3, "c": 3}


def test_figures_are_the_median_the_95th_percentile_and_the_medians_photos_a_second():
    spent = [10.0] * 15 + [20.0] * 4 + [100.0] * 2
    assert bench.figures(spent, 8) == {"p50_ms": 10.0, "p95_ms": 100.0, "photos_per_s": 800.0}


def test_every_form_on_every_provider_has_its_row(result):
    rows = {(row["form"], row["provider"]) for row in result["rows"]}
    torch_rows = {(form, on) for form in FORMS[:2] for on in ("cpu", "cuda")}
    assert rows == torch_rows | {(form, on) for form in FORMS[2:] for on in ("cpu", "cuda", "tensorrt")}


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("torch.compile FP32", "torch.compile needs g++"),
        ("ONNX INT8", "the model folder holds no int8 file"),
        ("ONNX INT8-TensorRT", "the model folder holds no int8_trt file"),
    ],
)
def test_what_cannot_run_says_why_and_has_no_figures(result, form, why):
    row = next(row for row in result["rows"] if (row["form"], row["provider"]) == (form, "cpu"))
    assert row["not_measured"] == why
    assert row["batches"] == {} and row["load_s"] is None and row["balanced_accuracy"] is None


@pytest.mark.skipif(
    session._missing(PROVIDERS[1]) is None, reason="this machine has an NVIDIA driver; the test is about one without"
)
def test_without_a_gpu_its_rows_are_not_measured(result):
    rows = [row for row in result["rows"] if row["provider"] != "cpu"]
    assert rows and all(row["not_measured"] and row["batches"] == {} for row in rows)
    cuda = next(row for row in rows if (row["form"], row["provider"]) == ("ONNX w8", "cuda"))
    assert cuda["not_measured"].startswith("SKINAPP_PROVIDER is 'cuda', but ")


@pytest.mark.parametrize("form", ["torch eager FP32", "ONNX FP32", "ONNX w8", "ONNX FP16"])
def test_what_the_cpu_can_run_is_timed_at_every_batch(result, form):
    row = next(row for row in result["rows"] if (row["form"], row["provider"]) == (form, "cpu"))
    assert row["not_measured"] is None and set(row["batches"]) == {"1", "8", "32"} and row["load_s"] > 0 and row["bytes"] > 0
    assert all(0 < found["p50_ms"] <= found["p95_ms"] for found in row["batches"].values())


def test_accuracy_is_that_of_metrics_json_and_measured_where_it_has_none(result):
    found = {row["form"]: row["balanced_accuracy"] for row in result["rows"] if row["provider"] == "cpu"}
    assert found["ONNX w8"] == found["ONNX FP32"] == found["torch eager FP32"] == 0.25
    assert found["ONNX FP16"] is not None and found["ONNX INT8"] is None


def test_the_result_says_where_and_how_it_was_measured(result, folder):
    assert set(result) == {"schema", "date", "machine", "versions", "model", "threads", "turns", "rows", "answers"}
    assert set(result["machine"]) == {"cpu", "instructions", "cores", "gpu", "load"}
    assert result["model"] == {"architecture": "test_efficientnet", "revision": sha256(folder / "config.json")[:12]}
    assert result["threads"] == 1 and result["turns"]["rounds"] == 2 and result["turns"]["photos"] == 14
    assert result["versions"]["torch"] == torch.__version__.partition("+")[0]


def test_the_whole_answer_is_timed_beside_its_pass_on_both_sizes(result):
    assert set(result["answers"]) == {"600x450", "4000x3000"}
    for found in result["answers"].values():
        assert found["careful"]["p50_ms"] > found["bare"]["p50_ms"] > 0 and found["whole"]["p50_ms"] > 0


def times(p50, batch=1):
    return {"p50_ms": p50, "p95_ms": 2 * p50, "photos_per_s": 1000 * batch / p50}


def row(form, provider, batches, **more):
    empty = {"not_measured": None, "bytes": None, "load_s": None, "balanced_accuracy": None, "melanoma_sensitivity": None}
    return {"form": form, "provider": provider, "batches": batches, **empty, **more}


def table(rows, answers=None):
    """The lines that are rendered of a result with these rows."""
    machine = {"cpu": "a CPU", "instructions": ["avx2"], "cores": 2, "gpu": None, "load": 0.2}
    about = {"date": "2026-01-02", "versions": {"torch": "2"}, "threads": 2, "turns": {"rounds": 40}}
    shown = {"machine": machine, "model": {"architecture": "b0", "revision": "abc"}, "rows": rows, "answers": answers or {}}
    return markdown.render({**about, **shown}).splitlines()


def test_ratios_are_those_of_the_medians_to_onnx_fp32_on_the_cpu_at_the_same_batch():
    full = row("ONNX FP32", "cpu", {"1": times(10), "8": times(80, 8)}, bytes=24_000_000, load_s=0.5)
    small = {"bytes": 7_000_000, "balanced_accuracy": 0.7, "melanoma_sensitivity": 0.9}
    lines = table([full, row("ONNX INT8", "cpu", {"1": times(5), "8": times(32, 8)}, **small)])
    assert (
        "| ONNX FP32 | cpu | 10.0 / 20.0 | 1.00 | 100 (1.00) | not measured | 24.0 | 0.50 | not measured | not measured |"
        in lines
    )
    assert "| ONNX INT8 | cpu | 5.0 / 10.0 | 0.50 | 250 (0.40) | not measured | 7.0 | not measured | 0.700 | 0.900 |" in lines


def test_a_row_that_could_not_run_is_not_measured_all_along():
    lines = table([row("ONNX FP32", "cpu", {"1": times(10)}), row("ONNX INT8", "tensorrt", {}, not_measured="no GPU")])
    assert f"| ONNX INT8 | tensorrt |{' not measured |' * 8}" in lines


def test_a_gpus_large_batches_have_a_table_of_their_own():
    rows = [row("ONNX FP32", "cpu", {"1": times(10)}), row("ONNX w8", "cuda", {"1": times(1), "64": times(32, 64)})]
    assert "| weights | on | batch 64: photos/s |" in table(rows)
    assert "| ONNX w8 | cuda | 2000 |" in table(rows)
    assert not any("batch 64" in line for line in table(rows[:1]))


@pytest.mark.parametrize(
    ("plain", "line"),
    [
        (times(60), "| 600x450 | 12.0 | 36.0 | 8.0 | 60.0 | 1.5x | 3.0x | 5.0x |"),
        (None, "| 600x450 | 12.0 | 36.0 | 8.0 | not measured | 1.5x | 3.0x | not measured |"),
    ],
)
def test_the_whole_answer_is_held_against_its_pass_and_against_the_plain_script(plain, line):
    answers = {"600x450": {"whole": times(12), "careful": times(36), "bare": times(8), "plain": plain}}
    assert table([row("ONNX FP32", "cpu", {})], answers)[-1] == line


def test_a_saved_result_renders_as_it_did(result, tmp_path):
    bench.write(result, tmp_path / "bench.json")
    assert markdown.render(json.loads((tmp_path / "bench.json").read_text())) == markdown.render(result)


@pytest.fixture(scope="module")
def files(folder, tmp_path_factory):
    return contenders.onnx_files(folder, spec_of(folder), folder / "model.safetensors", tmp_path_factory.mktemp("made"))


@pytest.mark.parametrize("name", ["fp16", "fp16_compute"])
def test_weights_stored_in_fp16_take_half_the_room_and_answer_alike(files, folder, name):
    held = {key: sum(len(one.raw_data) for one in onnx.load(files[key]).graph.initializer) for key in ("fp32", name)}
    assert held[name] < 0.52 * held["fp32"]
    exact, found = (Session(files[key], spec_of(folder), CPU, 1).run(pixels()) for key in ("fp32", name))
    np.testing.assert_allclose(found.logits, exact.logits, atol=0.02)
    np.testing.assert_allclose(found.cams, exact.cams, atol=0.02 * np.abs(exact.cams).max())


def test_a_bound_session_answers_as_the_apps_does(files, folder):
    """What a GPU row runs, here on the CPU: input and outputs stay where they were bound."""
    bound = contenders.Bound(files["fp32"], CPU, pixels(3), {})
    expected = Session(files["fp32"], spec_of(folder), CPU, 1).run(pixels(3))
    found = bound.outputs()
    for name in OUTPUTS:
        np.testing.assert_allclose(found[name], getattr(expected, name), atol=1e-5)


@pytest.mark.parametrize(
    ("provider", "precision", "some"),
    [
        ("cuda", "w8", {"enable_cuda_graph": "1", "prefer_nhwc": "1"}),
        ("tensorrt", "int8_trt", {"trt_int8_enable": "1", "trt_fp16_enable": "1", "trt_profile_opt_shapes": "pixel_values:64x3x224x224"}),
        ("tensorrt", "fp32", {"trt_int8_enable": "0", "trt_fp16_enable": "0", "trt_cuda_graph_enable": "1"}),
    ],
)  # fmt: skip
def test_a_gpu_session_is_made_for_one_shape_and_one_precision(provider, precision, some):
    chosen = next(one for one in PROVIDERS if one.name == provider)
    options = contenders.gpu_options(chosen, precision, (64, 3, 224, 224), is_captured=True)
    assert options.items() >= some.items()


def test_the_plain_script_says_what_the_network_says(folder, drawn):
    """With pytorch-grad-cam installed its probabilities are torch's; without it there is no script, and its row is not measured."""
    script = baselines.torch_answer(spec_of(folder), folder / "model.safetensors", 1)
    if script is None:
        with pytest.raises(ImportError):
            import pytorch_grad_cam  # noqa: F401
        return
    content = (drawn / "mel0.png").read_bytes()
    report, overlay = script(content)
    net = model.load("test_efficientnet", folder / "model.safetensors")
    with torch.inference_mode():
        logits = net(torch.from_numpy(preprocess.batch([decode.read(content)], spec_of(folder).transform)))
    assert list(json.loads(report)["probabilities"]) == list(CODES)
    np.testing.assert_allclose(list(json.loads(report)["probabilities"].values()), logits[0].softmax(0).numpy(), atol=1e-5)
    assert Image.open(io.BytesIO(overlay)).size == (120, 90)


def test_a_folder_that_is_no_model_is_refused_in_one_sentence(drawn, tmp_path):
    arguments = ["bench", str(tmp_path), "--images", str(drawn), "--labels", str(drawn / "labels.csv")]
    ran = CliRunner().invoke(__main__.app, arguments)
    assert ran.exit_code == 2
    assert ran.stderr == f"{tmp_path} holds no config.json; give a model folder made by 'python -m export build'.\n"
