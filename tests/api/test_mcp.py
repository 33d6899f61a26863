"""The MCP server, asked by the protocol's own client over loopback."""

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import text
from skinapp.imaging import decode
from skinapp.ui.endpoints import mcp
from skinapp.ui.server import request_gate
from skinapp.web import calls
from tests.support import drawings
from tests.support.app_server import ROOT, served

Got = TypeVar("Got")
PHOTO = drawings.encoded(drawings.lesion(320, 240))
HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@pytest.fixture(scope="module")
def address(environment: dict[str, str]) -> Iterator[str]:
    with served([sys.executable, "app.py"], {**environment, "SKINAPP_MCP": "1"}) as address:
        yield address


def ask(address: str, what: Callable[[ClientSession], Awaitable[Got]], **headers: str) -> Got:
    """What a client with these headers gets to hear."""

    async def asked() -> Got:
        async with (
            httpx.AsyncClient(headers=headers, timeout=60) as plain,
            streamable_http_client(f"{address}{mcp.PATH}/", http_client=plain) as (reads, writes, _),
            ClientSession(reads, writes) as session,
        ):
            await session.initialize()
            return await what(session)

    with ThreadPoolExecutor(1) as executor:  # this thread has a loop already where a browser's driver runs
        return executor.submit(asyncio.run, asked()).result()


def call(address: str, tool: str, arguments: dict[str, Any], **headers: str) -> CallToolResult:
    return ask(address, lambda session: session.call_tool(tool, arguments), **headers)


def refusal(found: CallToolResult) -> str:
    assert found.isError and len(found.content) == 1
    return str(found.content[0].text)  # type: ignore[union-attr]


