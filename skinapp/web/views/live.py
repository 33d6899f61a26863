"""The Live tab as HTML, before its camera is on."""

from dataclasses import dataclass

from skinapp.i18n.messages import Language, section


@dataclass(frozen=True)
class Limits:
    """So many viewers at once, each for so many seconds and with so many frames under way."""

    viewers: int
    seconds: int
    lanes: int

    def values(self) -> dict[str, int]:
        """What a sentence that names them is filled with."""
        return {"minutes": self.seconds // 60, "most": self.viewers}


def finder(language: Language, source: str, limits: Limits) -> str:
    """The tab: camera and buttons, and the places of the answer that follows it and of the full one. `source` is the folder's
    address."""
    say = section("live", language)
    return (
        f'<section class="watch" lang="{language}" data-state="loading" data-source="{source}">'
        f'<div class="look"><div class="card finder">{_sight(say)}{_controls(say)}</div>'
        f'<p class="card notice" role="alert" hidden></p><p class="private">{say["private"].format(**limits.values())}</p></div>'
        f'<div class="beside"><div class="told" aria-live="polite"></div><div class="card nothing">'
        f"<h2>{say['empty']}</h2><p>{say['empty_how']}</p></div></div>"
        f'<div class="captured" hidden><h3>{say["captured_at"]} <time></time></h3>'
        f'<div class="seen-then"></div><div class="full"></div></div></section>'
    )


def _sight(say: dict[str, str]) -> str:
    return (
        f'<div class="sight"><video muted playsinline aria-label="{say["sight"]}"></video><canvas class="heat"></canvas>'
        '<svg class="guide" viewBox="0 0 100 100" aria-hidden="true"><circle class="ring" cx="50" cy="50" r="31"/>'
        '<circle class="held" cx="50" cy="50" r="31" pathLength="1"/></svg>'
        f'<div class="prompt"><span class="camera-icon" aria-hidden="true"></span><h2>{say["title"]}</h2>'
        f"<p>{say['how']}</p></div>"
        f'<p class="hint" role="status"></p><p class="figures"><span class="pace"></span><span class="left"></span></p></div>'
    )


def _controls(say: dict[str, str]) -> str:
    return (
        '<div class="controls">'
        f'<button type="button" class="main" data-do="start">{say["start"]}</button>'
        f'<button type="button" class="main" data-do="capture">{say["capture"]}</button>'
        f'<button type="button" data-do="stop">{say["stop"]}</button>'
        f'<label class="zooming"><span>{say["zoom"]}</span><input class="zoom" type="range" min="1" max="4" step="0.1" value="1">'
        f'</label><label class="mapping"><input class="map" type="checkbox" checked><span>{say["map"]}</span></label></div>'
    )
