"""The plain HTTP interface, called as programs call it: photos in, JSON out, nothing on disk, and its limits."""

import base64
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import text
from skinapp.imaging import decode
from skinapp.ui.endpoints import http
from skinapp.ui.server import request_gate
from skinapp.web import STATIC, calls
from tests.support import bombs, drawings
from tests.support.app_server import missing, served, started

PATIENCE_S = 120
PHOTO = drawings.encoded(drawings.lesion(640, 480), "JPEG")
OTHER = drawings.encoded(drawings.lesion(320, 240, seed=4))
BROKEN = b"<script>alert(1)</script>"
NOT_A_PICTURE = "The file is not a picture that can be read here (it starts with b'<script>'); send one JPEG, PNG or WebP photo."
DESCRIBED = json.loads((STATIC / "api" / "openapi.json").read_text(encoding="utf-8"))


def post(server: str, *photos: bytes, query: str = "", **headers: str) -> httpx.Response:
    files = [("photo", (f"spot{number}.jpg", photo, "image/jpeg")) for number, photo in enumerate(photos)]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{server}/api/classify{query}", files=files or None, headers=named, timeout=PATIENCE_S)


def timeless(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key not in ("elapsed_ms", "overlay")}


# What comes back


def test_a_photo_is_answered_as_the_assessor_answers_it(server: str, assessor: Assessor) -> None:
    answer = post(server, PHOTO)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert timeless(answer.json()) == timeless(assessor.read_and_assess(PHOTO, careful=True)[1].to_dict())
    assert set(answer.json()) == set(DESCRIBED["components"]["schemas"]["Report"]["required"])


def test_a_photo_may_be_the_body_itself(server: str) -> None:
    answer = httpx.post(f"{server}/api/classify", content=PHOTO, headers={"content-type": "image/jpeg"}, timeout=PATIENCE_S)
    assert timeless(answer.json()) == timeless(post(server, PHOTO).json())


def test_several_photos_get_a_row_each_and_one_that_cant_be_read_its_error(server: str, assessor: Assessor) -> None:
    rows = post(server, PHOTO, BROKEN, OTHER).json()
    assert [timeless(row) for row in rows] == [
        {"file": "spot0.jpg", **timeless(assessor.read_and_assess(PHOTO)[1].to_dict())},
        {"file": "spot1.jpg", "error": NOT_A_PICTURE},
        {"file": "spot2.jpg", **timeless(assessor.read_and_assess(OTHER)[1].to_dict())},
    ]


def test_the_overlay_comes_where_it_is_asked_for(server: str, assessor: Assessor) -> None:
    photo, assessment = assessor.read_and_assess(PHOTO, careful=True)
    kind, _, packed = post(server, PHOTO, query="?overlay=1").json()["overlay"].partition(";base64,")
    assert kind == "data:image/jpeg"
    for content in (base64.b64decode(packed), post(server, PHOTO, accept="image/webp").content):
        got = decode.read(content)
        assert np.abs(got.astype(float) - assessment.overlay(photo)).mean() < 4
        with Image.open(io.BytesIO(content)) as picture:
            assert not picture.getexif()
    assert post(server, PHOTO, accept="image/webp").headers["content-type"] == "image/webp"
    assert all("overlay" in row for row in post(server, PHOTO, OTHER, query="?overlay=true").json())
    assert "overlay" not in post(server, PHOTO).json()


def test_careful_and_language_are_obeyed(teaching_server: tuple[str, Path]) -> None:
    server, _ = teaching_server
    assert post(server, PHOTO).json()["careful"] and not post(server, PHOTO, query="?careful=0").json()["careful"]
    rows = post(server, PHOTO, OTHER, query="?careful=1").json()
    assert all(row["careful"] for row in rows) and not any(row["careful"] for row in post(server, PHOTO, OTHER).json())
    assert post(server, PHOTO, query="?language=zh").json()["disclaimer"] == text("disclaimer", "zh")
    assert post(server, PHOTO, accept_language="zh-CN").json()["disclaimer"] == text("disclaimer", "zh")
    assert post(server, PHOTO, query="?language=en", accept_language="zh-CN").json()["disclaimer"] == text("disclaimer", "en")


