"""The import rules: arrows point one way, one third-party library has one importing file, and the runtime knows no torch."""

import ast
from collections.abc import Iterable, Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAINING = {"torch", "torchvision", "timm", "transformers", "optimum", "accelerate", "safetensors"}
ONLY = {
    "onnxruntime": {"skinapp/model/session.py"},
    "huggingface_hub": {"skinapp/model/hub.py"},
    "gradio": {"app.py", "skinapp/ui"},
    "onnx": {"skinapp/teach/model_folder/onnx_head.py"},
    "sklearn": {"skinapp/teach/linear_head.py"},
    "jinja2": {"skinapp/web/render.py"},
    "markupsafe": {"skinapp/web/render.py"},
    "ray": {"skinapp/ray_batch.py"},
    "pyarrow": {"skinapp/ray_batch.py"},
    "mcp": {"skinapp/web/mcp_tools.py"},
    "pillow_heif": {"skinapp/imaging/decode.py"},
}


LAYERS: tuple[tuple[str, ...], ...] = (
    ("app", "benchmarks", "scripts", "skinapp.serve"),
    ("skinapp.ui", "export", "train", "skinapp.__main__", "skinapp.ray_batch"),
    ("skinapp.web",),
    ("skinapp.teach",),
    ("skinapp.assessment", "skinapp.followup"),
    ("skinapp.imaging", "skinapp.metrics"),
    ("skinapp.model",),
    ("skinapp.scratch", "skinapp.guards"),
    ("skinapp.settings", "skinapp.errors", "skinapp.i18n", "skinapp.labels", "skinapp.malloc", "skinapp.blas"),
)
"""Packages from top to bottom: each imports from rows below its own, and from its own row only what stands in BESIDE."""
BESIDE = {
    "app": {"skinapp.serve"},
    "export": {"train"},
    "skinapp.__main__": {"skinapp.ray_batch"},
    "skinapp.settings": {"skinapp.errors"},
    "skinapp.errors": {"skinapp.i18n"},
}
INSIDE = {
    "skinapp.ui": (("page",), ("variants",), ("tabs",), ("endpoints",), ("components",), ("server",), ("gradio_internals",)),
    "skinapp.web": (("teaching", "mcp_tools"), ("answering", "bundles", "calls", "translations"), ("views",), ("render",)),
    "train": (("__main__",), ("calibrate", "fit"), ("evaluate",), ("network",), ("data", "cli_errors")),
    "export": (("__main__",), ("general",), ("build", "bench"), ("release", "quantization"), ("graph",)),
}
"""The same within a package."""


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, anywhere in it."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


RUNTIME = [ROOT / "app.py", *files("skinapp")]
PROGRAM = [*RUNTIME, *files("train", "export", "benchmarks", "scripts")]
MODULES = {module(path) for path in PROGRAM}


def package(name: str, packages: Iterable[str]) -> str | None:
    """The package that a module lies in; None for a package that only holds packages."""
    return next((one for one in packages if name == one or name.startswith(f"{one}.")), None)


def reaches(path: Path, *packages: str) -> bool:
    return any(package(one, packages) for one in imports(path))


def is_upward(source: str, target: str, rows: Sequence[Sequence[str]] = LAYERS) -> bool:
    """Whether an import runs against the layers: to a row above, or to a package of its own row that it may not know."""
    depth = {one: place for place, row in enumerate(rows) for one in row}
    here, there = package(source, depth), package(target, depth)
    if here is None or there is None or here == there or there in BESIDE.get(here, ()):
        return False
    return depth[there] <= depth[here]


def wrong(path: Path) -> list[str]:
    """What a file imports against the layers, and against those of its own package."""
    source, targets = module(path), imports(path) & MODULES
    found = [target for target in targets if is_upward(source, target)]
    for outer, rows in INSIDE.items():
        inner = [[f"{outer}.{one}" for one in row] for row in rows]
        found += [target for target in targets if is_upward(source, target, inner)]
    return sorted(found)


