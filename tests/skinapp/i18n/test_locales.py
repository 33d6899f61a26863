"""Every sentence exists in both languages, and none promises what no such program can."""

import re
import string
from collections.abc import Iterator, Mapping

import pytest

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.quality import Issue
from skinapp.i18n import wording
from skinapp.i18n.wording import Said
from skinapp.labels import CODES, SEVERITY, Priority
from skinapp.ui import variants


def sentences() -> Iterator[tuple[str, Said]]:
    for name, value in vars(wording).items():
        if isinstance(value, Said):
            yield name, value
        elif isinstance(value, Mapping):
            yield from ((f"{name}[{key}]", said) for key, said in value.items() if isinstance(said, Said))


EVERY = dict(sentences())


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", EVERY)
def test_a_sentence_has_its_twin(name: str) -> None:
    english, chinese = EVERY[name]
    assert english.strip() and chinese.strip()
    assert not re.search("[\u4e00-\u9fff]", english)
    assert re.search("[\u4e00-\u9fff]", chinese) or "{" in chinese
    assert placeholders(english) == placeholders(chinese)


@pytest.mark.parametrize("name", EVERY)
def test_no_sentence_promises_too_much(name: str) -> None:
    english, chinese = EVERY[name]
    assert not re.search(r"\b(diagnos\w*|safe|safely|certain|guarantee\w*)\b", english, re.IGNORECASE)
    assert not re.search("诊断|安全|保证|确诊", chinese)


def test_every_priority_issue_and_lesion_has_its_words() -> None:
    assert set(wording.PRIORITIES) == set(wording.ADVICE) == set(Priority)
    assert set(wording.WHEN) == set(SEVERITY)
    assert set(wording.ISSUES) == set(Issue)
    assert set(wording.LESIONS) == set(CODES)


@pytest.mark.parametrize("priority", SEVERITY)
def test_the_advice_of_every_priority_names_the_doctor(priority: Priority) -> None:
    assert "doctor" in wording.ADVICE[priority].en and "医生" in wording.ADVICE[priority].zh


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-TW", "zh"),
        ("en-GB,en;q=0.9", "en"),
        ("fr-FR,fr;q=0.9,zh;q=0.5,en;q=0.4", "zh"),
        ("de", "en"),
        ("*", "en"),
        ("", "en"),
        ("ZH_hans;;,q=", "en"),
    ],
)
def test_the_browsers_first_language_that_we_speak_is_taken(header: str, language: str) -> None:
    assert wording.preferred(header) == language


def test_the_pages_dictionaries_hold_the_same_keys_and_our_words(assessor: Assessor) -> None:
    said = variants.of(assessor).translations
    assert set(said) == set(wording.LANGUAGES)
    assert set(said["en"]) == set(said["zh"])
    for language in wording.LANGUAGES:
        text = " ".join(said[language].values())
        assert [key for key, entry in wording.PAGE.items() if entry.to(language) not in text] == []


def test_the_pages_dictionaries_hold_no_braces_which_the_browser_would_fill_in(assessor: Assessor) -> None:
    assert not any("{" in text for said in variants.of(assessor).translations.values() for text in said.values())
