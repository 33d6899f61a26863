"""Many answers become a table, its figures and the frame around both, as HTML. Knows no gradio; what isn't ours is escaped."""

import json
from typing import Any

import cv2
import numpy as np

from skinapp.i18n.messages import Language, Message, section, text
from skinapp.imaging import decode, encode
from skinapp.imaging.decode import Photo
from skinapp.labels import CODES, LESIONS, NEAR, SEVERITY, TOGETHER, Priority
from skinapp.metrics.ground_truth import Figures
from skinapp.web.views.escaping import data, foreign, percent

MOST = 500
"""Photos in one table."""
THUMBNAIL = 96
"""Pixels a side, twice what is shown, for dense screens."""
ORDER = (*SEVERITY, Priority.UNCLEAR)
COLUMNS = ("file", "priority", "likeliest", "truth")


def frame(language: Language) -> str:
    """What stands there before any photo, and the places that photos, progress and answers will fill."""
    say = section("many", language)
    limits = {"most": MOST, "megabytes": decode.MAX_BYTES // 2**20}
    codes = "".join(f"<li><code>{lesion.code}</code> {text(f'lesions.{lesion.code}', language)}</li>" for lesion in LESIONS)
    return (
        f'<section class="many" lang="{language}" data-most="{MOST}" data-bytes="{decode.MAX_BYTES}">'
        f'<div class="card drop"><span class="stack" aria-hidden="true"></span><h2>{say["title"]}</h2><p>{say["drop"]}</p>'
        f'<div class="ways"><button type="button" class="main" data-pick="files">{say["files"]}</button>'
        f'<button type="button" data-pick="folder">{say["folder"]}</button></div>'
        f'<input type="file" multiple hidden data-input="files"><input type="file" webkitdirectory hidden data-input="folder">'
        f'<p class="note">{say["limit"].format(**limits)}</p>'
        f"<details><summary>{say['test']}</summary><p>{say['test_how']}</p><ul>{codes}</ul></details></div>"
        f'<p class="card notice" role="alert" hidden></p>{_running(say)}'
        f'<div data-slot="figures"></div>{_answers(say, language)}'
        f'<template data-say="too_many">{say["too_many"].format(**limits)}</template>'
        f'<template data-say="no_files">{say["no_files"]}</template><template data-say="stopped">{say["stopped"]}</template>'
        f'<template data-row="too_large">{failed(say["too_large"].format(**limits), language)}</template>'
        f'<template data-row="not_sent">{failed(say["not_sent"], language)}</template></section>'
    )


def row(file: str, report: dict[str, Any], photo: Photo, language: Language) -> str:
    """One answer: thumbnail, file, priority, likeliest lesion; with the whole report, for whoever saves the table."""
    priority, top = Priority(report["priority"]), report["top"]
    quality = report["quality"]
    keys = [*(f"issues.{issue}" for issue in quality["issues"]), *(f"warnings.{warning}" for warning in _told(quality))]
    notes = "".join(f"<small>{text(key, language)}</small>" for key in keys)
    chance, lesion = top["probability"], text(f"lesions.{top['code']}", language)
    return (
        f'<tr class="{priority}" data-file="{foreign(file)}" data-rank="{ORDER.index(priority)}" data-chance="{chance:.6f}" '
        f'data-top="{top["code"]}" data-report="{foreign(json.dumps(report, ensure_ascii=False))}">'
        f'<td class="thumb"><img alt="" src="{_thumbnail(photo)}"></td>'
        f'<th scope="row" class="file"><span>{foreign(file)}</span>{notes}</th>'
        f'<td class="priority"><span class="icon" aria-hidden="true"></span>{text(f"priorities.{priority}", language)}</td>'
        f'<td class="likeliest">{lesion} <b>{percent(chance)}</b>{_reason(report, language)}</td>'
        '<td class="truth"></td></tr>'
    )


def _reason(report: dict[str, Any], language: Language) -> str:
    """Which lesion passed its limit, and by how much: often another one than the likeliest."""
    reason = report["reason"]
    if reason is None or not report["quality"]["ok"]:
        return ""
    code = "mel" if reason["code"] == NEAR else reason["code"]
    name = Message("many.together" if code == TOGETHER else f"lesions.{code}")
    chance, limit = f"{reason['probability']:.1%}", f"{reason['threshold']:.1%}"
    return f'<small class="reason">{text("many.reason", language, name=name, chance=chance, limit=limit)}</small>'


def _told(quality: dict[str, Any]) -> list[str]:
    """The warnings of a photo that was answered; one that wasn't has enough to hear."""
    return list(quality["warnings"]) if quality["ok"] else []


def failed(reason: str, language: Language, file: str = "") -> str:
    """The row of a file that can't be answered, with the reason."""
    return (
        f'<tr class="unread" data-file="{foreign(file)}" data-rank="{len(ORDER)}" data-chance="0" '
        f'data-report="{foreign(json.dumps({"error": reason}, ensure_ascii=False))}"><td class="thumb"><i></i></td>'
        f'<th scope="row" class="file"><span>{foreign(file)}</span><small>{foreign(reason)}</small></th>'
        f'<td class="priority">{text("many.unread", language)}</td><td class="likeliest"></td><td class="truth"></td></tr>'
    )


def figures(found: Figures, truths: dict[str, str], language: Language) -> str:
    """How right the answers were, and for the table which lesion each photo truly shows."""
    say = section("many", language)
    tiles = "".join(
        f"<div><dt>{name}</dt><dd><b>{_share(interval['value'])}</b><small>{note}</small>"
        f"<small>{say['interval'].format(low=_share(interval['low']), high=_share(interval['high']))}</small></dd></div>"
        for name, note, interval in (
            (say["accuracy"], say["accuracy_note"], found.accuracy),
            (say["balanced"], say["balanced_note"], found.balanced_accuracy),
        )
    )
    return (
        f'<section class="card figures" lang="{language}" data-truths="{foreign(json.dumps(truths))}"><h3>{say["figures"]}</h3>'
        f"<dl>{tiles}<div><dt>{say['labelled']}</dt><dd><b>{found.n}</b></dd></div></dl>"
        f'{_confusion(found.confusion, language)}<p class="note">{say["figures_note"]}</p></section>'
    )


def refused(reason: str, language: Language) -> str:
    """What stands in the figures' place when the labels can't be read."""
    return f'<p class="card notice" role="alert" lang="{language}">{foreign(reason)}</p>'


def _running(say: dict[str, str]) -> str:
    counted = say["done"].format(done='<b data-slot="done">0</b>', all='<b data-slot="all">0</b>')
    return (
        f'<div class="card running" hidden><div role="status">{counted}</div>'
        f'<progress value="0" max="1" aria-label="{say["answers"]}"></progress>'
        f'<button type="button" data-do="stop">{say["stop"]}</button></div>'
    )


def _answers(say: dict[str, str], language: Language) -> str:
    heads = "".join(
        f'<th scope="col" class="{column}" aria-sort="{"ascending" if column == "priority" else "none"}">'
        f'<button type="button" data-sort="{column}" title="{say["sorted"].format(column=say[column])}">'
        f"{say[column]}</button></th>"
        for column in COLUMNS
    )
    counts = "".join(
        f'<li class="{priority}" hidden><span class="icon" aria-hidden="true"></span><b data-count="{place}">0</b> '
        f"{text(f'priorities.{priority}', language)}</li>"
        for place, priority in enumerate(ORDER)
    )
    unread = f'<li class="unread" hidden><b data-count="{len(ORDER)}">0</b> {say["unread"]}</li>'
    return (
        f'<div class="card answers" hidden><div class="bar"><h3>{say["answers"]}</h3><ul class="counts">{counts}{unread}</ul>'
        f'<div class="ways"><button type="button" data-do="csv">{say["csv"]}</button>'
        f'<button type="button" data-do="json">{say["json"]}</button>'
        f'<button type="button" data-do="clear">{say["clear"]}</button></div></div>'
        f'<table><thead><tr><th scope="col" class="thumb"><span>{say["photo"]}</span></th>{heads}</tr></thead>'
        "<tbody></tbody></table>"
        f'<p class="note">{text("disclaimer", language)}</p></div>'
    )


def _confusion(counts: dict[str, dict[str, int]], language: Language) -> str:
    """The lesions that occur, as truth or as answer; a cell is the darker, the larger its share of the row."""
    codes = [code for code in CODES if any(counts[code].values()) or any(given[code] for given in counts.values())]
    head = "".join(f'<th scope="col" title="{text(f"lesions.{code}", language)}">{code}</th>' for code in codes)
    rows = ""
    for true in codes:
        total = sum(counts[true].values())
        cells = "".join(
            f'<td class="{"right" if named == true else "wrong"}" style="--share: {counts[true][named] / max(1, total):.3f}">'
            f"{counts[true][named]}</td>"
            for named in codes
        )
        rows += f'<tr><th scope="row" title="{text(f"lesions.{true}", language)}">{true}</th>{cells}<td>{total}</td></tr>'
    return (
        f'<div class="wide"><table class="confusion"><caption>{text("many.confusion", language)}</caption>'
        f'<thead><tr><td></td>{head}<th scope="col">{text("many.sum", language)}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _thumbnail(photo: Photo) -> str:
    """The middle of a photo as a small square, in the page itself; nothing of the file but its pixels."""
    side = min(photo.shape[:2])
    top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
    square = photo[top : top + side, left : left + side]
    small = cv2.resize(np.ascontiguousarray(square), (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return data("jpeg", encode.jpeg(np.asarray(small, np.uint8)))


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
