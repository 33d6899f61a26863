"""Every sentence that a visitor reads, by its key: a TOML file a language beside this one, in sections.

A further language is one more file. Errors that only who runs the program meets are English and stand where they are raised.
Knows nothing of the program, so that every package can speak through it.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

Language: TypeAlias = str
"""A locale file's name without its ending."""

LOCALES = Path(__file__).parent
ENGLISH: Language = "en"
LANGUAGES = (ENGLISH, *sorted({path.stem for path in LOCALES.glob("*.toml")} - {ENGLISH}))

Sentence: TypeAlias = str | Mapping[str, str]
"""A sentence, or its forms by the plural categories of CLDR: `one`, and `other`, which every sentence of forms has."""


@dataclass(frozen=True, init=False)
class Message:
    """A sentence with its values, worded when it is known who reads it; a value may be a message, too."""

    key: str
    values: Mapping[str, object]

    def __init__(self, key: str, /, **values: object) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "values", values)

    def to(self, language: Language) -> str:
        return text(self.key, language, **self.values)


def text(key: str, language: Language, /, **values: object) -> str:
    """The sentence with these values in its placeholders; `count` chooses between its forms, where it has some."""
    worded = {name: value.to(language) if isinstance(value, Message) else value for name, value in values.items()}
    return sentence(key, language, values.get("count")).format(**worded)


def sentence(key: str, language: Language, count: object = None) -> str:
    """The sentence with its placeholders unfilled, in the form that fits this count."""
    entry = sentences(language)[key]
    if isinstance(entry, str):
        return entry
    return entry.get("one", entry["other"]) if count == 1 else entry["other"]


def section(name: str, language: Language) -> dict[str, str]:
    """The sentences of a section without forms, in the file's order, whose placeholders the browser fills."""
    start = f"{name}."
    return {
        key.removeprefix(start): sentence
        for key, sentence in sentences(language).items()
        if key.startswith(start) and isinstance(sentence, str)
    }


@cache
def sentences(language: Language) -> dict[str, Sentence]:
    """All sentences by their keys, which are a section's name, a dot and a name, or a name alone."""
    result = dict[str, Sentence]()
    for name, entry in tomllib.loads((LOCALES / f"{language}.toml").read_text(encoding="utf-8")).items():
        result |= {name: entry} if isinstance(entry, str) else {f"{name}.{key}": sentence for key, sentence in entry.items()}
    return result


def requested(headers: Mapping[str, str]) -> Language:
    """The language that a request asks for, by its headers."""
    return preferred(headers.get("accept-language", ""))


def preferred(accept_language: str) -> Language:
    """The first language of an Accept-Language header that we speak, else English."""
    for entry in accept_language.lower().split(","):
        tag = entry.partition(";")[0].strip().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return ENGLISH
