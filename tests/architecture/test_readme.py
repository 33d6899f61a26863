import re
from pathlib import Path

import pytest

from scripts import update_docs
from skinapp import settings
from skinapp.guards import guesses

ROOT = Path(__file__).parents[2]


def kinds(value: object) -> object:
    """A report's keys and types, without its numbers."""
    if isinstance(value, dict):
        return {key: kinds(inner) for key, inner in value.items()}
    return [kinds(inner) for inner in value] if isinstance(value, list) else type(value)


def test_the_figures_are_those_of_metrics_json():
    assert update_docs.block("figures") == update_docs.figures(), "run: python -m scripts.update_docs"


def test_the_limits_are_those_that_the_program_obeys():
    assert update_docs.block("limits", update_docs.SECURITY) == update_docs.shown_limits(), "run: python -m scripts.update_docs"
    assert f"{guesses.GUESSES} guesses an address, then one every {guesses.GUESS_S} seconds" in update_docs.SECURITY.read_text()
    assert f"{24 * 3600 // guesses.GUESS_S:,} a day" in update_docs.SECURITY.read_text()


def test_the_documented_report_has_the_reports_keys_and_types_and_its_answer():
    shown, now = update_docs.shown_report(), update_docs.report()
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
