"""An iPhone's photos in a browser that can't show them: it lets them be picked, answers them, and shows them all the same."""

import io
import re
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from skinapp.imaging import decode
from skinapp.labels import Priority
from tests.support import bombs, drawings
from tests.support.browser import LOW, Visit, shown

DRAWN = drawings.lesion(640, 480)
HEIC = bombs.heic(Image.fromarray(DRAWN))
ACCEPT = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
PATIENCE_S = 60
UNKNOWN = """(() => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "IMG_0001.HEIC"));
  return data;
})()"""
"""A file whose kind the system doesn't know, in JavaScript."""


def phones(content: bytes = HEIC, name: str = "IMG_0001.HEIC", kind: str = "image/heic") -> dict[str, object]:
    return {"name": name, "mimeType": kind, "buffer": content}


def tiff() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(DRAWN).save(buffer, "TIFF")
    return buffer.getvalue()


def seen(image: Locator) -> None:
    """The picture is there, and it is the photo."""
    expect(image).to_be_visible()
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("one => one.decode().then(() => [one.naturalWidth, one.naturalHeight])") == [640, 480]


def opened(page: Page, name: str) -> None:
    page.get_by_role("tab", name=re.compile(f"^{name}$")).click()


def dropped(page: Page) -> None:
    """Let a file fall that the system knows no kind of."""
    page.locator("#photo .upload-container button").first.evaluate(
        f"(place, bytes) => place.dispatchEvent(new DragEvent('drop', {{ dataTransfer: {UNKNOWN}, bubbles: true }}))", list(HEIC)
    )


def chosen(page: Page) -> None:
    """Choose such a file."""
    page.locator("#photo input[type=file]").evaluate(
        f"(input, bytes) => {{ input.files = {UNKNOWN}.files; input.dispatchEvent(new Event('change')); }}", list(HEIC)
    )


def picked(page: Page) -> None:
    with page.expect_file_chooser() as opening:
        page.locator("#photo .upload-container button").first.click()
    assert opening.value.element.get_attribute("accept") == "image/*,.heic,.heif"
    opening.value.set_files(phones(kind=""))  # type: ignore[arg-type]


def test_this_browser_cant_show_it(visit: Visit) -> None:
    failed = (
        """bytes => createImageBitmap(new Blob([new Uint8Array(bytes)], { type: "image/heic" })).then(() => false, () => true)"""
    )
    assert visit.page.evaluate(failed, list(HEIC))


@pytest.mark.parametrize("give", [picked, chosen, dropped])
def test_the_photo_tab_takes_answers_and_shows_it(visit: Visit, give: Callable[[Page], None]) -> None:
    give(visit.page)
    shown(visit, Priority.LOW)
    seen(visit.page.locator("#photo img"))


def test_a_second_photo_may_be_picked_and_a_tiff_is_shown_too(visit: Visit) -> None:
    page = visit.give(LOW)
    shown(visit, Priority.LOW)
    page.locator("#photo").get_by_label("Remove Image").click()
    expect(page.locator(".waiting")).to_be_visible()
    picked(page)
    shown(visit, Priority.LOW)
    page.locator("#photo").get_by_label("Remove Image").click()
    expect(page.locator(".waiting")).to_be_visible()
    visit.give(tiff(), "spot.tiff", "image/tiff")
    shown(visit, Priority.LOW)
    seen(page.locator("#photo img"))


def test_a_photo_that_cant_be_judged_is_shown(visit: Visit) -> None:
    visit.give(bombs.heic(Image.fromarray(drawings.plain(10, 640, 480))), "IMG_0002.HEIC", "image/heic")
    shown(visit, Priority.UNCLEAR)
    seen(visit.page.locator("#photo img"))


def test_many_photos_answers_and_shows_it(visit: Visit) -> None:
    page = visit.page
    opened(page, "Many photos")
    page.set_input_files("[data-input=files]", [phones(), phones(kind="", name="b.heif")])  # type: ignore[list-item]
    expect(page.locator(".answers tbody tr[data-top]")).to_have_count(2)
    assert page.locator(".answers tbody img").evaluate_all("all => all.map(one => one.naturalWidth > 0)") == [True, True]


def test_follow_up_shows_the_first_one_alone_and_compares_both(visit: Visit) -> None:
    page = visit.page
    opened(page, "Follow-up")
    for name in ("earlier", "later"):
        page.set_input_files(f"#{name} input[type=file]", phones())  # type: ignore[arg-type]
        seen(page.locator(f"#{name} img"))
    expect(page.locator(".each .answer")).to_have_count(2, timeout=120_000)


@pytest.fixture(scope="module")
def uploaded(server: str) -> str:
    """The address of an uploaded HEIC photo."""
    sent = httpx.post(f"{server}/gradio_api/upload", files={"files": ("IMG_0001.HEIC", HEIC)}, timeout=PATIENCE_S)
    return f"{server}/gradio_api/file={sent.json()[0]}"


@pytest.mark.parametrize("accept", ["*/*", f"image/heic,{ACCEPT}", "text/html,image/avif"])
def test_whoever_can_read_it_or_asks_for_no_picture_gets_the_file(uploaded: str, accept: str) -> None:
    assert httpx.get(uploaded, headers={"accept": accept}, timeout=PATIENCE_S).content == HEIC


def test_a_browser_gets_a_jpeg_without_metadata_that_looks_the_same(uploaded: str) -> None:
    answer = httpx.get(uploaded, headers={"accept": ACCEPT}, timeout=PATIENCE_S)
    assert (answer.headers["content-type"], answer.headers["vary"]) == ("image/jpeg", "Accept")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert np.abs(decode.read(answer.content).astype(float) - DRAWN).mean() < 5


def test_what_only_begins_like_one_goes_out_as_it_is(server: str) -> None:
    broken = HEIC[:200]
    sent = httpx.post(f"{server}/gradio_api/upload", files={"files": ("IMG_0001.HEIC", broken)}, timeout=PATIENCE_S)
    answer = httpx.get(f"{server}/gradio_api/file={sent.json()[0]}", headers={"accept": ACCEPT}, timeout=PATIENCE_S)
    assert (answer.status_code, answer.content) == (200, broken)
