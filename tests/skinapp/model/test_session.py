import os
import subprocess
import sys
import threading

import numpy as np
import onnxruntime
import pytest

from skinapp.errors import ModelError, ProviderError
from skinapp.model import session
from skinapp.model.spec import LesionHead, ModelFile, ModelSpec
from tests import TINY_MODEL

SPEC = ModelSpec.read(TINY_MODEL)
TINY = TINY_MODEL / "model_fp32.onnx"
needs_no_gpu = pytest.mark.skipif(
    session._missing(session.PROVIDERS[1]) is None, reason="this machine has an NVIDIA driver; the test is about one without"
)


def test_a_pass_gives_the_numbers_of_the_hand_computed_model():
    pixels = np.zeros((2, 3, 32, 32), np.float32)
    pixels[1] = np.array([-0.5, -0.25, 0.25]).reshape(3, 1, 1)
    answer = session.Session(TINY, SPEC, session.CPU).run(pixels)
    biases = [-2, 0, -1, -3, 0, 0, -1]
    np.testing.assert_allclose(answer.logits[0], biases, atol=1e-6)
    np.testing.assert_allclose(answer.logits[1], np.add(biases, [0, -0.5, 0, 0, 1, -2, 2.75]), atol=1e-6)
    np.testing.assert_allclose(answer.embedding[1], [-0.5, -0.25, 0.25])
    assert answer.cams.shape == (2, 7, 8, 8)


@pytest.mark.parametrize(("told", "left"), [({}, []), ({"ORT_DISABLE_TELEMETRY": "0"}, [".ses"])])
def test_onnxruntime_keeps_no_identifier_and_so_reports_nothing(told, left, tmp_path):
    """Told otherwise it does leave one: the day that it no longer did, this test would prove nothing."""
    code = f"from skinapp.assessment.assessor import Assessor; Assessor.load({str(TINY_MODEL)!r}, 'cpu')"
    # CI's machines aren't reported, either.
    known = {name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "CI")}
    subprocess.run([sys.executable, "-c", code], env={**known, **told, "TMPDIR": str(tmp_path)}, check=True, timeout=120)
    assert [path.name for path in tmp_path.iterdir()] == left


def test_the_provider_is_the_sessions_own_word():
    assert session.Session(TINY, SPEC, session.CPU).provider == "CPUExecutionProvider"


@needs_no_gpu
@pytest.mark.parametrize("asked", ["cuda", "tensorrt"])
def test_a_gpu_asked_for_where_there_is_none_is_an_error_never_a_silent_cpu_run(asked):
    with pytest.raises(ProviderError) as caught:
        session.providers_to_try(asked)
    assert str(caught.value) == (
        f"SKINAPP_PROVIDER is '{asked}', but libcuda.so.1 is not on this machine; use 'auto' or 'cpu', or install it."
    )


@needs_no_gpu
def test_auto_ends_on_the_cpu_here_and_says_why(caplog):
    with caplog.at_level("DEBUG", "skinapp.model.session"):
        assert [rung.name for rung in session.providers_to_try("auto")] == ["cpu"]
    assert caplog.messages == [
        "TensorrtExecutionProvider is left out: libcuda.so.1 is not on this machine.",
        "CUDAExecutionProvider is left out: libcuda.so.1 is not on this machine.",
    ]


def test_a_gpu_that_cannot_run_the_file_leaves_the_ladder_its_next_rung(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"rubbish")
    with pytest.raises(ProviderError, match=r"^CUDAExecutionProvider can't run model\.onnx \(.+\); use 'cpu'\.$"):
        session.Session(tmp_path / "model.onnx", SPEC, session.PROVIDERS[1])


def test_a_session_that_lands_on_another_provider_is_an_error(monkeypatch):
    """ONNX Runtime built with CUDA, on a machine without it, gives a CPU session and no exception."""
    with pytest.raises(
        ProviderError, match=r"^CUDAExecutionProvider was asked for, but ONNX Runtime took CPUExecutionProvider; "
    ):
        session.Session(TINY, SPEC, session.PROVIDERS[1])


def test_an_unknown_provider_is_named():
    with pytest.raises(ProviderError, match=r"^SKINAPP_PROVIDER is 'tpu'; it must be auto, tensorrt, cuda, cpu\.$"):
        session.providers_to_try("tpu")


def test_each_rung_gets_the_file_made_for_it():
    files = {
        "int8": ModelFile("", "int8", ("CPUExecutionProvider",)),
        "trt": ModelFile("", "int8", ("TensorrtExecutionProvider",)),
        "w8": ModelFile("", "w8", ("CUDAExecutionProvider",)),
    }
    spec = ModelSpec(**{**vars(SPEC), "files": files})
    assert [session.file_for(spec, rung) for rung in session.PROVIDERS] == ["trt", "w8", "int8"]


def test_a_model_without_a_file_for_the_provider_is_refused():
    spec = ModelSpec(**{**vars(SPEC), "files": {"a.onnx": ModelFile("", "int8", ())}})
    with pytest.raises(ProviderError) as caught:
        session.file_for(spec, session.PROVIDERS[1])
    assert str(caught.value) == "The model holds no file for CUDAExecutionProvider (only a.onnx); export it again or use 'cpu'."
    assert session.file_for(spec, session.CPU) == "a.onnx"


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"rubbish")
    with pytest.raises(ModelError, match=r"model\.onnx can't be run by ONNX Runtime \(.+\); fetch the model again\.$"):
        session.Session(tmp_path / "model.onnx", SPEC, session.CPU)


def test_a_graph_of_another_input_size_is_refused():
    transform = type(SPEC.transform)(**{**vars(SPEC.transform), "input_size": (3, 64, 64)})
    with pytest.raises(ModelError, match=r"but config\.json says pixel_values \(3, 64, 64\); export it again\.$"):
        session.Session(TINY, ModelSpec(**{**vars(SPEC), "transform": transform}), session.CPU)


def test_a_head_for_another_number_of_features_is_refused():
    spec = ModelSpec(**{**vars(SPEC), "lesion_head": LesionHead((1.0, 2.0), 0.0)})
    with pytest.raises(ModelError, match=r"gives 3 features, but config\.json weighs 2; export it again\.$"):
        session.Session(TINY, spec, session.CPU)


def test_threads_share_a_session():
    runs = session.Session(TINY, SPEC, session.CPU)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(8, 1, 3, 32, 32)).astype(np.float32)
    expected = [runs.run(pixels).logits for pixels in inputs]
    found: dict[int, list[np.ndarray]] = {}

    def work(number: int) -> None:
        found[number] = [runs.run(inputs[number]).logits for _ in range(50)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, answers in found.items():
        assert all(np.array_equal(answer, expected[number]) for answer in answers)


def test_the_gpu_build_of_onnxruntime_is_the_one_installed():
    assert "CUDAExecutionProvider" in onnxruntime.get_available_providers()
