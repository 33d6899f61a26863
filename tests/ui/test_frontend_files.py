import re

import brotli
import httpx
import pytest

from skinapp.ui.gradio_internals.frontend import FOLDER
from skinapp.web.bundles.headers import LASTING

SCRIPT = max(FOLDER.glob("index-*.js"), key=lambda path: path.stat().st_size)
FONT = min(FOLDER.glob("*.woff2"))


def get(server: str, path: str, packing: str) -> httpx.Response:
    return httpx.get(server + path, headers={"Accept-Encoding": packing})


@pytest.mark.parametrize(
    ("path", "packing", "packed", "kind"),
    [
        (SCRIPT, "gzip, br", "br", "javascript"),
        (SCRIPT, "gzip", "gzip", "javascript"),  # by Gradio
        (SCRIPT, "identity", None, "javascript"),
        (FONT, "gzip, br", None, "font/woff2"),
    ],
)
def test_a_file_of_the_page_comes_whole_packed_as_asked_and_to_be_kept(server, path, packing, packed, kind):
    answer = get(server, f"/assets/{path.name}", packing)
    assert answer.status_code == 200 and answer.content == path.read_bytes()
    assert (answer.headers.get("content-encoding"), answer.headers["cache-control"]) == (packed, LASTING)
    assert kind in answer.headers["content-type"] and answer.headers.get("vary") == (packed and "Accept-Encoding")
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def test_a_packed_file_is_smaller(server):
    with httpx.stream("GET", f"{server}/assets/{SCRIPT.name}", headers={"Accept-Encoding": "br"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert brotli.decompress(raw) == SCRIPT.read_bytes() and len(raw) < 0.5 * SCRIPT.stat().st_size


@pytest.mark.parametrize(
    "path", ["/assets/none.js", "/assets/", "/assets/../index.html", "/assets/%2e%2e/index.html", "/assets//etc/passwd"]
)
def test_nothing_else_lies_there(server, path):
    assert get(server, path, "br").status_code in (400, 403, 404)


def test_a_file_of_the_page_is_nothing_to_write_to(server):
    assert httpx.post(f"{server}/assets/{SCRIPT.name}").status_code == 405


def test_the_page_itself_goes_packed_and_is_the_same(server):
    packed, plain = (get(server, "/", packing) for packing in ("br", "identity"))
    assert packed.headers["content-encoding"] == "br" and "content-encoding" not in plain.headers
    changing = re.compile(r'"(root|app_id|session_hash)":\s*"?[^",]*|http://[^"]*')
    assert changing.sub("", packed.text) == changing.sub("", plain.text) and "skinapp" in plain.text
