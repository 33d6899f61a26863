"""The On-device tab as an app: which network answers, what is kept, and how photos of other apps come in."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, expect

from skinapp.i18n.messages import text
from skinapp.ui.endpoints.ondevice_files import ENTRY
from tests.support import drawings
from tests.support.browser import LOW, URGENT
from tests.support.ondevice_site import PATIENCE_MS, Site, Tab

SHARED = """async ([kind, content, action]) => {
    const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    const form = document.createElement("form");
    Object.assign(form, { action, method: "post", enctype: "multipart/form-data" });
    const input = Object.assign(document.createElement("input"), { type: "file", name: "photo" });
    const data = new DataTransfer();
    data.items.add(new File([bytes], "spot", { type: kind }));
    input.files = data.files;
    form.append(input);
    document.body.append(form);
    form.submit();
}"""
"""For a page that isn't sealed: what a browser does when another app shares a photo with the installed one."""

PACKED = base64.b64encode(URGENT).decode()


def chosen(tab: Tab) -> str:
    return tab.frame.locator(".networks input:checked").input_value()


def ran(tab: Tab) -> str:
    return tab.frame.locator(".answer .ran").inner_text()


# Two networks


def test_the_small_network_answers_first_and_the_large_one_comes_only_when_it_is_chosen(
    context: BrowserContext, site: Site
) -> None:
    before = len(site.asked)
    tab = Tab(context, site.address).ready()
    assert chosen(tab) == "phone"
    weights = {path for path in (line.split()[1] for line in site.asked[before:]) if re.search(r"/model-.*\.gz", path)}
    assert len(weights) == 1, weights
    tab.give(URGENT)
    assert ran(tab).startswith("weights_phone@")
    with tab.page.expect_navigation():
        tab.frame.locator(".networks input[value=main]").check()
    expect(tab.frame.locator(".answer")).to_be_visible(timeout=PATIENCE_MS)  # the photo was handed over
    assert chosen(tab) == "main" and ran(tab).startswith("embedded@")
    assert tab.frame.evaluate("caches.open('skinapp-handed').then((store) => store.keys()).then((all) => all.length)") == 0
    assert tab.errors == []


def test_a_desk_remembers_the_choice_and_a_phone_begins_with_the_small_one(browser: Browser, site: Site) -> None:
    for is_phone, expected in ((False, "main"), (True, "phone")):
        context = browser.new_context(
            locale="en-US", is_mobile=is_phone, has_touch=is_phone, viewport={"width": 390, "height": 844}
        )
        tab = Tab(context, site.address).ready()
        with tab.page.expect_navigation():
            tab.frame.locator(".networks input[value=main]").check()
        tab.ready()
        assert chosen(tab) == "main"
        assert chosen(Tab(context, site.address).ready()) == expected
        context.close()


def test_a_model_of_ones_own_answers_alone(context: BrowserContext, exported_tiny: Path) -> None:
    about = json.loads(next(exported_tiny.glob("code-*/about.json")).read_text())
    assert [one["key"] for one in about["models"]] == ["main"]


def test_the_part_around_the_spot_is_answered_when_it_is_ticked(context: BrowserContext, site: Site) -> None:
    tab = Tab(context, site.address).ready()
    tab.give(drawings.encoded(drawings.lesion(900, 600, (0.3, 0.4))))
    wide = tab.frame.locator(".preview").evaluate("one => one.naturalWidth / one.naturalHeight")
    assert wide == pytest.approx(1.5, abs=0.01)
    tab.frame.get_by_text(text("page.centred", "en")).click()
    tab.frame.wait_for_function(
        "() => { const one = document.querySelector('.preview'); return one.naturalWidth === one.naturalHeight; }"
    )
    expect(tab.frame.locator(".answer")).to_be_visible()


