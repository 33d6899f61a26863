"""`import skinapp`, as a program of somebody else's uses it."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import skinapp
from skinapp.assessment.assessor import Assessor
from skinapp.errors import ModelError, PhotoError
from skinapp.imaging import decode
from skinapp.model.hub import EMBEDDED
from tests import TINY_MODEL
from tests.support import drawings

SPOT = drawings.encoded(drawings.lesion(640, 480), "JPEG")


def timeless(report: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in report.items() if key != "elapsed_ms"}


@pytest.fixture(scope="module")
def model() -> skinapp.Model:
    return skinapp.load(TINY_MODEL, "cpu", 1)


def test_the_interface_is_three_names_and_each_is_there() -> None:
    assert skinapp.__all__ == ["Answer", "Model", "load"]
    assert {name for name in dir(skinapp) if name in skinapp.__all__} == set(skinapp.__all__)
    assert all(getattr(skinapp, name).__name__ == name and getattr(skinapp, name).__doc__ for name in skinapp.__all__)
    with pytest.raises(AttributeError, match="module 'skinapp' has no attribute 'lode'"):
        skinapp.lode  # type: ignore[attr-defined]  # noqa: B018


def test_importing_it_loads_nothing_but_what_python_has_and_none_of_its_rooms() -> None:
    code = "import sys; before = set(sys.modules); import skinapp; print(sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in ast.literal_eval(ran.stdout) if name.partition(".")[0] not in sys.stdlib_module_names] == ["skinapp"]


def test_using_it_loads_no_page_and_no_library_that_trains() -> None:
    code = (
        f"import sys, skinapp; skinapp.load({str(TINY_MODEL)!r}, 'cpu').assess(open(sys.argv[1], 'rb').read()); "
        "print({name.split('.')[0] for name in sys.modules} & {'torch', 'gradio', 'timm', 'sklearn', 'onnx', 'ray'})"
    )
    ran = subprocess.run([sys.executable, "-c", code, EMBEDDED / "plots" / "roc.png"], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_a_path_its_bytes_and_its_pixels_get_the_same_answer(model: skinapp.Model, tmp_path: Path) -> None:
    path = tmp_path / "spot.jpg"
    path.write_bytes(SPOT)
    expected = Assessor.load(str(TINY_MODEL), "cpu", 1).read_and_assess(path, careful=True)
    for photo in (path, str(path), SPOT, decode.read(SPOT)):
        answer = model.assess(photo)
        assert isinstance(answer, skinapp.Answer)
        assert timeless(answer.to_dict()) == timeless(expected.assessment.to_dict())
        np.testing.assert_array_equal(answer.overlay(), expected.assessment.overlay(expected.photo))
        assert answer.to_dict("zh")["disclaimer"] != answer.to_dict()["disclaimer"]
        assert (answer.overlay("nv") != answer.overlay("mel")).any()


def test_the_embedded_model_answers_carefully_unless_told_otherwise(embedded: Assessor) -> None:
    model = skinapp.load(provider="cpu")
    careful, quick = model.assess(SPOT), model.assess(SPOT, careful=False)
    assert (careful.to_dict()["careful"], quick.to_dict()["careful"]) == (True, False)
    assert timeless(careful.to_dict()) == timeless(embedded.read_and_assess(SPOT, careful=True).to_dict())
    assert timeless(quick.to_dict()) == timeless(embedded.read_and_assess(SPOT).to_dict())
    assert model.info.id == "embedded" and model.info.provider == "CPUExecutionProvider"


def test_a_spot_aside_is_answered_from_the_part_around_it(model: skinapp.Model) -> None:
    photo = drawings.lesion(900, 300, (0.15, 0.5))
    whole, part = model.assess(photo), model.assess(photo, centred=True)
    assert whole.photo.shape == (300, 900, 3) and part.photo.shape != whole.photo.shape
    assert part.overlay().shape == part.photo.shape


def test_what_is_wrong_is_an_error_of_ours(model: skinapp.Model) -> None:
    with pytest.raises(PhotoError, match="The file is empty"):
        model.assess(b"")
    with pytest.raises(ModelError, match="/nowhere is not a folder"):
        skinapp.load("/nowhere")
