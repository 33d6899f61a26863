"""The tab for many photos in a real browser: folders, files and labels in; a table, figures and files to save out."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import text
from skinapp.labels import Priority
from skinapp.web.views import many as many_view
from tests.support import drawings
from tests.support.browser import DESK, PATIENCE_MS, PHONE, SHOTS, entered, watched

PATIENCE_MS = 2 * PATIENCE_MS


@pytest.fixture(scope="module")
def spots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """21 photos in folders named after lesions: all melanomas found, the vascular ones taken for moles; and one broken file."""
    folder = tmp_path_factory.mktemp("many") / "spots"
    for number in range(21):
        code, colour = (("mel", 4), ("nv", 5), ("vasc", 2))[number % 3]
        photo = drawings.lesion(320, 240, colour=drawings.COLOURS[colour], seed=number)
        path = folder / code / f"IMG_{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawings.encoded((photo * 0.45).astype(np.uint8) if code == "mel" else photo))
    (folder / "nv" / "<b>.jpg").write_bytes(b"<i>not a photo</i>")
    (folder / "nv" / ".DS_Store").write_bytes(b"left out")
    return folder


@pytest.fixture
def page(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with watched(browser, getattr(request, "param", {}), lambda context: opened(context, server)) as page:
        yield page


def opened(context: BrowserContext, address: str) -> Page:
    return entered(context, address, "many", PATIENCE_MS)


def give_folder(page: Page, folder: Path, count: int = 22) -> None:
    page.set_input_files("[data-input=folder]", folder)
    finished(page, count)


def give(page: Page, files: dict[str, bytes]) -> None:
    given = [{"name": name, "mimeType": "", "buffer": content} for name, content in files.items()]
    page.set_input_files("[data-input=files]", given)  # type: ignore[arg-type]


def finished(page: Page, count: int) -> None:
    expect(rows(page)).to_have_count(count, timeout=PATIENCE_MS)
    expect(page.locator("[data-do=stop]")).to_be_disabled()


def rows(page: Page) -> Locator:
    return page.locator(".answers tbody tr")


def column(page: Page, name: str) -> list[str]:
    return page.locator(f".answers tbody .{name}").all_inner_texts()


def small(number: int) -> bytes:
    return drawings.encoded(drawings.lesion(80, 64, seed=number))


def test_a_folder_becomes_a_table_with_the_most_urgent_first(page: Page, spots: Path, assessor: Assessor) -> None:
    give_folder(page, spots)
    priorities = [
        Priority(re.split(r"\s", row)[0]) for row in rows(page).evaluate_all("all => all.map(one => one.className)")[:21]
    ]
    order = [many_view.ORDER.index(priority) for priority in priorities]
    assert order == sorted(order) and priorities[0] is Priority.URGENT
    expected = [assessor.read_and_assess(path)[1].priority for path in sorted(spots.rglob("*.png"))]
    assert sorted(priorities) == sorted(expected)
    broken = rows(page).last
    expect(broken).to_contain_text("spots/nv/<b>.jpg")
    expect(broken).to_contain_text("The file is not a picture that can be read here (it starts with b'<i>not a'); send one")
    assert page.locator(".answers tbody img").evaluate_all("all => all.length === 21 && all.every(one => one.naturalWidth > 0)")
    expect(page.locator(".running")).to_contain_text("22 of 22 done")
    assert page.locator("progress").evaluate("one => one.value === one.max")
    counts = page.locator(".counts li:visible").all_inner_texts()
    assert " ".join(counts[0].split()) == "7 Urgent"


def test_a_labelled_folder_shows_how_right_the_answers_were(page: Page, spots: Path) -> None:
    give_folder(page, spots)
    figures = page.locator(".many .figures")
    expect(figures.locator("dd b").nth(2)).to_have_text("21", timeout=PATIENCE_MS)
    assert figures.locator("dd b").all_inner_texts() == ["66.7%", "66.7%", "21"]
    cells = [row.split() for row in figures.locator("tbody tr").all_inner_texts()]
    assert cells == [["mel", "7", "0", "0", "7"], ["nv", "0", "7", "0", "7"], ["vasc", "0", "7", "0", "7"]]
    wrong = page.locator(".answers tr.wrong .truth").all_inner_texts()
    assert wrong == ["vasc"] * 7


def test_a_csv_among_the_photos_labels_them_too(page: Page) -> None:
    give(page, {"1.png": small(1), "2.png": small(2), "labels.csv": b"file,dx\n1.png,nv\n2,mel\n9.png,df\n"})
    finished(page, 2)
    expect(page.locator(".many .figures dd b").nth(2)).to_have_text("2", timeout=PATIENCE_MS)
    page.get_by_role("button", name=text("many.truth", "en")).click()
    assert column(page, "truth") == ["mel", "nv"]


def test_labels_that_cant_be_used_say_why(page: Page) -> None:
    give(page, {"1.png": small(1), "labels.csv": b"file,dx\n1.png,freckle\n"})
    expect(page.locator(".many")).to_contain_text("The labels say 'freckle' of 1.png; dx must be one of", timeout=PATIENCE_MS)
    finished(page, 1)


def test_the_keyboard_sorts_by_any_column_and_back(page: Page, spots: Path) -> None:
    give_folder(page, spots)
    head = page.locator("thead th.file")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    names = column(page, "file")
    assert names == sorted(names) and len(names) == 22
    expect(head).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Enter")
    assert column(page, "file") == names[::-1]
    expect(head).to_have_attribute("aria-sort", "descending")
    page.locator("thead th.likeliest").get_by_role("button").focus()
    page.keyboard.press("Space")
    assert column(page, "likeliest")[0].startswith("Melanoma") and column(page, "likeliest")[-1] == ""


def test_the_json_holds_every_report_as_the_assessor_gives_it(page: Page, spots: Path, assessor: Assessor) -> None:
    give_folder(page, spots)
    expect(page.locator(".many .figures dd b").nth(2)).to_have_text("21", timeout=PATIENCE_MS)
    with page.expect_download() as saved:
        page.locator("[data-do=json]").click()
    found = {one["file"]: one for one in json.loads(Path(saved.value.path()).read_text())}
    assert len(found) == 22 and "error" in found["spots/nv/<b>.jpg"]
    path = spots / "mel" / "IMG_00.png"
    expected = assessor.read_and_assess(path)[1].to_dict()
    report = found["spots/mel/IMG_00.png"]
    assert {**report, "elapsed_ms": 0} == {"file": "spots/mel/IMG_00.png", **expected, "truth": "mel", "elapsed_ms": 0}


def test_the_csv_opens_in_a_spreadsheet_and_begins_no_formula(page: Page) -> None:
    give(page, {"=cmd(),1.png": small(1), "broken, too.jpg": b"no photo"})
    finished(page, 2)
    with page.expect_download() as saved:
        page.locator("[data-do=csv]").click()
    assert saved.value.suggested_filename == "skinapp.csv"
    lines = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8-sig"))))
    assert [line["file"] for line in lines] == ["'=cmd(),1.png", "broken, too.jpg"]
    assert 0 < float(lines[0]["nv"]) < 1 and lines[1]["nv"] == "" and lines[1]["error"].startswith("The file is not a picture")


def test_what_is_too_much_is_refused_before_anything_is_sent(page: Page) -> None:
    page.evaluate("""() => {
        const given = new DataTransfer();
        for (let n = 0; n < 501; n++) given.items.add(new File(["x"], `${n}.jpg`));
        const input = document.querySelector("[data-input=files]");
        input.files = given.files;
        input.dispatchEvent(new Event("change", {bubbles: true}));
    }""")
    expect(page.locator(".many .notice[role=alert]")).to_have_text(text("many.too_many", "en", most=many_view.MAX_PHOTOS))
    expect(page.locator(".running")).to_be_hidden()


def test_a_file_over_the_limit_becomes_a_row_and_is_not_sent(page: Page) -> None:
    page.locator(".many").evaluate("one => one.dataset.bytes = 100")
    sent = list[str]()
    page.on("request", lambda request: sent.append(request.url))
    give(page, {"large.png": small(1)})
    finished(page, 1)
    expect(rows(page)).to_contain_text("The file has more than 30 MB; send a smaller photo.")
    assert not [url for url in sent if "upload" in url]


def test_stop_keeps_what_is_answered_and_sends_no_more(page: Page) -> None:
    held, uploads = list[Route](), 0

    def hold(route: Route) -> None:
        nonlocal uploads
        uploads += 1
        route.continue_() if uploads <= 8 else held.append(route)

    page.route("**/gradio_api/upload*", hold)
    give(page, {f"{number}.png": small(number) for number in range(40)})
    expect(rows(page)).to_have_count(8, timeout=PATIENCE_MS)
    page.get_by_role("button", name=text("many.stop", "en")).click()
    expect(page.locator(".many .notice")).to_have_text(text("many.stopped", "en"))
    for route in held:
        route.continue_()
    page.wait_for_timeout(1500)
    expect(rows(page)).to_have_count(8)
    assert uploads == 16, "the next part was on its way, and nothing after it"
    page.unroute("**/gradio_api/upload*")
    page.get_by_role("button", name=text("many.clear", "en")).click()
    expect(page.locator(".answers")).to_be_hidden()
    give(page, {"1.png": small(1)})
    finished(page, 1)


def test_a_part_that_finds_the_line_full_is_asked_again(page: Page) -> None:
    turned_away = 0

    def full(route: Route) -> None:
        nonlocal turned_away
        turned_away += 1
        if turned_away > 1:
            route.continue_()
        else:
            route.fulfill(status=503, content_type="application/json", body='{"detail": "Queue is full."}')

    page.route("**/gradio_api/queue/join*", full)
    give(page, {"1.png": small(1)})
    finished(page, 1)
    expect(rows(page).locator(".likeliest")).not_to_be_empty()
    assert turned_away >= 2


@pytest.mark.parametrize("page", [{"locale": "zh-CN"}], indirect=True)
def test_a_chinese_browser_gets_chinese_throughout(page: Page, spots: Path) -> None:
    give_folder(page, spots)
    expect(page.locator(".many .figures dd b").nth(2)).to_have_text("21", timeout=PATIENCE_MS)
    names = r"（开头为 .*?）|JPEG|PNG|WebP|spots/\S+|\b(mel|nv|vasc|CSV|JSON|dx|file)\b"
    shown = re.sub(names, "", page.locator("#many-tab").inner_text())
    assert re.findall(r"[A-Za-z]{3,}", shown) == []
    expect(page.locator(".answers tbody .priority").first).to_have_text(text(f"priorities.{Priority.URGENT}", "zh"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("desk", DESK), ("phone", PHONE)])
def test_nothing_is_wider_than_the_screen_and_everything_is_photographed(
    browser: Browser, server: str, spots: Path, name: str, size: dict[str, int], scheme: str
) -> None:  # fmt: skip
    SHOTS.mkdir(exist_ok=True)
    context = browser.new_context(viewport=size, color_scheme=scheme, locale="en-US")  # type: ignore[arg-type]
    page = opened(context, server)
    page.screenshot(path=SHOTS / f"many-{name}-{scheme}-empty.png", full_page=True)
    give_folder(page, spots)
    expect(page.locator(".many .figures dd b").nth(2)).to_have_text("21", timeout=PATIENCE_MS)
    page.screenshot(path=SHOTS / f"many-{name}-{scheme}-table.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    context.close()
