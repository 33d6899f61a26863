"""Two photos of one lesion, compared, as the HTML that a visitor reads. Knows no gradio."""

import numpy as np

from skinapp.assessment.assessor import Assessment
from skinapp.followup.align import Points
from skinapp.followup.compare import RATIOS, SIZES, Change, Comparison
from skinapp.i18n.messages import Language, section
from skinapp.imaging import encode
from skinapp.imaging.decode import Photo
from skinapp.web.views import answer, escaping, page

WIDEST_RATIO, WIDEST_DIFFERENCE = 2.0, 0.4
"""Where the drawing of an interval ends."""


def empty(language: Language) -> str:
    """What stands there before there are two photos: what they are for, and how to take them."""
    say = _say(language)
    tips = "".join(f"<li>{say[key]}</li>" for key in ("tip_same", "tip_skin", "tip_light"))
    return (
        f'<section class="card compared-none" lang="{language}"><h2>{say["title"]}</h2><p>{say["how"]}</p>'
        f'<ul class="tips">{tips}</ul><p class="sentence">{say["sentence"]}</p></section>'
    )


def other(language: Language) -> str:
    """What stands there while the other photo is missing."""
    return f'<section class="card compared-none" lang="{language}" role="status"><h2>{_say(language)["other"]}</h2></section>'


def busy(language: Language) -> str:
    """What stands there while two photos are looked at."""
    return (
        f'<section class="card busy" lang="{language}" role="status"><span class="spinner" aria-hidden="true"></span>'
        f"<p>{_say(language)['busy']}</p></section>"
    )


def failed(reasons: list[str | None], language: Language) -> str:
    """What stands there when a photo can't be read, for each that can't."""
    say = _say(language)
    named = zip((say["earlier"], say["later"]), reasons, strict=True)
    return "".join(page.failed(f"{name}: {reason}", language) for name, reason in named if reason)


def compared(assessments: tuple[Assessment, Assessment], comparison: Comparison | None, language: Language) -> str:
    """Both photos laid on each other, what was measured, and each one's own answer. Without a comparison, why there is none."""
    say = _say(language)
    if comparison is None:
        measured = f'<p class="card notice">{say["unclear"]}</p>'
    else:
        measured = f'<div class="then-now">{_pictures(comparison, say)}{_measured(comparison, say)}</div>'
    answers = "".join(
        f"<div><h3>{say[which]}</h3>{answer.answer(assessment, language)}</div>"
        for which, assessment in zip(("earlier", "later"), assessments, strict=True)
    )
    return (
        f'<section class="compared" lang="{language}"><p class="card sentence">{say["sentence"]}</p>{measured}'
        f'<div class="each">{answers}</div></section>'
    )


def _pictures(comparison: Comparison, say: dict[str, str]) -> str:
    """The photos on each other, with a slider between them; side by side where they couldn't be aligned."""
    alignment = comparison.alignment
    earlier, later = (
        _picture(photo, edge, which, say)
        for photo, edge, which in zip(
            (comparison.earlier, comparison.later), comparison.outlines, ("earlier", "later"), strict=True
        )
    )
    if alignment is None:
        return (
            f'<figure class="card pictures apart"><h3>{say["side_by_side"]}</h3><div class="pair">{earlier}{later}</div>'
            f'<label class="outlining"><input type="checkbox" class="outlined" checked><span>{say["outlines"]}</span></label>'
            f"<figcaption>{_unaligned(comparison, say)}</figcaption></figure>"
        )
    turned = say["turned"].format(degrees=f"{alignment.degrees:.0f}", scale=f"{alignment.scale * 100:.0f}")
    return (
        f'<figure class="card pictures"><h3>{say["aligned"]}</h3><div class="stack">{earlier}{later}</div>'
        f'<label class="wiping"><span>{say["earlier"]}</span><input type="range" class="wipe" min="0" max="100" value="50" '
        f'aria-label="{say["wipe"]}"><span>{say["later"]}</span></label>'
        f'<div class="ways"><button type="button" data-blink aria-pressed="false">{say["blink"]}</button>'
        f'<label class="outlining"><input type="checkbox" class="outlined" checked><span>{say["outlines"]}</span></label></div>'
        f"<figcaption>{turned} {say['by_skin' if alignment.by_skin else 'by_lesion']}</figcaption></figure>"
    )


def _unaligned(comparison: Comparison, say: dict[str, str]) -> str:
    missing = [say[which] for which, edge in zip(("earlier", "later"), comparison.outlines, strict=True) if not len(edge)]
    return " ".join(say["no_lesion"].format(which=which) for which in missing) or say["not_aligned"]


def _picture(photo: Photo, edge: Points, which: str, say: dict[str, str]) -> str:
    height, width = photo.shape[:2]
    corners = " ".join(f"{place.real:.1f},{place.imag:.1f}" for place in edge)
    return (
        f'<div class="shot {which}"><img alt="{say[which]}" src="{escaping.data("jpeg", encode.jpeg(photo))}">'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true"><polygon points="{corners}"/></svg>'
        f"<span>{say[which]}</span></div>"
    )


def _measured(comparison: Comparison, say: dict[str, str]) -> str:
    if not comparison.changes:
        return ""
    rows = "".join(_row(change, say) for change in comparison.changes)
    heads = "".join(f'<th scope="col">{say[key]}</th>' for key in ("figure", "then", "now", "change"))
    return (
        f'<div class="card measured"><h3>{say["measured"]}</h3><table><thead><tr>{heads}</tr></thead>'
        f'<tbody>{rows}</tbody></table><p class="note">{say["measured_note"]}</p></div>'
    )


def _row(change: Change, say: dict[str, str]) -> str:
    name, is_ratio = change.figure, change.figure in RATIOS
    interval = say["interval"].format(low=_number(change.low, is_ratio), high=_number(change.high, is_ratio))
    left, right = (_place(value, is_ratio) for value in (change.low, change.high))
    drawn = (
        f'<span class="interval" aria-hidden="true"><i style="left: {left:.1%}; width: {max(0.01, right - left):.1%}"></i></span>'
    )
    return (
        f'<tr data-figure="{name}"><th scope="row">{say[name]}</th><td>{_value(name, change.earlier)}</td>'
        f"<td>{_value(name, change.later)}</td><td><b>{_told(change.change, is_ratio, say)}</b>"
        f"<small>{interval}</small>{drawn}</td></tr>"
    )


def _value(name: str, value: float) -> str:
    if name in SIZES or name == "asymmetry":
        return f"{value:.0%}"
    return f"{value:.2f}" if name == "irregularity" else f"{value:.0f}"


def _told(value: float, is_ratio: bool, say: dict[str, str]) -> str:
    number = _number(value, is_ratio)
    return f"× {number}" if is_ratio else say["points"].format(value=number)


def _number(value: float, is_ratio: bool) -> str:
    return f"{value:.2f}" if is_ratio else f"{value * 100:+.1f}".replace("-", "−")


def _place(value: float, is_ratio: bool) -> float:
    """Where a change lies in the drawing, from 0 to 1; 0.5 is no difference."""
    share = np.log(max(1e-6, value)) / np.log(WIDEST_RATIO) if is_ratio else value / WIDEST_DIFFERENCE
    return float(np.clip(0.5 + share / 2, 0, 1))


def _say(language: Language) -> dict[str, str]:
    return section("follow", language)
