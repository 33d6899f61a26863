"""Every sentence exists in every language, is used, gets what it needs, and promises nothing that no such program can."""

import ast
import json
import re
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.framing import FramingFlaw
from skinapp.assessment.quality import Issue
from skinapp.i18n import messages
from skinapp.i18n.messages import LANGUAGES, Language, Message, section, sentences, text
from skinapp.labels import CODES, SEVERITY, Priority, View
from skinapp.ui import variants
from skinapp.web import STATIC
from tests.architecture.test_templates import NAMES
from tests.architecture.test_templates import asked as asked_for
from tests.support.app_server import ROOT

KEYS = tuple(sentences("en"))
PROGRAM = [ROOT / "app.py", *(path for folder in ("skinapp", "export", "scripts") for path in (ROOT / folder).rglob("*.py"))]
IN_THE_BROWSER = ("live", "ondevice")
"""Sections that the browser's modules choose from."""


def forms(key: str, language: Language) -> Mapping[str, str]:
    sentence = sentences(language)[key]
    return {"other": sentence} if isinstance(sentence, str) else sentence


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


# The files


def test_english_comes_first_and_every_file_is_a_language() -> None:
    assert LANGUAGES[0] == "en" and sorted(LANGUAGES) == sorted(path.stem for path in messages.LOCALES.glob("*.toml"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_same_keys_in_the_same_order(language: Language) -> None:
    assert tuple(sentences(language)) == KEYS
    assert {key for key in KEYS if len(forms(key, language)) > 1} <= {key for key in KEYS if not isinstance(english(key), str)}


def english(key: str) -> object:
    return sentences("en")[key]


@pytest.mark.parametrize("key", KEYS)
def test_a_sentence_has_its_twins_with_the_same_places(key: str) -> None:
    wanted = places(forms(key, "en")["other"])
    for language in LANGUAGES:
        for form, sentence in forms(key, language).items():
            assert form in ("one", "other") and sentence.strip()
            assert places(sentence) == wanted
            assert not re.search(r"\{[^}]*[:!.\[]", sentence), "numbers come formatted"
            assert not re.search(r"[<>]|&\w+;", sentence), "a sentence is no HTML"
        assert isinstance(sentences(language)[key], str) or "count" in wanted
    assert not re.search("[\u4e00-\u9fff]", "".join(forms(key, "en").values()))


@pytest.mark.parametrize("key", [key for key in KEYS if not key.startswith("list.")])
def test_chinese_is_chinese_and_no_sentence_promises_too_much(key: str) -> None:
    ours, chinese = " ".join(forms(key, "en").values()), " ".join(forms(key, "zh").values())
    assert re.search("[\u4e00-\u9fff]", chinese) or "{" in chinese
    assert not re.search(r"\b(diagnos\w*|safe|safely|certain|guarantee\w*)\b", ours, re.IGNORECASE)
    assert not re.search("诊断|安全|保证|确诊", chinese)


def test_every_value_that_names_a_sentence_has_one(assessor: Assessor) -> None:
    assert set(section("priorities", "en")) == set(section("advice", "en")) == set(Priority)
    assert set(section("when", "en")) == set(SEVERITY)
    assert set(section("issues", "en")) == set(Issue)
    assert set(section("warnings", "en")) == {*Issue, *FramingFlaw}
    assert set(section("lesions", "en")) == set(CODES)
    no_page: Any = None  # nothing is put into one here
    lesions, custom = (kind(assessor).tabs(no_page) for kind in (variants.LesionPage, variants.CustomPage))
    assert set(section("tabs", "en")) == set(lesions) >= set(custom)
    assert all(f"answer.view_{view}" in KEYS for view in View)


@pytest.mark.parametrize("priority", SEVERITY)
def test_the_advice_of_every_priority_names_the_doctor(priority: Priority) -> None:
    assert "doctor" in text(f"advice.{priority}", "en") and "医生" in text(f"advice.{priority}", "zh")


# Where they are used


def asked(path: Path) -> Iterator[tuple[list[str], ast.Call]]:
    """The keys that a file asks for by themselves, each call's at once, with the call."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("text", "Message"):
            chosen = [node.args[0].body, node.args[0].orelse] if isinstance(node.args[0], ast.IfExp) else [node.args[0]]
            yield [one.value for one in chosen if isinstance(one, ast.Constant)], node


def patterns(path: Path) -> Iterator[str]:
    """What a file's strings match of keys: themselves, and whatever stands in the gaps of an f-string."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and node.value in KEYS:
            yield re.escape(node.value)
        elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            if re.match(r"[a-z_]+\.[a-z_]*$", node.values[0].value):
                yield "".join(re.escape(one.value) if isinstance(one, ast.Constant) else ".+" for one in node.values)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "section":
            assert isinstance(node.args[0], ast.Constant)
            if node.args[0].value not in IN_THE_BROWSER:
                yield rf"{node.args[0].value}\..+"


@pytest.mark.parametrize("path", PROGRAM, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_key_that_is_asked_for_exists_and_gets_the_values_of_its_places(path: Path) -> None:
    for keys, call in asked(path):
        names = {one.arg for one in call.keywords}
        for key in keys:
            assert key in KEYS, f"line {call.lineno}"
            needed = places(forms(key, "en")["other"])
            assert names == needed or (None in names and names - {None} <= needed), f"{key} in line {call.lineno}"


def test_every_key_is_used() -> None:
    used = "|".join(
        {pattern for path in PROGRAM for pattern in patterns(path)} | {one for name in NAMES for one, _ in asked_for(name)}
    )
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in STATIC.rglob("*.js") if "onnxruntime" not in path.parts)
    reasons = [path.read_text(encoding="utf-8") for path in PROGRAM if path.parts[-2] in ("server", "endpoints", "views")]
    known = {f"{name}.{word}" for name in IN_THE_BROWSER for word in re.findall(r"\w+", "\n".join([scripts, *reasons]))}
    assert [key for key in KEYS if not re.fullmatch(used, key) and key not in known] == []


# One sentence


def test_a_count_chooses_the_form_where_a_language_has_some() -> None:
    assert text("teach.pictures", "en", count=1) == "1 picture" and text("teach.pictures", "en", count=2) == "2 pictures"
    assert text("teach.pictures", "en", count=0) == "0 pictures"
    assert text("teach.pictures", "zh", count=1) == "1 张"


def test_a_message_is_worded_when_it_is_known_who_reads_it() -> None:
    message = Message("unreadable.built", part=Message("built.scans"), count=7, limit=5)
    assert message.to("en").startswith("The picture's file has 7 scans, more than 5;")
    assert message.to("zh").startswith("图片文件含有 7 次扫描，超过 5；")
    assert message == Message("unreadable.built", limit=5, count=7, part=Message("built.scans"))


def test_a_key_or_a_value_that_is_missing_is_no_sentence() -> None:
    with pytest.raises(KeyError, match=r"answer\.nothing"):
        text("answer.nothing", "en")
    with pytest.raises(KeyError, match="steps"):
        text("answer.step", "en", step=1)


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
def test_the_browsers_first_language_that_we_speak_is_taken(header: str, language: Language) -> None:
    assert messages.preferred(header) == language


# On the page


def test_the_pages_dictionaries_hold_the_same_keys_and_our_words(assessor: Assessor) -> None:
    said = variants.of(assessor).translations
    assert set(said) == set(LANGUAGES)
    assert len({frozenset(entries) for entries in said.values()}) == 1
    for language in LANGUAGES:
        shown = " ".join(said[language].values())
        opened = {key: re.sub(r"\{\w+\}.*", "", sentence) for key, sentence in section("page", language).items()}
        assert [key for key, start in opened.items() if start not in shown] == []


def test_the_pages_dictionaries_hold_no_braces_which_the_browser_would_fill_in(assessor: Assessor) -> None:
    assert not any("{" in shown for said in variants.of(assessor).translations.values() for shown in said.values())


# A further language

SPOKEN = """
import io, json
import numpy as np
from skinapp.assessment.assessor import Assessor
from skinapp.errors import PhotoError
from skinapp.i18n.messages import LANGUAGES, preferred
from skinapp.imaging import decode, encode, synthetic
from skinapp.ui import variants
from skinapp.web import answering
from skinapp.web.views.examples import SPOTS

assessor = Assessor.load(sys.argv[1], "cpu")
language = preferred("eo, en;q=0.5")
try:
    decode.read(b"")
except PhotoError as error:
    refused = error.message.to(language)
told, shown = answering.answer(assessor, encode.jpeg(synthetic.draw(SPOTS["even"])), language)
broken, _ = answering.answer(assessor, b"12345678", language)
answers = {"told": told, "shown": shown, "broken": broken}
print(json.dumps({"languages": LANGUAGES, "page": variants.of(assessor).translations[language], "answers": answers, "refused": refused}))
"""


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> dict[str, object]:
    """What the program says where a third file lies beside the two, in which every sentence is the English one after a mark."""
    root = tmp_path_factory.mktemp("spoken")
    (root / "skinapp" / "i18n").mkdir(parents=True)
    for path in (ROOT / "skinapp").iterdir():
        if path.name != "i18n":
            (root / "skinapp" / path.name).symlink_to(path)
    for path in (ROOT / "skinapp" / "i18n").iterdir():
        if path.is_file():
            (root / "skinapp" / "i18n" / path.name).write_bytes(path.read_bytes())
    (root / "skinapp" / "i18n" / "eo.toml").write_text(marked((messages.LOCALES / "en.toml").read_text(encoding="utf-8")))
    line = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{SPOKEN}", str(ROOT / "tests" / "tiny_model")]
    ran = subprocess.run(line, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def marked(english: str) -> str:
    """A locale file in which every word of the sentences has a mark before it."""
    return re.sub(
        r'(?<= = ").*(?="$)',
        lambda sentence: re.sub(
            r"\\.|\{\w+\}|[A-Za-z]+", lambda part: part[0] if part[0][0] in "\\{" else f"Ŝ{part[0]}", sentence[0]
        ),
        english,
        flags=re.MULTILINE,
    )


def english_of(html: str) -> set[str]:
    """The words without the mark that a visitor reads or hears; not the names of models, files, classes and processors."""
    shown = re.sub(r"<(code|pre|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    named = re.findall(r'(?:aria-label|title|alt)="([^"]+)"', shown)
    words = re.findall(r"(?<![\wŜ&.])[A-Za-z]{3,}", " ".join([*re.split(r"<[^>]*>", shown), *named]))
    return set(words) - {"skinapp", "tiny", "model", "onnx", "CPU", *CODES}


def test_a_further_language_is_one_more_file(spoken: dict[str, object]) -> None:
    assert spoken["languages"] == ["en", "eo", "zh"]
    assert str(spoken["refused"]).startswith("ŜThe Ŝfile Ŝis Ŝempty")


def test_the_whole_page_speaks_it(spoken: dict[str, dict[str, str]]) -> None:
    assert (
        spoken["page"].keys() == variants.of(Assessor.load(str(ROOT / "tests" / "tiny_model"), "cpu")).translations["en"].keys()
    )
    for name, html in spoken["page"].items():
        assert english_of(html) == set() and "Ŝ" in html, name


def test_answers_and_errors_speak_it(spoken: dict[str, dict[str, str]]) -> None:
    for name, html in spoken["answers"].items():
        assert english_of(html) == set(), name
        assert 'lang="eo"' in html, name
    assert "ŜThe Ŝfile Ŝis Ŝnot Ŝa Ŝpicture" in spoken["answers"]["broken"]
