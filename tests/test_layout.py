"""The import rules: arrows point one way, one third-party library has one importing file, and the runtime knows no torch."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRAINING = {"torch", "torchvision", "timm", "transformers", "optimum", "accelerate", "safetensors"}
ONLY = {
    "onnxruntime": {"skinapp/model/session.py"},
    "huggingface_hub": {"skinapp/model/hub.py"},
    "gradio": {"app.py", "skinapp/ui"},
    "onnx": {"skinapp/teach/model_folder/onnx_head.py"},
    "sklearn": {"skinapp/teach/linear_head.py"},
    "ray": {"skinapp/ray_batch.py"},
    "pyarrow": {"skinapp/ray_batch.py"},
    "mcp": {"skinapp/ui/mcp.py"},
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


RUNTIME = [ROOT / "app.py", *files("skinapp")]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", RUNTIME, ids=name)
def test_the_runtime_imports_no_training_library_and_nothing_above_it(path):
    assert not roots(path) & (TRAINING | {"train", "export", "tests"})
    assert path.name == "app.py" or "app" not in roots(path)


@pytest.mark.parametrize("path", RUNTIME, ids=name)
def test_a_library_is_imported_where_it_belongs_alone(path):
    for library, places in ONLY.items():
        if library in roots(path):
            assert any(name(path) == place or name(path).startswith(f"{place}/") for place in places), library


@pytest.mark.parametrize("path", files("train"), ids=name)
def test_train_uses_the_runtime_but_not_export_and_not_the_page(path):
    assert not roots(path) & {"export", "app", "gradio"}
    assert not any(module.startswith("skinapp.ui") for module in imports(path))


@pytest.mark.parametrize("path", files("export"), ids=name)
def test_export_uses_of_the_page_only_the_files_for_browsers(path):
    plain = {"skinapp.ui", "skinapp.ui.bundle", "skinapp.ui.bundle.bundle", "skinapp.ui.webruntime"}
    assert not roots(path) & {"app", "gradio"}
    assert {module for module in imports(path) if module.startswith("skinapp.ui")} <= plain


@pytest.mark.parametrize(
    "path", [ROOT / "skinapp/ui" / f"{name}.py" for name in ("bundle", "pieces", "answer", "webruntime")], ids=name
)
def test_what_export_uses_of_the_page_knows_no_gradio(path):
    assert "gradio" not in roots(path) and "starlette" not in roots(path)


@pytest.mark.parametrize("path", files("skinapp/ui"), ids=name)
def test_the_page_reaches_the_model_through_the_assessor_alone(path):
    assert not {"skinapp.model.session", "skinapp.model.hub", "skinapp.imaging.preprocess"} & imports(path)


def test_only_one_room_decodes_pictures():
    decoding = {
        name(path)
        for path in RUNTIME
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("open", "imread", "imdecode") and isinstance(node.value, ast.Name)
        and node.value.id in ("Image", "cv2")
    }  # fmt: skip
    assert decoding == {"skinapp/imaging/decode.py"}


@pytest.mark.parametrize("path", [*RUNTIME, *files("train", "export")], ids=name)
def test_every_function_states_what_it_returns_and_fits_on_a_screen(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.returns is not None, f"{node.name} has no return type"
            assert node.end_lineno - node.lineno < 50, f"{node.name} is {node.end_lineno - node.lineno + 1} lines long"


def test_numbers_of_the_model_stand_in_no_code():
    """ImageNet's mean and the input size are the model folder's."""
    for path in [*RUNTIME, *files("train", "export")]:
        text = path.read_text()
        assert "0.485" not in text and "0.456" not in text, path
