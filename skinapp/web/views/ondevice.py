"""The On-device tab as HTML: the frame in the program's page, and the page in that frame."""

from skinapp.i18n.messages import Language
from skinapp.web.render import render


def missing(language: Language) -> str:
    """What stands in the tab where it can't run: why, and what to do."""
    return render("ondevice.missing", language)


def frame(address: str, language: Language) -> str:
    """The tab's page inside the program's page; it is given its address when it is first seen, because it brings 10 MB along."""
    return render("ondevice.frame", language, f"{address}?lang={language}")


def tab(language: Language) -> str:
    """The tab itself: a box that takes photos, and places for the answer and the evidence."""
    return render("ondevice.tab", language)


def footer(language: Language) -> str:
    """What to think of its answers, and a place for the model that gives them."""
    return render("ondevice.footer", language)
