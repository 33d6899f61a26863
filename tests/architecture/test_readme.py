import json
import re
from pathlib import Path

import pytest
from PIL import Image

from scripts import architecture, screenshots, update_docs
from skinapp import settings
from skinapp.guards import guesses
from skinapp.i18n.messages import section
from tests.architecture.test_layers import LAYERS

ROOT = Path(__file__).parents[2]


def kinds(value: object) -> object:
    """A report's keys and types, without its numbers."""
    if isinstance(value, dict):
        return {key: kinds(inner) for key, inner in value.items()}
    return [kinds(inner) for inner in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize("name", [name for name in update_docs.BLOCKS if name != "report"])
def test_a_block_says_what_the_program_knows(name):
    shown = [blocks[name] for one in update_docs.PAGES if name in (blocks := update_docs.blocks(one))]
    assert shown == [update_docs.BLOCKS[name]().strip()], "run: python -m scripts.update_docs"


def test_every_mark_has_its_block():
    marked = [name for one in update_docs.PAGES for name in re.findall(r"<!-- /?(\w+) -->", one.read_text())]
    assert sorted(marked) == sorted([*update_docs.BLOCKS, *update_docs.BLOCKS])


def test_figures_that_are_stale_are_seen(monkeypatch, tmp_path):
    metrics = json.loads((update_docs.EMBEDDED / "metrics.json").read_text())
    metrics["test"]["int8"]["by_view"]["clinical"]["melanoma"]["auc"]["value"] += 0.01
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    monkeypatch.setattr(update_docs, "EMBEDDED", tmp_path)
    assert update_docs.blocks(update_docs.README)["worth"] != update_docs.worth()
    assert update_docs.blocks(update_docs.PAGES[0])["worth"].count("\n") == 8


def test_the_readme_is_short_and_shows_no_broken_picture_or_link():
    text = update_docs.README.read_text()
    assert len(text.splitlines()) <= 180
    for one in update_docs.PAGES:
        for link in re.findall(r'(?:\]\(|src="|srcset=")([^)"#:]+)[)"#]', one.read_text()):
            assert (one.parent / link).exists(), f"{one.name} leads to {link}"


def test_every_picture_is_shown_small_enough_and_there_in_both_themes():
    pictures = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    shown = set(re.findall(r"images/([\w.-]+)", "".join(one.read_text() for one in update_docs.PAGES)))
    assert pictures == shown and len(pictures) == 2 * (len(screenshots.SHOTS) + 1)
    assert {name.replace("-dark", "-light") for name in pictures} == {name for name in pictures if "-light" in name}
    for path in (ROOT / "docs" / "images").glob("*.webp"):
        assert path.stat().st_size < screenshots.MAX_BYTES
        with Image.open(path) as picture:
            assert picture.width in (screenshots.WIDE, screenshots.SMALL) and not picture.getexif()


def test_the_picture_of_the_packages_is_drawn_from_the_layers():
    for theme in architecture.COLOURS:
        drawn = (ROOT / "docs" / "images" / f"architecture-{theme}.svg").read_text()
        assert drawn == architecture.drawing(theme), "run: make screenshots"
        assert drawn.count("<rect") == sum(map(len, LAYERS))


def test_the_tabs_of_the_readme_are_those_of_the_page():
    assert tuple(update_docs.TABS) == screenshots.TABS == tuple(section("tabs", "en"))
    assert set(screenshots.SHOTS) == {*screenshots.TABS, "answer"}


def test_the_limits_are_those_that_the_program_obeys():
    assert f"{guesses.GUESSES} guesses an address, then one every {guesses.GUESS_S} seconds" in update_docs.SECURITY.read_text()
    assert f"{24 * 3600 // guesses.GUESS_S:,} a day" in update_docs.SECURITY.read_text()


def test_the_documented_report_has_the_reports_keys_and_types_and_its_answer():
    shown, now = update_docs.documented_report(), update_docs.report()
    assert kinds(shown) == kinds(now), "run: python -m scripts.update_docs"
    assert (shown["status"], shown["priority"], shown["model"]) == (now["status"], now["priority"], now["model"])
    for code, chance in shown["probabilities"].items():
        assert chance == pytest.approx(now["probabilities"][code], abs=0.05)  # INT8 kernels differ a little between CPUs


def test_every_environment_name_is_documented():
    used = set(re.findall(r"SKINAPP_[A-Z]+", Path(settings.__file__).read_text()))
    assert used and used <= set(re.findall(r"`(SKINAPP_[A-Z]+)`", update_docs.README.read_text()))


def test_the_spaces_header_names_the_gradio_that_is_pinned():
    text = update_docs.README.read_text()
    pinned = re.search(r"^gradio==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned and f"sdk_version: {pinned[1]}\n" in text
    assert len(re.search(r"^short_description: (.+)$", text, re.MULTILINE)[1]) <= 60