def test_an_answer_says_how_the_photo_was_taken_and_among_which_lesions_the_true_one_is(
    context: BrowserContext, site: Site
) -> None:
    tab = Tab(context, site.address).ready().give(LOW)
    views = {text(f"answer.view_{view}", "en") for view in ("dermoscopic", "clinical")}
    assert tab.frame.locator(".answer .view").inner_text() in views
    if tab.frame.locator(".answer .set").count():
        assert re.fullmatch(r"Nine times in ten, the true kind is among: .+\.", tab.frame.locator(".answer .set").inner_text())


def test_a_photo_in_a_format_that_this_browser_does_not_read_is_named(context: BrowserContext, site: Site) -> None:
    tab = Tab(context, site.address).ready()
    for content, name in ((b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"), (b"II*\0" + bytes(40), "TIFF")):
        tab.give(content, f"spot.{name.lower()}", f"image/{name.lower()}")
        expect(tab.frame.locator(".failed")).to_contain_text(f"can't read {name} files")


# An app


def test_the_manifest_names_pictures_that_are_there_in_the_sizes_it_says(site: Site) -> None:
    manifest: dict[str, Any] = json.loads((site.folder / "manifest.webmanifest").read_text())
    pictures = [*manifest["icons"], *manifest["screenshots"], *manifest["shortcuts"][0]["icons"]]
    assert {one["form_factor"] for one in manifest["screenshots"]} == {"wide", "narrow"}
    for picture in pictures:
        assert (site.folder / picture["src"]).is_file()
        if picture["type"] == "image/png":
            with Image.open(site.folder / picture["src"]) as image:
                assert "{}x{}".format(*image.size) == picture["sizes"]


def test_a_photo_that_another_app_shares_is_answered_and_sent_nowhere(context: BrowserContext, site: Site) -> None:
    Tab(context, site.address).ready().page.close()  # installs the service worker
    page = context.new_page()
    page.goto(f"{site.address}sw.js")
    before = len(site.asked)
    with page.expect_navigation():
        page.evaluate(SHARED, ["image/png", PACKED, f"{site.address}share"])
    expect(page.locator(".answer")).to_be_visible(timeout=PATIENCE_MS)
    assert not [line for line in site.asked[before:] if line.startswith("POST")]
    page.reload()
    page.wait_for_selector("[data-state=ready]")
    expect(page.locator(".answer")).to_have_count(0)


def test_a_share_without_the_service_worker_is_sent_to_the_page_unread(server: str) -> None:
    response = httpx.post(f"{server}/ondevice/share", files={"photo": ("spot.png", URGENT)}, follow_redirects=False, timeout=60)
    assert (response.status_code, response.headers["location"]) == (303, ENTRY)


def test_what_is_kept_is_told_and_can_be_emptied(context: BrowserContext, site: Site) -> None:
    tab = Tab(context, site.address).ready()
    line = tab.frame.locator(".stored")
    expect(line).to_be_visible()
    [size] = re.findall(r"[\d.]+", line.inner_text().partition("MB")[0])
    assert 4 < float(size) < 12
    line.get_by_role("button").click()
    expect(line).to_have_text(text("ondevice.emptied", "en"))
    assert tab.frame.evaluate("caches.keys().then((all) => all.length)") == 0
    assert tab.frame.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    tab.give(URGENT)  # the open page goes on
    expect(tab.frame.locator(".answer")).to_be_visible()


def test_the_shortcut_opens_with_the_camera(context: BrowserContext, site: Site) -> None:
    context.grant_permissions(["camera"])
    tab = Tab(context, f"{site.address}index.html?camera")
    tab.frame.wait_for_selector("[data-state=live] .told .answer")


def test_a_file_that_the_app_is_opened_with_is_answered(context: BrowserContext, site: Site) -> None:
    context.add_init_script(
        "Object.defineProperty(window, 'launchQueue', { value: { setConsumer: (consume) => (window.consume = consume) } });"
    )
    tab = Tab(context, site.address).ready()
    tab.frame.evaluate(
        """async (content) => {
            const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
            await window.consume({ files: [{ getFile: async () => new File([bytes], "spot.png") }] });
        }""",
        PACKED,
    )
    expect(tab.frame.locator(".answer")).to_be_visible()
