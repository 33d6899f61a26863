"""The Teach tab in a real browser: from a zip to a model that was tried and downloaded; and what is left when a visitor goes."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, BrowserContext, Page, expect

from skinapp.assessment import loading
from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import Message, text
from skinapp.teach import pipeline
from skinapp.teach.dataset import dataset
from skinapp.teach.networks import Networks
from skinapp.teach.progress import Progress
from skinapp.web.views import teach as teach_view
from tests.support import drawings, zip_files
from tests.support.app_server import ROOT, started
from tests.support.browser import DESK, PHONE, entered, photographed, watched

PATIENCE_MS = 180_000
NAMES = ("dots", "stripes")
ZIP = zip_files.content(
    {**zip_files.drawn(NAMES, 12, top="cloth/"), "cloth/dots/broken.png": b"nothing", "cloth/../evil.png": b""}
)


@pytest.fixture
def page(browser: Browser, teaching_server: tuple[str, Path], request: pytest.FixtureRequest) -> Iterator[Page]:
    with watched(browser, getattr(request, "param", {}), lambda context: opened(context, teaching_server[0])) as page:
        yield page


def opened(context: BrowserContext, address: str) -> Page:
    return entered(context, address, "teach", PATIENCE_MS)


def bring(page: Page, content: bytes = ZIP, name: str = "cloth.zip") -> None:
    page.set_input_files("[data-input=zip]", {"name": name, "mimeType": "application/zip", "buffer": content})


def train(page: Page) -> None:
    expect(page.locator(".given")).to_be_visible(timeout=PATIENCE_MS)
    page.locator("[data-do=train]").click()
    expect(page.locator(".taught")).to_be_visible(timeout=PATIENCE_MS)


def workspaces(uploads: Path) -> list[Path]:
    return list(uploads.glob("skinapp-*/lessons/*"))


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that the server does by itself."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_whole_way_from_zip_to_a_downloaded_model_that_answers_alike(
    page: Page, teaching_server: tuple[str, Path], environment: dict[str, str], tmp_path: Path
) -> None:
    bring(page)
    expect(page.locator(".classes li")).to_have_count(2, timeout=PATIENCE_MS)
    assert page.locator(".classes li").all_inner_texts() == ["dots\n12 pictures", "stripes\n12 pictures"]
    page.locator(".refused summary").click()
    told = page.locator(".refused li").all_inner_texts()
    assert told[0] == f"cloth/../evil.png {text('refused.elsewhere', 'en')}" and told[1].startswith(
        "cloth/dots/broken.png The file is not"
    )
    page.locator("input[name=share]").fill("30")
    expect(page.locator(".share output")).to_have_text("30%")
    train(page)
    expect(page.locator(".taught .tiles b").last).to_have_text("16")
    assert sum(map(int, page.locator(".taught .confusion td[style]").all_inner_texts())) == 8
    expect(page.locator("[data-do=train]")).to_be_enabled()
    with page.expect_download() as saving:
        page.locator("a[download]").click()
    saving.value.save_as(tmp_path / "my-model.zip")
    with ZipFile(tmp_path / "my-model.zip") as packed:
        packed.extractall(tmp_path)
    photo = tmp_path / "new.jpg"
    photo.write_bytes(zip_files.drawn(("dots",), 1, 70)["dots/70.jpg"])
    expected = loading.load(str(tmp_path / "my-model"), "cpu").read_and_assess(photo)[1]
    page.set_input_files("#trial-photo input[type=file]", photo)
    expect(page.locator("#trial .verdict h2")).to_have_text(expected.top, timeout=PATIENCE_MS)
    expect(page.locator("#trial .evidence .layer:visible")).to_have_count(1)
    expect(page.locator("#trial .ran")).to_contain_text(f"my-model@{expected.model.revision}")
    serves_alike(tmp_path / "my-model", photo, environment)


def serves_alike(model: Path, photo: Path, environment: dict[str, str]) -> None:
    """app.py's API gives the numbers of the command line and of the card's script, to the last bit."""
    line = [sys.executable, "-m", "skinapp", str(photo), "--json", "--model", str(model)]
    told = json.loads(subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout)
    script = re.search(r"```python\n(.*?)```", (model / "README.md").read_text(), re.DOTALL)
    assert script
    bare = subprocess.run([sys.executable, "-c", script[1], str(photo)], cwd=model, capture_output=True, text=True, check=True)
    with started([sys.executable, "app.py"], environment, model) as (address, _):
        report, _ = Client(address, verbose=False).predict(handle_file(photo), api_name="/classify")
    assert report["probabilities"] == told["probabilities"] == json.loads(bare.stdout)
    assert report["priority"] is None


def test_a_folder_that_is_chosen_is_packed_and_read(page: Page, tmp_path: Path) -> None:
    for name, content in {**zip_files.drawn(NAMES, 6), "stripes/.DS_Store": b"left out", "dots/猫 1.txt": b"no"}.items():
        (tmp_path / "shirts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shirts" / name).write_bytes(content)
    page.set_input_files("[data-input=folder]", tmp_path / "shirts")
    expect(page.locator(".given h3").first).to_have_text("12 pictures in 2 classes", timeout=PATIENCE_MS)
    page.locator(".refused summary").click()
    assert page.locator(".refused li").all_inner_texts() == [f"shirts/dots/猫 1.txt {text('refused.no_picture', 'en')}"]


def test_what_cant_be_learned_from_is_told_and_nothing_of_it_is_left(page: Page, teaching_server: tuple[str, Path]) -> None:
    before = workspaces(teaching_server[1])
    for content, said in ((b"no zip", text("taught.no_zip", "en")), (zip_files.content(zip_files.classes(1)), "found: class0")):
        bring(page, content)
        expect(page.locator(".notice[role=alert]")).to_contain_text(said, timeout=PATIENCE_MS)
    assert workspaces(teaching_server[1]) == before
    assert not list(teaching_server[1].rglob("cloth.zip"))
    bring(page)
    expect(page.locator(".given")).to_be_visible(timeout=PATIENCE_MS)


def test_stopping_keeps_the_pictures_and_training_can_begin_again(page: Page) -> None:
    page.locator("[data-do=sample]").click()
    expect(page.locator(".given h3").first).to_have_text("200 pictures in 4 classes", timeout=PATIENCE_MS)
    page.locator("[data-do=train]").click()
    page.locator("[data-do=stop]").click()
    expect(page.locator(".notice[role=alert]")).to_have_text(text("teach.stopped", "en"), timeout=PATIENCE_MS)
    expect(page.locator("[data-do=train]")).to_be_enabled()
    page.locator("[data-do=train]").click()
    expect(page.locator(".running")).to_be_visible()


def test_whoever_leaves_or_starts_over_leaves_nothing_behind(browser: Browser, teaching_server: tuple[str, Path]) -> None:
    address, uploads = teaching_server
    until(lambda: workspaces(uploads) == [])
    context = browser.new_context(viewport=DESK, locale="en-US")
    page = opened(context, address)
    bring(page)
    train(page)
    photo = zip_files.drawn(("dots",), 1, 71)["dots/71.jpg"]
    page.set_input_files("#trial-photo input[type=file]", {"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": photo})
    expect(page.locator("#trial .answer")).to_be_visible(timeout=PATIENCE_MS)
    assert len(workspaces(uploads)) == 1 and len(list(uploads.rglob("mine.jpg"))) == 1
    link = page.locator("a[download]").get_attribute("href")
    page.locator("[data-do=forget]").click()
    expect(page.locator(".given, .taught")).to_have_count(0)
    expect(page.locator("#trial")).to_be_hidden()
    assert workspaces(uploads) == [] and not list(uploads.rglob("mine.jpg"))
    assert context.request.get(f"{address}/{link}").status == 403
    page.locator("[data-do=sample]").click()
    expect(page.locator(".given")).to_be_visible(timeout=PATIENCE_MS)
    page.locator("[data-do=train]").click()
    expect(page.locator(".running")).to_be_visible()
    assert len(workspaces(uploads)) == 1
    context.close()
    until(lambda: workspaces(uploads) == [])


def test_photos_are_answered_while_somebody_teaches(browser: Browser, teaching_server: tuple[str, Path], tmp_path: Path) -> None:
    context = browser.new_context(viewport=DESK, locale="en-US")
    page = opened(context, teaching_server[0])
    page.locator("[data-do=sample]").click()
    expect(page.locator(".given")).to_be_visible(timeout=PATIENCE_MS)
    client = Client(teaching_server[0], verbose=False)
    (tmp_path / "spot.jpg").write_bytes(zip_files.drawn(("rings",), 1, 3)["rings/03.jpg"])
    page.locator("[data-do=train]").click()
    expect(page.locator(".running")).to_be_visible()
    reports = [client.predict(handle_file(tmp_path / "spot.jpg"), api_name="/classify")[0] for _ in range(3)]
    assert page.locator(".running").count() == 1, "the lesson went on meanwhile"
    assert len({json.dumps(report["probabilities"]) for report in reports}) == 1
    context.close()


def test_who_goes_takes_nothing_from_another_who_gave_the_same(browser: Browser, teaching_server: tuple[str, Path]) -> None:
    """A classroom: one zip and one photo, handed out to all."""
    address, uploads = teaching_server
    photo = {"name": "ours.jpg", "mimeType": "image/jpeg", "buffer": zip_files.drawn(("dots",), 1, 73)["dots/73.jpg"]}
    contexts = [browser.new_context(viewport=DESK, locale="en-US") for _ in range(2)]
    leaving, staying = (opened(context, address) for context in contexts)
    for page in (leaving, staying):
        bring(page)
    for page in (leaving, staying):
        train(page)
        page.set_input_files("#trial-photo input[type=file]", photo)
        expect(page.locator("#trial .answer")).to_be_visible(timeout=PATIENCE_MS)
    assert len(list(uploads.rglob("ours.jpg"))) == 2
    leaving.locator("[data-do=forget]").click()
    expect(leaving.locator(".given, .taught")).to_have_count(0)
    until(lambda: len(list(uploads.rglob("ours.jpg"))) == 1)
    shown, link = (staying.locator(place) for place in ("#trial-photo img", "a[download]"))
    for given in (shown.get_attribute("src"), f"{address}/{link.get_attribute('href')}"):
        assert contexts[1].request.get(str(given)).status == 200
    assert len({path.stat().st_mode & 0o777 for path in uploads.glob("skinapp-*/**/*")} - {0o700, 0o600}) == 0
    for context in contexts:
        context.close()


@pytest.mark.parametrize("page", [{"locale": "zh-CN", "viewport": PHONE, "color_scheme": "dark"}], indirect=True)
def test_a_chinese_phone_gets_chinese_throughout_and_nothing_too_wide(page: Page) -> None:
    photographed(page, "teach-phone-empty")
    bring(page)
    expect(page.locator(".given")).to_be_visible(timeout=PATIENCE_MS)
    photographed(page, "teach-phone-given")
    train(page)
    photographed(page, "teach-phone-taught")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    text = page.locator("#teach-tab").inner_text()
    text = re.sub(r"cloth/\S+|b'.*?'|dots|stripes|zip|test|ONNX|MB|torch|JPEG|PNG|WebP", "", text)
    assert re.findall(r"[A-Za-z]{3,}", text) == []


CAMERA = """() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const drawing = canvas.getContext("2d");
    const any = (most) => Math.random() * most;
    setInterval(() => {
        drawing.fillStyle = `hsl(${any(360)} 60% ${20 + any(60)}%)`;
        drawing.fillRect(0, 0, 320, 240);
        for (let i = any(12); i > 0; i--) {
            drawing.fillStyle = `hsl(${any(360)} 80% 50%)`;
            drawing.fillRect(any(320), any(240), 10 + any(150), 10 + any(150));
        }
    }, 40);
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(25);
}"""
"""A camera whose pictures all differ: Chromium's own test picture gives near-copies, of which nothing can be learned."""