def data_uri(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def timeless(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key != "elapsed_ms"}


def uploaded(address: str, content: bytes) -> str:
    files = {"files": ("spot.png", content, "image/png")}
    return str(httpx.post(f"{address}/gradio_api/upload", files=files, timeout=60).json()[0])


def test_the_tools_are_exactly_the_two_functions_of_the_api(address: str) -> None:
    tools = ask(address, lambda session: session.list_tools()).tools
    assert [(tool.name, tool.inputSchema["required"]) for tool in tools] == [
        ("classify", ["photo"]),
        ("classify_batch", ["photos"]),
    ]
    assert all(tool.description and tool.description.endswith(text("disclaimer", "en")) for tool in tools)


def test_a_photo_as_base64_or_as_an_upload_is_answered_as_the_assessor_answers(address: str, assessor: Assessor) -> None:
    photo, assessment = assessor.read_and_assess(PHOTO)
    for given in (data_uri(PHOTO), base64.b64encode(PHOTO).decode(), uploaded(address, PHOTO)):
        found = call(address, "classify", {"photo": given})
        assert not found.isError and found.structuredContent is not None
        assert timeless(found.structuredContent) == timeless(assessment.to_dict())
        text, picture = found.content
        assert json.loads(text.text) == found.structuredContent  # type: ignore[union-attr]
        overlay = decode.read(base64.b64decode(picture.data))  # type: ignore[union-attr]
        assert overlay.shape == photo.shape


def test_a_batch_answers_a_row_a_photo_in_the_callers_language(address: str, assessor: Assessor) -> None:
    given = [data_uri(PHOTO), "http://127.0.0.1:1/spot.png", data_uri(b"<script>")]
    rows = (call(address, "classify_batch", {"photos": given}, **{"accept-language": "zh-CN"}).structuredContent or {})["rows"]
    assert timeless(rows[0]) == timeless(assessor.read_and_assess(PHOTO)[1].to_dict("zh"))
    assert rows[1] == {"error": text("requests.not_uploaded", "en")}
    assert rows[2]["error"].startswith("The file is not a picture that can be read here")


@pytest.mark.parametrize(
    "given",
    [
        "http://127.0.0.1:1/spot.png",
        "https://example.com/spot.png",
        "file:///etc/passwd",
        "/etc/passwd",
        "../../etc/hostname",
        str(ROOT / "README.md"),
        "data:text/plain,hello",
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        ["/etc/passwd"],
        5,
    ],
    ids=str,
)
def test_an_address_or_a_path_of_the_server_is_refused_with_our_sentence(address: str, given: object) -> None:
    assert refusal(call(address, "classify", {"photo": given})) == text("requests.not_uploaded", "en")


def test_calls_that_make_no_sense_say_what_is_wrong(address: str) -> None:
    assert refusal(call(address, "classify", {})) == text("requests.no_photo", "en")
    assert refusal(call(address, "classify_batch", {"photos": "none"})) == text("requests.no_photo", "en")
    too_many = text("requests.too_many", "en", count=calls.MAX_BATCH + 1, most=calls.MAX_BATCH)
    assert refusal(call(address, "classify_batch", {"photos": ["x"] * (calls.MAX_BATCH + 1)})) == too_many
    assert refusal(call(address, "shutdown", {})) == "There is no tool of that name; call classify or classify_batch."
    assert refusal(call(address, "classify", {"photo": data_uri(b"")})) == text("unreadable.empty", "en")


def test_a_call_that_is_too_heavy_is_refused_unread_and_a_browser_is_told_what_this_is(address: str) -> None:
    heavy = httpx.post(address + mcp.PATH, content=bytes(request_gate.MCP_BYTES + 1), headers=HEADERS, timeout=60)
    assert heavy.status_code == 413
    assert (httpx.get(address + mcp.PATH).status_code, httpx.get(address + mcp.PATH).text) == (
        405,
        "This is an MCP server; give its address to an assistant",
    )


def test_an_unexpected_error_tells_nothing_of_the_server(environment: dict[str, str]) -> None:
    fault = """
import sys, app
from skinapp.assessment.assessor import Assessor
def stumble(*given, **ways):
    raise RuntimeError("/secret/place")
Assessor.read_and_assess = stumble
sys.exit(app.main(sys.argv[1:]))
"""
    with served([sys.executable, "-c", fault], {**environment, "SKINAPP_MCP": "1"}) as address:
        assert refusal(call(address, "classify", {"photo": data_uri(PHOTO)})) == text("requests.unexpected", "en")


def test_photos_given_as_base64_are_never_written(address: str, environment: dict[str, str]) -> None:
    cache = Path(environment["GRADIO_TEMP_DIR"])
    before = sorted(cache.rglob("*"))
    call(address, "classify", {"photo": data_uri(drawings.encoded(drawings.lesion(300, 200, seed=91)))})
    assert sorted(cache.rglob("*")) == before


def test_without_the_switch_there_is_no_such_server(server: str) -> None:
    answer = httpx.post(server + mcp.PATH, json={}, headers=HEADERS)
    assert answer.status_code in (404, 405)


def test_with_a_password_the_tools_ask_for_it(environment: dict[str, str]) -> None:
    with served([sys.executable, "app.py"], {**environment, "SKINAPP_MCP": "1", "SKINAPP_AUTH": "ada:pass:word"}) as address:
        for given in ({}, {"authorization": "Basic " + base64.b64encode(b"ada:wrong").decode()}, {"authorization": "Basic ***"}):
            answer = httpx.post(address + mcp.PATH, json={}, headers={**HEADERS, **given})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Basic")
        known = base64.b64encode(b"ada:pass:word").decode()
        found = call(address, "classify", {"photo": data_uri(PHOTO)}, authorization=f"Basic {known}")
        assert not found.isError


def test_with_the_switch_but_without_the_package_the_page_says_so(environment: dict[str, str], tmp_path: Path) -> None:
    import subprocess

    from tests import TINY_MODEL

    without = "import importlib.util as u, sys; f = u.find_spec; u.find_spec = lambda n, *a: None if n == 'mcp' else f(n, *a)\n"
    script = without + "import app; sys.exit(app.main(sys.argv[1:]))"
    ended = subprocess.run(
        [sys.executable, "-c", script, "--model", str(TINY_MODEL)],
        cwd=ROOT, env={**environment, "SKINAPP_MCP": "1"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "SKINAPP_MCP needs mcp, which isn't installed; run 'pip install -r requirements-mcp.txt', or unset it.\n"
    )