@pytest.mark.parametrize("path", PROGRAM, ids=name)
def test_no_import_runs_up(path):
    assert wrong(path) == []
    depths = [row for row in LAYERS for one in row if package(module(path), [one])]
    assert module(path) == "skinapp" or len(depths) == 1, "every file lies in one package"


@pytest.mark.parametrize(
    ("source", "target", "is_wrong"),
    [
        ("skinapp.model.spec", "skinapp.assessment.triage", True),
        ("skinapp.imaging.decode", "skinapp.metrics.accuracy", True),
        ("skinapp.web.views.live", "skinapp.ui.server.waiting", True),
        ("skinapp.guards.access", "skinapp.ui.server.logins", True),
        ("train.data.dataset", "export.build", True),
        ("export.build", "train.data.dataset", False),
        ("skinapp.errors", "skinapp.i18n.messages", False),
        ("skinapp.i18n.messages", "skinapp.errors", True),
        ("skinapp.ui.page", "skinapp.labels", False),
        ("skinapp.model.hub", "skinapp.model.spec", False),
    ],
)
def test_an_import_that_runs_up_is_seen(source, target, is_wrong):
    assert is_upward(source, target) is is_wrong


def test_a_file_that_imports_from_above_is_seen(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "skinapp" / "ui" / "server" / "uploads.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "from skinapp.ui.tabs import photo\nfrom skinapp.labels import CODES\n\ndef f():\n    from skinapp.ui import page\n"
    )
    assert wrong(path) == ["skinapp.ui.page", "skinapp.ui.tabs", "skinapp.ui.tabs.photo"]


def test_no_two_modules_need_each_other():
    TopologicalSorter({module(path): (imports(path) & MODULES) - {module(path)} for path in PROGRAM}).prepare()


@pytest.mark.parametrize("path", files("skinapp/ui/tabs"), ids=name)
def test_a_tab_knows_no_other_tab(path):
    others = {one for one in MODULES if one.startswith("skinapp.ui.tabs.")} - {module(path)}
    assert not imports(path) & others


@pytest.mark.parametrize("path", RUNTIME, ids=name)
def test_the_runtime_imports_no_training_library_and_no_test(path):
    assert not roots(path) & (TRAINING | {"tests"})


@pytest.mark.parametrize("path", files("train", "export", "benchmarks", "scripts"), ids=name)
def test_only_what_measures_and_writes_uses_the_tests_support(path):
    used = {one for one in imports(path) if one.partition(".")[0] == "tests"}
    allowed = ("tests.support", "tests.architecture", "tests.TINY_MODEL")  # whose layers a picture is drawn of
    assert all(one.startswith(allowed) or one == "tests" for one in used)
    assert not used or path.relative_to(ROOT).parts[0] in ("benchmarks", "scripts")


@pytest.mark.parametrize("path", RUNTIME, ids=name)
def test_a_library_is_imported_where_it_belongs_alone(path):
    for library, places in ONLY.items():
        if library in roots(path):
            assert any(name(path) == place or name(path).startswith(f"{place}/") for place in places), library


@pytest.mark.parametrize("path", files("train"), ids=name)
def test_train_uses_nothing_from_teach_up(path):
    assert not reaches(path, "skinapp.teach", "skinapp.web", "skinapp.ui") and "gradio" not in roots(path)


@pytest.mark.parametrize("path", files("export"), ids=name)
def test_export_uses_of_the_page_only_what_a_browser_gets(path):
    assert not reaches(path, "skinapp.ui") and "gradio" not in roots(path)


@pytest.mark.parametrize("path", files("skinapp/web"), ids=name)
def test_what_a_browser_gets_is_made_without_a_server(path):
    assert not roots(path) & {"gradio", "starlette"}


@pytest.mark.parametrize("path", files("skinapp/guards"), ids=name)
def test_what_protects_a_server_knows_nothing_of_what_it_serves(path):
    assert not roots(path) & {"gradio", "starlette", "fastapi"}


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
