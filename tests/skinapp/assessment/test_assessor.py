import shutil
from dataclasses import replace

import numpy as np
import pytest

from skinapp.assessment.assessor import Assessor
from skinapp.errors import ModelError, PhotoError, ProviderError
from skinapp.i18n.messages import text
from skinapp.labels import CODES, Priority
from skinapp.model import hub, session
from skinapp.model.spec import ModelSpec, QualityLimits, QualityThresholds
from tests import TINY_MODEL
from tests.support import drawings

TINY = Assessor.load(str(TINY_MODEL), "cpu")


def expected(red: float, green: float, blue: float) -> np.ndarray:
    """The tiny model's probabilities of a photo of one colour (0 to 255), by hand."""
    r, g, b = (channel / 127.5 - 1 for channel in (red, green, blue))
    logits = np.array([-2, r + g + b, -1, -3, -2 * (r + g + b), 4 * r - 2 * g - 2 * b, -3 * r - g + 4 * b - 1])
    powers = np.exp(logits / 0.5)
    return powers / powers.sum()


@pytest.mark.parametrize("colour", [(222, 178, 152), (74, 44, 34), (60, 60, 160), (128, 128, 128)])
def test_the_probabilities_are_those_computed_by_hand(colour):
    found = TINY.assess([drawings.plain(colour)])[0].chances
    np.testing.assert_allclose(found, expected(*colour), atol=1e-6)


def test_a_dark_lesion_that_fills_the_view_is_urgent():
    photo = drawings.lesion(240, 240, colour=(60, 40, 30))
    photo = np.ascontiguousarray(photo[80:160, 80:160])
    assessment = TINY.assess([photo])[0]
    assert assessment.priority is Priority.URGENT and assessment.top.code == "mel"


def test_a_batch_gives_each_photo_its_own_answer():
    photos = [drawings.lesion(seed=seed, width=200 + 10 * seed) for seed in range(6)]
    together = TINY.assess(photos)
    for photo, one in zip(photos, together, strict=True):
        alone = TINY.assess([photo])[0]
        np.testing.assert_allclose(one.chances, alone.chances, atol=1e-6)
        assert (one.priority, one.evidence.view_box, one.quality.issues) == (
            alone.priority,
            alone.evidence.view_box,
            alone.quality.issues,
        )


def test_the_report_has_the_promised_keys():
    _, assessment = TINY.read_and_assess(drawings.encoded(drawings.lesion()))
    report = assessment.to_dict()
    assert list(report) == [
        "schema", "status", "priority", "top", "probabilities", "set", "reason", "view", "careful", "quality", "advice", "disclaimer", "model", "elapsed_ms",
    ]  # fmt: skip
    assert report["schema"] == 1 and report["status"] == "ok"
    assert tuple(report["probabilities"]) == CODES and sum(report["probabilities"].values()) == pytest.approx(1)
    assert report["top"]["probability"] == max(report["probabilities"].values())
    assert report["model"] == {
        "id": "tiny_model", "revision": TINY.model.revision, "file": "model_fp32.onnx", "precision": "fp32",
        "provider": "CPUExecutionProvider",
    }  # fmt: skip
    assert report["disclaimer"] == text("disclaimer", "en")
    assert report["elapsed_ms"]["total"] == pytest.approx(sum(list(report["elapsed_ms"].values())[:-1]), abs=0.05)


def test_a_photo_that_cannot_be_judged_is_sent_back_with_reasons_and_its_bars():
    report = TINY.assess([drawings.plain(128)])[0].to_dict()
    assert (report["status"], report["priority"]) == ("retake", "unclear")
    assert report["quality"]["issues"] == ["flat", "blurred", "no_lesion"]
    assert sum(report["probabilities"].values()) == pytest.approx(1)
    assert report["advice"].startswith(text("issues.flat", "en"))


def test_the_report_speaks_chinese():
    report = TINY.assess([drawings.lesion()])[0].to_dict("zh")
    assert report["disclaimer"] == text("disclaimer", "zh")
    assert report["advice"] == text(f"advice.{Priority(report['priority'])}", "zh")


def test_any_lesions_overlay_comes_from_the_same_pass():
    photo = drawings.lesion()
    assessment = TINY.assess([photo])[0]
    melanoma, nevus = (assessment.overlay(photo, code).astype(int) for code in ("mel", "nv"))
    centre = np.s_[110:130, 150:170]
    assert np.abs(melanoma[centre] - photo[centre]).mean() > 20
    assert np.abs(melanoma - nevus).max() > 20
    np.testing.assert_array_equal(assessment.overlay(photo), assessment.overlay(photo, assessment.focus.code))