def test_an_iphones_photo_is_answered(server: str) -> None:
    assert post(server, bombs.heic(Image.fromarray(drawings.lesion()))).json()["status"] == "ok"


def test_health_says_what_answers(server: str, assessor: Assessor) -> None:
    model = assessor.model
    assert httpx.get(f"{server}/api/health").json() == {
        "ready": True, "model": model.id, "revision": model.revision, "provider": model.provider, "waiting": 0,
    }  # fmt: skip


def test_the_description_is_there_and_names_each_status_and_parameter(server: str) -> None:
    assert httpx.get(f"{server}/api/openapi.json").json() == DESCRIBED
    call = DESCRIBED["paths"]["/api/classify"]["post"]
    assert set(call["responses"]) == {"200", "400", "401", "408", "413", "422", "429", "500", "503"}
    assert [one["name"] for one in call["parameters"]] == ["overlay", "careful", "language", "Accept"]
    for status, answer in (("422", post(server, BROKEN)), ("422", post(server, PHOTO, query="?overlays=1"))):
        assert str(answer.status_code) == status and list(answer.json()) == ["error"]
    assert f"Up to {calls.MAX_BATCH} photos of up to {decode.MAX_BYTES // 2**20} MB" in call["requestBody"]["description"]
    assert f"{request_gate.HTTP_BYTES // 2**20} MB together" in call["requestBody"]["description"]


@pytest.mark.parametrize(("path", "base"), [("/api", "api/"), ("/api/", "")])
def test_the_page_for_people_holds_all_that_the_description_says(server: str, path: str, base: str) -> None:
    answer = httpx.get(server + path)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    shown = html.unescape(re.sub(r"<[^>]+>", "\n", answer.text)).splitlines()
    for address, methods in DESCRIBED["paths"].items():
        for method, call in methods.items():
            named = [one["name"] for one in call.get("parameters", [])]
            said = [one["description"] for one in (*call.get("parameters", []), *call["responses"].values())]
            assert {method.upper(), address, call["summary"], *named, *said, *call["responses"]} <= set(shown)
    for name, schema in DESCRIBED["components"]["schemas"].items():
        assert {name, *schema["properties"], *(one["description"] for one in schema["properties"].values())} <= set(shown)
        assert f'id="{name}"' in answer.text
    assert '"urgent" | "high" | "medium" | "low" | "unclear" | null' in shown and "string[] | null" in shown
    assert f'href="{base}style.css"' in answer.text and f'href="{base}openapi.json"' in answer.text


def test_the_page_for_people_speaks_their_language_and_may_run_nothing(server: str) -> None:
    answer = httpx.get(f"{server}/api", headers={"accept-language": "zh-CN"})
    assert f"<h1>{text('api.title', 'zh')}</h1>" in answer.text and "<script" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src data:") and "unsafe" not in policy
    style = httpx.get(f"{server}/api/style.css")
    assert style.headers["content-type"].startswith("text/css") and "\n.dark {" not in style.text
    assert re.search(r"@media \(prefers-color-scheme: dark\) \{ :root \{\n  --urgent: #ff8a7f;[^}]*\} \}", style.text)


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({}, "{server}"),
        ({"x-forwarded-host": "skin.example.org", "x-forwarded-proto": "https"}, "https://skin.example.org"),
        ({"x-forwarded-proto": "javascript:alert(1)//"}, "{server}"),
    ],
)
def test_the_examples_of_that_page_call_the_address_that_it_was_found_at(
    server: str, headers: dict[str, str], origin: str
) -> None:
    lines = re.findall(r"<pre[^>]*>(.*?)</pre>", httpx.get(f"{server}/api", headers=headers).text)
    base = origin.format(server=server)
    assert lines == [f"curl -sS -F photo=@photo.jpg {base}/api/classify", f"curl -sS {base}/api/health"]


def test_the_examples_of_that_page_run(server: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        missing("curl is missing: install Debian's curl to run the page's examples")
    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    for line in re.findall(r"<pre[^>]*>(.*?)</pre>", httpx.get(f"{server}/api").text):
        ended = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S)
        found = json.loads(ended.stdout)
        assert found.get("ready") or found["status"] == "ok"


# What is refused


