"""The client API, called as its users call it: gradio_client and plain HTTP against the real server."""

import base64
import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import text
from skinapp.imaging import decode
from skinapp.labels import CODES
from skinapp.model.hub import EMBEDDED
from skinapp.teach import quotas
from skinapp.web import calls
from skinapp.web.views import answer
from skinapp.web.views import many as many_view
from tests.support import drawings
from tests.support.app_server import started

META = {"_type": "gradio.FileData"}
SCRIPT = b"<script>alert(1)</script>"
NOT_A_PICTURE = "The file is not a picture that can be read here (it starts with b'<script>'); send one JPEG, PNG or WebP photo."


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Client]:
    with connected(server) as client:
        yield client


def connected(address: str, **headers: str) -> closing[Client]:
    return closing(Client(address, verbose=False, analytics_enabled=False, headers=headers))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "spot.png"
    path.write_bytes(drawings.encoded(drawings.lesion(640, 480)))
    return path


def classify(client: Client, path: Path) -> tuple[dict[str, Any], Path]:
    report, overlay = client.predict(photo=handle_file(path), api_name="/classify")
    return report, Path(overlay)


def timeless(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key != "elapsed_ms"}


def post(server: str, name: str, given: object) -> str:
    """What a raw call answers, as text."""
    answer = httpx.post(f"{server}/gradio_api/call/{name}", json={"data": [given]})
    return httpx.get(f"{server}/gradio_api/call/{name}/{answer.json()['event_id']}", timeout=60).text


# What comes back


def test_classify_answers_what_the_assessor_answers(client: Client, assessor: Assessor, photo: Path) -> None:
    report, _ = classify(client, photo)
    assert timeless(report) == timeless(assessor.read_and_assess(photo)[1].to_dict())


def test_the_report_has_these_keys_and_no_others(client: Client, photo: Path) -> None:
    report, _ = classify(client, photo)
    assert {key: sorted(value) if isinstance(value, dict) else type(value) for key, value in report.items()} == {
        "schema": int,
        "status": str,
        "priority": str,
        "top": ["code", "name", "probability"],
        "probabilities": sorted(CODES),
        "set": type(None),
        "reason": type(None),
        "view": type(None),
        "careful": bool,
        "quality": sorted(
            [
                *("ok", "issues", "warnings", "box", "short_side", "sharpness", "evenness", "brightness", "contrast", "glare"),
                *("hair", "lesion_evidence"),
            ]
        ),
        "advice": str,
        "disclaimer": str,
        "model": ["file", "id", "precision", "provider", "revision"],
        "elapsed_ms": ["decode", "judge", "model", "preprocess", "total"],
    }
    assert (report["schema"], report["status"], report["disclaimer"]) == (1, "ok", text("disclaimer", "en"))
    assert sum(report["probabilities"].values()) == pytest.approx(1)


def test_the_overlay_shows_the_photo_with_the_evidence_on_it(client: Client, assessor: Assessor, photo: Path) -> None:
    _, overlay = classify(client, photo)
    expected = assessor.read_and_assess(photo)[1].overlay(decode.read(photo))
    got = decode.read(overlay)
    assert got.shape == expected.shape
    assert np.abs(got.astype(float) - expected).mean() < 4