class Fixed:
    """A session that gives the same answer to everything."""

    provider = "none"

    def __init__(self, logits: list[float]) -> None:
        self.logits = np.array([logits], np.float32)

    def run(self, pixels: np.ndarray) -> session.Outputs:
        n = len(pixels)
        return session.Outputs(self.logits.repeat(n, 0), np.zeros((n, 7, 8, 8), np.float32), np.ones((n, 3), np.float32))


def answering(logits: list[float]) -> Assessor:
    free = QualityLimits(0, 0.0, 0.0, 0.0, 255.0, 0.0, 1.0, 1.0, -1e9)
    open_spec = replace(TINY.spec, quality=QualityThresholds(free, free))
    source = hub.LocalModel(TINY_MODEL, open_spec, "model_fp32.onnx", "tiny", "", None)
    return Assessor(source, Fixed(logits), ())


def test_the_map_shown_first_explains_the_priority_not_the_likeliest_lesion():
    """Melanoma second at 0.35 makes a photo Urgent: its evidence is what the visitor must see."""
    logits = np.log([0.01, 0.01, 0.01, 0.01, 0.35, 0.6, 0.01]) * TINY.spec.temperature
    assessment = answering(logits.tolist()).assess([drawings.lesion()])[0]
    assert (assessment.priority, assessment.focus.code, assessment.top.code) == (Priority.URGENT, "mel", "nv")


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_an_error_never_a_low(broken):
    with pytest.raises(ModelError, match=r"^model_fp32\.onnx answered with numbers that are not finite; "):
        answering([0, 0, 0, 0, broken, 0, 0]).assess([drawings.lesion()])


def test_a_photo_that_cannot_be_read_is_an_error_and_the_next_is_answered():
    with pytest.raises(PhotoError):
        TINY.read_and_assess(b"no picture")
    assert TINY.read_and_assess(drawings.encoded(drawings.lesion()))[1].quality.ok


@pytest.mark.skipif(
    session._missing(session.PROVIDERS[1]) is None, reason="this machine has an NVIDIA driver; the test is about one without"
)
def test_auto_goes_on_to_the_cpu_and_says_so_when_a_gpu_proves_not_to_work(monkeypatch):
    monkeypatch.setattr(session, "providers_to_try", lambda asked: (session.PROVIDERS[1], session.CPU))
    assessor = Assessor.load(str(TINY_MODEL))
    assert assessor.model.provider == "CPUExecutionProvider"
    assert assessor.notices == (
        "CUDAExecutionProvider was asked for, but ONNX Runtime took CPUExecutionProvider; check its libraries.",
    )
    with pytest.raises(ProviderError):
        Assessor.load(str(TINY_MODEL), "cuda")


def test_auto_goes_on_to_the_next_rung_where_the_model_has_no_file_for_one(monkeypatch, tmp_path):
    folder = shutil.copytree(TINY_MODEL, tmp_path / "model")
    spec = ModelSpec.read(folder)
    file = replace(spec.files["model_fp32.onnx"], providers=("CPUExecutionProvider",))
    replace(spec, files={"model_fp32.onnx": file}).write(folder)
    monkeypatch.setattr(session, "providers_to_try", lambda asked: (session.PROVIDERS[0], session.CPU))
    assessor = Assessor.load(str(folder))
    assert assessor.model.provider == "CPUExecutionProvider"
    assert assessor.notices == (
        "The model holds no file for TensorrtExecutionProvider (only model_fp32.onnx); export it again or use 'cpu'.",
    )


def test_a_cpu_runs_whatever_file_is_left_and_says_what_is_missing(tmp_path):
    folder = shutil.copytree(TINY_MODEL, tmp_path / "model")
    spec = ModelSpec.read(folder)
    entry = spec.files["model_fp32.onnx"]
    gone, left = replace(entry, providers=("CPUExecutionProvider",)), replace(entry, providers=("CUDAExecutionProvider",))
    replace(spec, files={"gone.onnx": gone, "model_fp32.onnx": left}).write(folder)
    assessor = Assessor.load(str(folder), "cpu")
    assert assessor.model.file == "model_fp32.onnx" and "holds no gone.onnx" in assessor.notices[0]
