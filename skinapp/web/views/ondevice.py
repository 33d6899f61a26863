"""The On-device tab as HTML: the frame in the program's page, and the page in that frame."""

from html import escape

from skinapp.assessment.loaded_model import ModelInfo
from skinapp.i18n.messages import Language, section, text
from skinapp.web.views import escaping, page


def missing(language: Language) -> str:
    """What stands in the tab where it can't run: why, and what to do."""
    return (
        f'<section class="card failed" lang="{language}"><h2>{text("ondevice.missing", language)}</h2>'
        f"<p>{text('ondevice.missing_why', language)}</p><p>{text('ondevice.missing_cure', language)}</p></section>"
    )


def frame(address: str, language: Language) -> str:
    """The tab's page inside the program's page; it is given its address when it is first seen, because it brings 10 MB along."""
    title = text("ondevice.title", language)
    source = escape(f"{address}?lang={language}")
    return (
        f'<iframe class="ondevice-frame" title="{title}" data-src="{source}" '
        f'allow="camera; cross-origin-isolated; clipboard-read; clipboard-write"></iframe>'
    )


def tab(language: Language) -> str:
    """The tab itself: a box that takes photos, and places for the answer and the evidence."""
    say = section("ondevice", language)
    return (
        f'<div class="ondevice" lang="{language}"><div class="give"><div class="card drop">'
        f'<div class="prompt"><span class="camera-icon" aria-hidden="true"></span>'
        f"<h2>{say['drop']}</h2><p>{say['drop_how']}</p></div>"
        f'<div class="loading" role="status"><progress></progress><p class="loading-text"></p></div>'
        f'<img class="preview" alt="{say["preview"]}">'
        f'<div class="live"><div class="frame"><video muted playsinline></video><canvas class="map"></canvas></div></div>'
        f'<input type="file" accept="image/*" hidden><div class="buttons">'
        f'<button type="button" class="choose">{say["choose"]}</button>'
        f'<button type="button" class="camera">{say["camera"]}</button>'
        f'<button type="button" class="take">{say["take"]}</button>'
        f'<button type="button" class="stop">{say["stop"]}</button></div></div>'
        f'<p class="private" hidden>{say["private"]}</p><p class="not-private" hidden>{say["not_private"]}</p>'
        f'<p class="no-camera" hidden>{say["no_camera"]}</p><p class="engine"></p>{page.tips(language)}</div>'
        f'<div class="told" aria-live="polite"></div><div class="shown"></div></div>'
    )


def footer(model: ModelInfo, language: Language) -> str:
    return (
        f'<footer class="foot" lang="{language}"><p class="disclaimer">{text("disclaimer", language)}</p>'
        f"<p>{text('page.model', language)}: {escaping.named(model)} · {escape(model.precision)}</p></footer>"
    )