def test_the_overlay_carries_nothing_of_the_photos_metadata(client: Client, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Secret Camera", 6
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    path = tmp_path / "with_place.jpg"
    path.write_bytes(drawings.encoded(drawings.lesion(320, 240), "JPEG", exif=exif))
    _, overlay = classify(client, path)
    with Image.open(overlay) as picture:
        assert picture.size == (240, 320), "the orientation in the metadata is obeyed"
        assert not picture.getexif()
    assert b"Secret" not in overlay.read_bytes() and b"Exif" not in overlay.read_bytes()


def test_no_picture_that_the_page_shows_or_saves_carries_metadata(assessor: Assessor) -> None:
    """The saved report takes its pictures from the page's evidence."""
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    content = drawings.encoded(drawings.lesion(320, 240), "JPEG", exif=exif)
    assert b"Secret Camera" in content
    photo, assessment = assessor.read_and_assess(content)
    shown = answer.evidence(photo, assessment, "en") + many_view.rows(
        1, [many_view.Row.of("spot.jpg", assessment, photo, "en")], "en"
    )
    pictures = [base64.b64decode(found) for found in re.findall(r"data:image/\w+;base64,([\w+/=]+)", shown)]
    assert len(pictures) >= 3
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as opened:
            assert not opened.getexif() and b"Exif" not in picture and b"Secret" not in picture


@pytest.mark.parametrize("kind", ["16 bit", "CMYK", "palette", "alpha", "TIFF"])
def test_the_file_reaches_our_own_decoder_untouched(client: Client, assessor: Assessor, tmp_path: Path, kind: str) -> None:
    drawn, path = Image.fromarray(drawings.lesion()), tmp_path / "photo.png"
    if kind == "16 bit":
        Image.fromarray(np.asarray(drawn.convert("L")).astype(np.uint16) * 257).save(path)
    elif kind == "CMYK":
        path = tmp_path / "photo.jpg"
        drawn.convert("CMYK").save(path)
    elif kind == "TIFF":
        path = tmp_path / "photo.tiff"
        drawn.save(path)
    else:
        drawn.convert({"palette": "P", "alpha": "RGBA"}[kind]).save(path)
    report, _ = classify(client, path)
    assert timeless(report) == timeless(assessor.read_and_assess(path)[1].to_dict())


def test_a_photo_that_cant_be_judged_is_answered_retake(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "dark.png"
    path.write_bytes(drawings.encoded(drawings.plain(10)))
    report, _ = classify(client, path)
    assert (report["status"], report["priority"]) == ("retake", "unclear")
    assert report["quality"]["issues"] == ["dark", "flat", "blurred", "no_lesion"]
    assert report["advice"].startswith(text("issues.dark", "en"))  # type: ignore[index]


def test_the_report_speaks_the_callers_language(server: str, photo: Path) -> None:
    with connected(server, **{"accept-language": "zh-CN"}) as chinese:
        report, _ = classify(chinese, photo)
    assert report["disclaimer"] == text("disclaimer", "zh")


def test_a_batch_answers_a_row_a_photo_and_an_error_for_what_cant_be_read(
    client: Client, assessor: Assessor, photo: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(SCRIPT)
    rows = client.predict(photos=[handle_file(path) for path in (photo, broken, photo)], api_name="/classify_batch")
    expected = {"file": "spot.png", **timeless(assessor.read_and_assess(photo)[1].to_dict())}
    assert [timeless(row) for row in rows] == [expected, {"file": "broken.jpg", "error": NOT_A_PICTURE}, expected]


# What is refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (SCRIPT, NOT_A_PICTURE),
        (b"", "The file is empty (0 bytes); send one JPEG, PNG or WebP photo."),
        (
            drawings.encoded(drawings.plain(90, 9, 9)),
            "The picture is 9x9, too small to hold a lesion; send at least 16x16.",
        ),
    ],
)
def test_a_photo_that_cant_be_read_gets_our_sentence_verbatim(
    client: Client, photo: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(AppError) as caught:
        classify(client, path)
    assert caught.value.message == message
    assert classify(client, photo)[0]["status"] == "ok", "the server lives on"


def test_no_photo_and_too_many_photos_get_our_sentences(client: Client, photo: Path) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(photo=None, api_name="/classify")
    assert caught.value.message == "No photo was given; give one JPEG, PNG or WebP photo."
    with pytest.raises(AppError) as caught:
        client.predict(photos=[handle_file(photo)] * (calls.MAX_BATCH + 1), api_name="/classify_batch")
    assert caught.value.message == f"{calls.MAX_BATCH + 1} photos were given, more than {calls.MAX_BATCH}; send them in parts."


def test_an_address_is_not_fetched(client: Client) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(photo=handle_file("https://example.com/spot.png"), api_name="/classify")
    assert caught.value.message == text("requests.not_uploaded", "en")


HOSTILE = [
    {"path": "/etc/passwd"},
    {"path": "/etc/passwd", "meta": META},
    {"path": "../../../etc/passwd", "meta": META},
    {"path": "app.py"},
    {"path": "http://127.0.0.1:1/spot.png", "meta": META},
    {"path": "https://example.com/spot.png", "meta": META, "is_stream": True},
    {"path": "file:///etc/passwd", "meta": META},
    {"path": "spot.png", "url": "https://example.com/spot.png", "meta": META},
    {"path": "spot.png", "url": "data:image/png;base64,AAAA", "meta": META},
    {"path": "", "meta": META},
    {"path": None},
    {},
    [],
    "/etc/passwd",
    5,
]


@pytest.mark.parametrize("given", HOSTILE, ids=json.dumps)
def test_nothing_but_an_upload_is_read(server: str, given: object) -> None:
    for name, value in (("classify", given), ("classify_batch", [given])):
        heard = post(server, name, value)
        assert heard.startswith("event: error")
        said = json.loads(heard.split("data: ")[1])["error"]
        assert said in (text("requests.not_uploaded", "en"), text("requests.no_photo", "en"))


def test_a_call_without_any_value_hears_that_it_makes_no_sense(server: str) -> None:
    address = f"{server}/gradio_api/call/classify"
    event = httpx.post(address, json={"data": []}, timeout=60).json()["event_id"]
    heard = httpx.get(f"{address}/{event}", timeout=60).text
    assert heard.startswith("event: error") and json.loads(heard.split("data: ")[1])["error"] == text("requests.malformed", "en")


def test_an_upload_over_the_limit_is_refused_at_the_door(server: str) -> None:
    files = {"files": ("huge.jpg", io.BytesIO(bytes(quotas.ZIP_BYTES + 1)), "image/jpeg")}
    assert httpx.post(f"{server}/gradio_api/upload", files=files, timeout=60).status_code == 413


@pytest.mark.parametrize("path", ["/etc/passwd", "app.py", "skinapp/weights/config.json", "../app.py", "/proc/self/environ"])
def test_no_file_of_the_server_is_served(server: str, path: str) -> None:
    assert httpx.get(f"{server}/gradio_api/file={path}").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=http://example.com/",
        "gradio_api/file=HTTPS://example.com/",
        "gradio_api/file=http%3A//example.com/",
        "gradio_api/file/http://example.com/",
        "gradio_api/proxy=https://example.com/",
        "gradio_api/deep_link?session_hash=a",
        "gradio_api/runs",
        "gradio_api/run-history/records",
        "monitoring",
        "monitoring/summary",
    ],
)
def test_routes_that_fetch_keep_or_tell_are_closed(server: str, path: str) -> None:
    assert httpx.get(f"{server}/{path}").status_code == 404


