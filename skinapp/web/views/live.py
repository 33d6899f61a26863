"""The Live tab as HTML, before its camera is on."""

from dataclasses import dataclass

from skinapp.i18n.messages import Language
from skinapp.web.render import render


@dataclass(frozen=True)
class Limits:
    """So many viewers at once, each for so many seconds and with so many frames under way."""

    viewers: int
    seconds: int
    lanes: int

    @property
    def minutes(self) -> int:
        """How long a turn is in words."""
        return self.seconds // 60

    def values(self) -> dict[str, int]:
        """What a sentence that names them is filled with."""
        return {"minutes": self.minutes, "most": self.viewers}


def finder(language: Language, source: str, limits: Limits) -> str:
    """The tab: camera and buttons, and the places of the answer that follows it and of the full one. `source` is the folder's
    address."""
    return render("live.finder", language, source, limits)
