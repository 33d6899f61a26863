"""What skinapp/ui/gradio_internals leans on is still there, does what its docstrings say, and is leant on nowhere else."""

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest

from skinapp.ui.gradio_internals import VERIFIED_FOR, files, patch
from skinapp.web import STATIC
from tests import TINY_MODEL
from tests.support.app_server import ROOT, free_port

INTERNALS = ROOT / "skinapp" / "ui" / "gradio_internals"
SIGNATURES = {
    "gradio.processing_utils:hash_file": "file_path chunk_num_blocks",
    "gradio.processing_utils:hash_url": "url",
    "gradio.processing_utils:hash_bytes": "bytes",
    "gradio.processing_utils:hash_base64": "base64_encoding chunk_num_blocks",
    "gradio.utils:error_payload": "error show_error",
    "gradio.queueing:error_payload": "error show_error",
    "gradio.route_utils:get_request_origin": "request route_path",
    "gradio.queueing:Queue.push": "self body request username",
    "gradio.routes:App.create_app": "blocks app app_kwargs auth_dependency strict_cors mcp_server debug parent_app",
    "gradio.routes:upload_fn": "request upload_dir max_file_size upload_id force_move upload_progress",
    "gradio.routes:templates.TemplateResponse": "request name context status_code headers media_type background",
    "gradio.route_utils:GradioUploadFile": "file size filename headers",
    "gradio.route_utils:GradioUploadFile.seek": "self offset",
    "gradio.route_utils:GradioMultiPartParser": (
        "headers stream max_files max_fields upload_dir upload_id upload_progress max_file_size max_header_size"
    ),
    "gradio.components:Component.async_move_resource_to_block_cache": "self url_or_file_path",
    "gradio.components:Component.example_payload": "self",
    "gradio:EventData": "target _data",
    "gradio:Blocks.unload": "self fn",
    "gradio:Blocks.close": "self verbose",
    "gradio.brotli_middleware:BrotliResponder": "app quality mode lgwin lgblock minimum_size",
    "uvicorn.protocols.http.h11_impl:H11Protocol": "config server_state app_state _loop",
    "inspect:getfile": "object",
}
"""What is replaced or called, by its parameters."""
NAMES = {
    "gradio.routes": ["DEFAULT_TEMP_DIR"],
    "gradio.routes:App": ["get_blocks"],
    "gradio.utils": ["get_upload_folder", "safe_join"],
}
SIGNED = """
import inspect, json, sys
from importlib import import_module
def found(place):
    module, _, path = place.partition(":")
    thing = import_module(module)
    for name in filter(None, path.split(".")):
        thing = getattr(thing, name)
    return thing
signatures, names = json.loads(sys.argv[1])
seen = {place: " ".join(inspect.signature(found(place)).parameters) for place in signatures}
print(json.dumps([seen, {place: [name for name in wanted if not hasattr(found(place), name)] for place, wanted in names.items()}]))
"""
STUBS = """
import sys
stubs = []
sys.addaudithook(lambda event, given: stubs.append(given[0]) if event == "open" and str(given[0]).endswith(".pyi") else None)
import {module}
print(len(stubs))
"""
COUNTED = """
import sys
from gradio.routes import App
made, init = [], App.__init__
def counted(self, *given, **options):
    made.append(self)
    init(self, *given, **options)
from skinapp.ui import page, variants
from skinapp.assessment import loading
App.__init__ = counted
variant = variants.of(loading.load(sys.argv[1], "cpu"))
options = page.launch_options(variant)
demo = page.build(variant)
before = len(made)
demo.launch(server_port=int(sys.argv[2]), prevent_thread_lock=True, **options)
print(before, len(made), made[-1] is demo.server.config.app)
"""
PRIVATE = {
    "_data", "Context", "create_app", "error_payload", "tokens", "cookie_id", "temp_file_sets", "middleware_stack",
    "get_blocks", "server_state", "should_exit", "share_url", "root_block", "async_move_resource_to_block_cache", "example_payload",
    "BrotliResponder", "upload_fn", "GradioMultiPartParser", "DEFAULT_TEMP_DIR", "event_ids_to_events",
}  # fmt: skip