def test_the_api_is_exactly_two_functions(client: Client) -> None:
    listed = client.view_api(return_format="dict", print_info=False)
    assert set(listed["named_endpoints"]) == {"/classify", "/classify_batch"}
    assert listed["unnamed_endpoints"] == {}
    parameters = {name: [p["parameter_name"] for p in found["parameters"]] for name, found in listed["named_endpoints"].items()}
    assert parameters == {"/classify": ["photo", "careful"], "/classify_batch": ["photos"]}


def test_an_answer_is_careful_unless_the_caller_says_no(environment: dict[str, str], embedded: Assessor, photo: Path) -> None:
    def said(report: dict[str, Any]) -> tuple[object, ...]:
        return report["probabilities"], report["priority"], report["careful"]

    several, one = (said(embedded.read_and_assess(photo, careful=careful)[1].to_dict()) for careful in (True, False))
    assert several != one
    with started([sys.executable, "app.py"], environment, EMBEDDED) as (address, _), connected(address) as client:
        assert said(classify(client, photo)[0]) == several
        report, _ = client.predict(photo=handle_file(photo), careful=False, api_name="/classify")
        assert said(report) == one
        path = httpx.post(f"{address}/gradio_api/upload", files={"files": photo.read_bytes()}).json()[0]
        text = post(address, "classify", {"path": path, "meta": META})
        assert said(json.loads(text.split("data: ")[1])[0]) == several, "a call may name the photo alone"


def test_an_unexpected_error_tells_a_caller_nothing_of_the_server(stumbling_server: str, photo: Path) -> None:
    with connected(stumbling_server) as client, pytest.raises(AppError) as caught:
        classify(client, photo)
    assert "secret" not in f"{caught.value} {caught.value.message}"