def test_two_classes_are_recorded_and_answered_live_in_four_presses(page: Page) -> None:
    page.context.grant_permissions(["camera"])
    page.evaluate(CAMERA)
    pressed = [
        page.locator("[data-do=camera]"),
        page.locator(".hold").first,
        page.locator(".hold").nth(1),
        page.locator("[data-do=learn]"),
    ]
    for button in pressed:
        button.click()
        if button is not pressed[0] and button is not pressed[-1]:
            expect(page.locator(".recorded .recording")).to_have_count(0)
            page.wait_for_function(
                "place => Number(document.querySelectorAll('.recorded output')[place].textContent) >= 12",
                arg=pressed.index(button) - 1,
            )
    expect(page.locator(".taught")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#live-bars .chances li")).to_have_count(2, timeout=PATIENCE_MS)
    page.evaluate("""() => { window.moves = 0; new MutationObserver(() => window.moves++).observe(
        document.querySelector("#live-bars"), { childList: true, subtree: true, characterData: true, attributes: true }); }""")
    page.wait_for_function("window.moves > 2")
    photographed(page, "teach-live")
    page.locator(".live-trial [data-do=stop]").click()
    assert page.evaluate("document.querySelector('#teach-tab').camera === undefined")


def test_classes_are_changed_after_the_results_and_trained_again(page: Page) -> None:
    bring(page)
    train(page)
    assert page.locator(".taught .basis").inner_text() and page.locator(".taught .on button").count() == 3
    page.locator("[data-edit=show][data-label=dots]").click()
    expect(page.locator(".thumbs button")).to_have_count(12)
    page.locator(".thumbs button").first.click()
    expect(page.locator(".thumbs button")).to_have_count(11)
    photographed(page, "teach-edit")
    page.locator("input[name=class-name]").fill("<b>spots</b>")
    page.locator("[data-edit=rename]").click()
    expect(page.locator(".classes b").first).to_have_text("<b>spots</b>")
    expect(page.locator(".classes li").first).to_contain_text("11 pictures")
    page.locator("[data-edit=show]").first.click()
    more = [{"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": content}
            for number, content in enumerate(zip_files.drawn(("dots",), 3, 40).values())]  # fmt: skip
    page.set_input_files("[data-input=more]", more)
    expect(page.locator(".classes li").first).to_contain_text("14 pictures", timeout=PATIENCE_MS)
    page.locator(".train [data-do=train]").click()
    expect(page.locator(".taught .confusion th").first).to_have_text("<b>spots</b>", timeout=PATIENCE_MS)
    page.locator(".taught .on button[data-on=both]").click()
    expect(page.locator(".taught .on button[data-on=both]")).to_have_attribute("aria-pressed", "true", timeout=PATIENCE_MS)
    expect(page.locator(".taught .basis")).to_have_text(text("teach.on_asked", "en", name=text("teach.on_both", "en")))
    page.locator("[data-edit=show]").first.click()
    page.locator("[data-edit=remove-class]").click()
    expect(page.locator(".classes li")).to_have_count(1)
    page.locator(".train [data-do=train]").click()
    expect(page.locator(".notice[role=alert]").last).to_contain_text("Two classes with at least", timeout=PATIENCE_MS)


def test_a_picture_of_something_else_is_told_as_such(page: Page) -> None:
    bring(page, zip_files.content(zip_files.drawn(NAMES, 24)))
    train(page)
    spot = {"name": "spot.png", "mimeType": "image/png", "buffer": drawings.encoded(drawings.lesion(320, 240))}
    page.set_input_files("#trial-photo input[type=file]", spot)
    expect(page.locator("#trial .verdict h2")).to_have_text(text("own.none", "en"), timeout=PATIENCE_MS)
    expect(page.locator("#trial .chances.greyed")).to_be_visible()


def test_a_class_with_markup_for_a_name_is_shown_as_it_is(page: Page) -> None:
    files = {
        **zip_files.drawn(("dots",), 6),
        **{f"<img src=x onerror=alert(1)>{{0}}{key[7:]}": value for key, value in zip_files.drawn(("stripes",), 6).items()},
    }
    bring(page, zip_files.content(files))
    expect(page.locator(".classes li")).to_have_count(2, timeout=PATIENCE_MS)
    expect(page.locator(".classes b").first).to_have_text("<img src=x onerror=alert(1)>{0}")
    train(page)
    assert page.locator(".taught img[src=x], .given img[src=x]").count() == 0


def test_the_page_of_ones_own_model_says_nothing_about_lesions(
    browser: Browser, environment: dict[str, str], own_model: Path
) -> None:
    with started([sys.executable, "app.py"], environment, own_model) as (address, _):
        for language, size in (("en-US", DESK), ("zh-CN", PHONE)):
            context = browser.new_context(viewport=size, locale=language)  # type: ignore[arg-type]
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.goto(address)
            expect(page.locator("h1")).to_have_text(Message("own.question").to("zh" if "zh" in language else "en"))
            photo = zip_files.drawn(("dots",), 1, 72)["dots/72.jpg"]
            page.set_input_files("#photo input[type=file]", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo})
            expect(page.locator(".answer.own .chances li")).to_have_count(2, timeout=PATIENCE_MS)
            photographed(page, f"own-{language}")
            page.get_by_role("tab").last.click()
            expect(page.locator(".about dl")).to_be_visible()
            text = page.locator("body").inner_text()
            assert not re.search("lesion|skin(?!app)|doctor|mole|皮损|医生|皮肤", text, re.IGNORECASE)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            context.close()


@pytest.fixture(scope="module")
def own_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base, place = Assessor.load(provider="cpu"), tmp_path_factory.mktemp("own")
    (place / "a.zip").write_bytes(ZIP)
    kept = dataset.gather(place / "a.zip", base.spec.transform, place, Progress())
    pipeline.teach(
        Networks.of(base),
        kept,
        pipeline.embed(Networks.of(base), kept, Progress()),
        teach_view.SHARE,
        place / "my-model",
        Progress(),
    )
    return place / "my-model"