def ran(script: str, environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=True).stdout


@pytest.mark.parametrize("library", VERIFIED_FOR)
def test_the_installed_version_is_the_one_that_was_read(library: str) -> None:
    list_of_places = "\n".join(f"  {path.relative_to(ROOT)}" for path in sorted(INTERNALS.glob("*.py")))
    assert version(library) == VERIFIED_FOR[library], (
        f"{library} has moved. Read what these say of it, see whether it is still so, and raise VERIFIED_FOR:\n{list_of_places}"
    )


def test_whatever_is_replaced_or_called_is_there_and_takes_what_it_took(environment: dict[str, str]) -> None:
    seen, missing = json.loads(ran(SIGNED, environment, json.dumps([list(SIGNATURES), NAMES])))
    assert seen == SIGNATURES
    assert missing == {place: [] for place in NAMES}


def test_what_isnt_there_cant_be_replaced() -> None:
    with pytest.raises(AttributeError, match=r"has no 'nothing_like_it' to replace; skinapp was verified for .*6\.31\.0"):
        patch(gr, "nothing_like_it", None)


def test_importing_the_page_touches_no_stub_of_gradios_components_and_importing_gradio_does(environment: dict[str, str]) -> None:
    assert int(ran(STUBS.format(module="gradio"), environment)) > 10, "else nothing had to be replaced"
    assert int(ran(STUBS.format(module="skinapp.ui"), environment)) == 0


def test_one_application_is_made_and_it_serves(environment: dict[str, str]) -> None:
    assert ran(COUNTED, environment, str(TINY_MODEL), str(free_port())).split() == ["0", "1", "True"]


@pytest.mark.parametrize(("component", "many"), [(gr.Image, False), (gr.File, True)])
def test_a_components_example_is_a_file_and_no_address(component: Any, many: bool) -> None:
    one = component(file_count="multiple") if many else component()
    files.refuse_addresses(one)
    assert one.example_payload() == ([files.EXAMPLE] if many else files.EXAMPLE)
    assert "//" not in json.dumps(one.example_payload())


def test_the_api_panel_shows_no_address_of_anybody_elses(server: str) -> None:
    info = httpx.get(f"{server}/gradio_api/info", timeout=60).json()["named_endpoints"]
    examples = [one["example_input"] for function in info.values() for one in function["parameters"]]
    assert len(examples) == 3 and "//" not in json.dumps(examples)


def private(path: Path) -> set[str]:
    """The names of Gradio's own that a file uses."""
    used = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.Name):
            used.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            used |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant):
            used.add(str(node.value))
    return {name for name in used if name in PRIVATE or name.startswith("hash_")}


def test_nowhere_else_is_anything_of_gradios_own_used() -> None:
    elsewhere = [path for path in (ROOT / "skinapp").rglob("*.py") if INTERNALS not in path.parents] + [ROOT / "app.py"]
    assert {str(path.relative_to(ROOT)): private(path) for path in elsewhere if private(path)} == {}
    assert len({name for path in INTERNALS.glob("*.py") for name in private(path)}) > 15, "the names are those that are used"


def test_in_the_browser_two_scripts_and_one_style_lean_on_gradio() -> None:
    own_page = STATIC / "styles" / "ondevice.css"  # which has the class itself, so that the styles are those of the page
    leaning = {
        str(path.relative_to(STATIC))
        for folder in ("tabs", "live", "view", "styles")
        for path in (STATIC / folder).iterdir()
        if path != own_page and re.search(r"gradio_config|gradio\.FileData|gradio-container", path.read_text(encoding="utf-8"))
    }
    assert leaning == {"tabs/gradio.js", "styles/gradio_overrides.css"}