@pytest.mark.parametrize(
    ("photos", "query", "said"),
    [
        ((BROKEN,), "", NOT_A_PICTURE),
        ((), "", text("requests.no_photo", "en")),
        ((b"",), "", "The file is empty (0 bytes); send one JPEG, PNG or WebP photo."),
        (
            (OTHER,) * (calls.MAX_BATCH + 1),
            "",
            f"{calls.MAX_BATCH + 1} photos were given, more than {calls.MAX_BATCH}; send them in parts.",
        ),
        ((PHOTO,), "?overlay=2", text("requests.option", "en", option="overlay=2")),
        ((PHOTO,), "?language=fr", text("requests.option", "en", option="language=fr")),
        ((PHOTO,), "?size=9", text("requests.option", "en", option="size=9")),
    ],
)
def test_what_cant_be_answered_gets_one_sentence(server: str, photos: tuple[bytes, ...], query: str, said: str) -> None:
    answer = post(server, *photos, query=query)
    assert (answer.status_code, answer.json()) == (422, {"error": said})


def test_a_refusal_speaks_the_callers_language(server: str) -> None:
    assert post(server, accept_language="zh").json() == {"error": text("requests.no_photo", "zh")}


def test_a_form_that_is_none_is_refused(server: str) -> None:
    headers = {"content-type": "multipart/form-data; boundary=a"}
    answer = httpx.post(f"{server}/api/classify", content=b"nothing of the kind", headers=headers, timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()) == (400, {"error": text("requests.malformed", "en")})
    assert httpx.get(f"{server}/api/classify").status_code == 405


def test_too_much_is_refused_before_it_is_read(server: str) -> None:
    answer = post(server, bytes(request_gate.HTTP_BYTES))
    assert answer.status_code == 413 and answer.json() == {
        "error": f"More than {request_gate.HTTP_BYTES} bytes were sent; send less at once."
    }


def test_a_strangers_page_is_refused(server: str) -> None:
    assert post(server, PHOTO, origin="https://evil.example").status_code == 403


def test_an_unexpected_error_tells_a_caller_nothing_of_the_server(stumbling_server: str) -> None:
    answer = post(stumbling_server, PHOTO)
    assert (answer.status_code, answer.json()) == (500, {"error": text("requests.unexpected", "en")})


def test_the_pages_password_is_asked_for(environment: dict[str, str]) -> None:
    with served([sys.executable, "app.py"], {**environment, "SKINAPP_AUTH": "ada:pass:word"}) as address:
        for path in ("/api/classify", "/api/health", "/api/openapi.json", "/api", "/api/", "/api/style.css"):
            answer = httpx.request("POST" if path.endswith("classify") else "GET", address + path)
            assert answer.status_code == 401 and list(answer.json()) == ["error"]
            assert answer.headers["www-authenticate"] == "Basic"
        files = {"photo": ("spot.jpg", PHOTO)}
        assert httpx.post(f"{address}/api/classify", files=files, auth=("ada", "wrong")).status_code == 401
        right = httpx.post(f"{address}/api/classify", files=files, auth=("ada", "pass:word"), timeout=PATIENCE_S)
        assert right.status_code == 200


# Nothing on disk


def test_nothing_of_a_call_is_written_to_disk(environment: dict[str, str], tmp_path: Path) -> None:
    """The server's temporary folders are looked at all the while, for whatever is there or was."""
    seen, ended = set[str](), threading.Event()
    ours = {**environment, "TMPDIR": str(tmp_path), "TEMP": str(tmp_path), "GRADIO_TEMP_DIR": str(tmp_path / "gradio")}
    large = drawings.encoded(np.random.default_rng(0).integers(0, 255, (1500, 2000, 3), np.uint8))
    assert len(large) > 8 * 2**20, "far beyond what is spooled in memory by default"
    with started([sys.executable, "app.py"], ours) as (address, process):
        before = _files(tmp_path, process.pid)

        def look() -> None:
            while not ended.is_set():
                seen.update(_files(tmp_path, process.pid))

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            assert post(address, large, query="?overlay=1").status_code == 200
            assert post(address, large, PHOTO, BROKEN).status_code == 200
            assert post(address, bytes(request_gate.HTTP_BYTES - 4096)).status_code == 422
        finally:
            ended.set()
            watcher.join()
    assert seen - before == set()


