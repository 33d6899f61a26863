"""What stands on the page around any answer, and in its place: login, header, tips, footer; nothing yet, busy, failed."""

from collections.abc import Sequence
from dataclasses import dataclass

from skinapp.assessment.loaded_model import ModelInfo
from skinapp.guards.guesses import GUESS_S, GUESSES
from skinapp.i18n.messages import LANGUAGES, Language, text
from skinapp.labels import SEVERITY
from skinapp.web.render import render

KEPT_MINUTES = 10
"""How long a photo may stay in the page's temporary folder; the page empties it by this figure, and says so."""


@dataclass(frozen=True)
class Footer:
    """What the model had to fall back on, what to think of its answers, and what happens to a photo."""

    model: ModelInfo
    notices: Sequence[str]
    disclaimer: str
    kept_minutes: int = KEPT_MINUTES


def header(language: Language) -> str:
    """The page's name, its question and what it promises."""
    return render("page.header", language)


def tips(language: Language) -> str:
    """How to take a photo that can be answered."""
    return render("page.tips", language)


def empty(language: Language) -> str:
    """What stands in the answer's place before there is one: the four priorities and what each asks for."""
    return render("page.empty", language, SEVERITY)


def busy(language: Language) -> str:
    """What stands there while a photo is looked at, so that an old answer never stands beside a new photo."""
    return render("page.busy", language)


def failed(reason: str, language: Language) -> str:
    """What stands there when a photo can't be read."""
    return render("page.failed", language, reason)


def login() -> str:
    """What stands above a login, in every language: how often a password may be guessed."""
    sentences = [text("requests.guesses", language, count=GUESSES, seconds=GUESS_S) for language in LANGUAGES]
    return render("page.login", LANGUAGES[0], sentences)


def footer(model: ModelInfo, notices: Sequence[str], language: Language, disclaimer: str = "disclaimer") -> str:
    """The page's end; `disclaimer` is the key of another model's."""
    return render("page.footer", language, Footer(model, notices, text(disclaimer, language)))