def _files(folder: Path, pid: int) -> set[str]:
    """All files below a folder, and those of temporary folders that a process has open: one without a name is nowhere else."""
    found = {str(path) for path in folder.rglob("*")}
    for entry in os.listdir(f"/proc/{pid}/fd"):
        with suppress(OSError):
            found.add(os.readlink(f"/proc/{pid}/fd/{entry}"))
    return {path for path in found if path.startswith((str(folder), tempfile.gettempdir()))}


# Many at once


SLOW = """
import sys, threading, time, app
from skinapp.assessment.assessor import Assessor
answer = Assessor.read_and_assess
begun = []
def slowly(self, *given, **ways):
    begun.append(1)
    sys.stderr.write(f"begun {len(begun)}\\n")
    time.sleep(1.5)
    return answer(self, *given, **ways)
Assessor.read_and_assess = slowly
sys.exit(app.main(sys.argv[1:]))
"""
"""app.py, which takes its time."""


@pytest.fixture
def slow(environment: dict[str, str]) -> Iterator[str]:
    with served([sys.executable, "-c", SLOW], environment) as address:
        yield address


def test_64_callers_at_once_each_get_the_answer_to_their_own_photo(server: str, assessor: Assessor) -> None:
    photos = [drawings.encoded(drawings.lesion(160, 120, seed=seed, colour=(60 + seed, 40, 90 - seed))) for seed in range(64)]
    with ThreadPoolExecutor(64) as callers:
        answers = list(callers.map(lambda photo: post(server, photo, query="?careful=0").json(), photos))
    for photo, answer in zip(photos, answers, strict=True):
        expected = assessor.read_and_assess(photo)[1].to_dict()
        assert answer["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)


def test_the_line_is_bounded_each_visitor_has_a_share_and_health_tells_of_it(slow: str) -> None:
    count = http.CALLS * 3 // 4

    def ask(number: int) -> httpx.Response:
        return post(slow, OTHER, x_forwarded_for="203.0.113.5" if number < http.CALLS else "203.0.113.6", accept_language="zh")

    with ThreadPoolExecutor(http.CALLS + 2) as callers:
        asked = [callers.submit(ask, number) for number in range(http.CALLS)]
        time.sleep(4)
        assert httpx.get(f"{slow}/api/health", timeout=PATIENCE_S).json()["waiting"] > 0
        other = callers.submit(ask, http.CALLS)
        answers = [future.result() for future in asked]
        assert other.result().status_code == 200, "the next visitor finds a place"
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 503} and statuses[200] >= count
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.json() == {"error": text("crowded.requests", "zh")} and int(refused.headers["retry-after"]) > 0


def test_whoever_leaves_costs_nothing_that_isnt_begun(slow: str) -> None:
    with ThreadPoolExecutor(http.WORKERS + 8) as callers:
        busy = [callers.submit(post, slow, OTHER) for _ in range(http.WORKERS)]
        time.sleep(0.7)
        gone = [callers.submit(_hasty, slow) for _ in range(8)]
        assert all(future.result() for future in gone)
        assert all(future.result().status_code == 200 for future in busy)
    began = time.monotonic()
    assert post(slow, OTHER).status_code == 200
    assert time.monotonic() - began < 30
    assert httpx.get(f"{slow}/api/health").json()["waiting"] == 0


def _hasty(server: str) -> bool:
    """Whether a caller gave up before there was an answer."""
    try:
        httpx.post(f"{server}/api/classify", files={"photo": OTHER}, timeout=0.4)
    except httpx.TimeoutException:
        return True
    return False


def test_the_curl_and_the_javascript_example_of_readme_run(server: str, assessor: Assessor, tmp_path: Path) -> None:
    from tests.api.test_documented_calls import ADDRESS, plain_examples

    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    expected = assessor.read_and_assess(PHOTO, careful=True)[1].to_dict()
    for tool, example in plain_examples().items():
        if shutil.which(tool) is None:
            missing(f"{tool} is missing: install it to run README's example")
        command = ["bash", "-euo", "pipefail", "-c"] if tool == "curl" else ["node", "--input-type=module", "-e"]
        given = [*command, example.replace(ADDRESS, server)]
        ended = subprocess.run(given, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S)
        assert ended.returncode == 0, ended.stderr
        assert expected["priority"] in ended.stdout and str(expected["probabilities"]["mel"])[:6] in ended.stdout
