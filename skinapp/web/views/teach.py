"""The three steps of teaching as HTML: what was given, how far it is, what came of it. Knows no gradio; escapes the foreign."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from skinapp.i18n.messages import Language, section, text
from skinapp.imaging import encode
from skinapp.imaging.decode import Photo
from skinapp.teach import pipeline, quotas
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.pipeline import Mistake, TrainingResult
from skinapp.teach.progress import Progress
from skinapp.web.views.escaping import data, foreign, percent

STRIP, THUMB = 6, 64
"""Pictures of a class that are shown, and their side in pixels."""
SHARE = 0.2
"""What is kept back unless the visitor says otherwise."""
MISTAKE = 192
"""Side of a mistake's picture and map."""
SHOWN = 12
"""Refused files that are listed."""
LEAST_LEFT_S = 2
FIT = "python -m train fit --images DIR --labels CSV --out runs/mine"


def frame(language: Language) -> str:
    """Step 1 before anything is given: what to do, and the ways to do it."""
    say = section("teach", language)
    most = {
        "megabytes": quotas.ZIP_BYTES // 2**20,
        "pictures": quotas.PICTURES,
        "classes": quotas.CLASSES,
        "megapixels": quotas.PIXELS // 10**6,
        "minutes": quotas.SECONDS // 60,
    }
    steps = "".join(f"<li><b>{say[f'step{number}']}</b><span>{say[f'step{number}_what']}</span></li>" for number in (1, 2, 3))
    return (
        f'<section class="teach" lang="{language}" data-bytes="{quotas.ZIP_BYTES}"><div class="head"><h2>{say["title"]}</h2>'
        f"<p>{say['lead']}</p></div>"
        f'<ol class="steps">{steps}</ol>'
        f'<div class="card drop"><span class="folders" aria-hidden="true"><i></i><i></i><i></i></span><h3>{say["drop"]}</h3>'
        f"<p>{say['drop_how']}</p>"
        f'<div class="ways"><button type="button" class="main" data-pick="zip">{say["zip"]}</button>'
        f'<button type="button" data-pick="folder">{say["folder"]}</button>'
        f'<button type="button" data-do="sample">{say["sample"]}</button></div>'
        '<input type="file" accept=".zip,application/zip" hidden data-input="zip">'
        '<input type="file" webkitdirectory hidden data-input="folder">'
        f'<p class="note">{say["limit"].format(**most)} {say["kept"]}</p></div>'
        f'<p class="card notice" role="status" hidden></p>'
        f'<template data-say="sending">{say["sending"]}</template>'
        f'<template data-say="too_heavy">{say["too_heavy"].format(**most)}</template>'
        f'<template data-say="not_sent">{say["not_sent"]}</template></section>'
    )


def working(progress: Progress, language: Language) -> str:
    """How far the work is, with a button to stop it."""
    done, every, left = progress.done, progress.all, progress.left_s
    stage = section("stages", language).get(progress.stage) or text("teach.starting", language)
    rest = text("teach.left", language, seconds=round(left)) if left is not None and left >= LEAST_LEFT_S else ""
    return (
        f'<section class="teach" lang="{language}"><div class="card running"><div role="status"><b>{stage}</b> '
        f"<span>{min(done, every)} / {every}{rest and ' · '}{rest}</span></div>"
        f'<progress value="{min(done, every)}" max="{every}" aria-label="{stage}"></progress>'
        f'<button type="button" data-do="stop">{text("teach.stop", language)}</button></div></section>'
    )


def told(reason: str, language: Language) -> str:
    """What went wrong, or that it was stopped, and that nothing else is lost."""
    return f'<section class="teach" lang="{language}"><p class="card notice" role="alert">{foreign(reason)}</p></section>'


def given(collection: Collection, language: Language, share: float = SHARE) -> str:
    """Step 1 done: the classes with counts and pictures and what was refused; and step 2, the button."""
    say = section("teach", language)
    rows = "".join(_class(collection, target, language) for target in range(len(collection.labels)))
    count = say["found"].format(pictures=len(collection.names), classes=len(collection.labels))
    return (
        # A number that is new each time: Gradio keeps what the browser shows, a pressed button too, where nothing changed.
        f'<section class="teach" lang="{language}" data-said="{time.monotonic_ns()}"><div class="card given">'
        f'<div class="bar"><h3>{count}</h3>'
        f'<button type="button" data-do="forget">{say["forget"]}</button></div><ul class="classes">{rows}</ul>'
        f"{_refused(collection, language)}</div>"
        f'<div class="card train"><h3>{say["step2"]}</h3>{_share(collection, share, language)}'
        f'<button type="button" class="main" data-do="train" data-wait="{say["waiting"]}">{say["train"]}</button></div></section>'
    )


def taught(result: TrainingResult, collection: Collection, link: str, language: Language) -> str:
    """Step 2 done: figures, confusion, mistakes, curve; and of step 3 the download and how to run it."""
    parts = (
        _tiles(result, language),
        _helped(result, language),
        _confusion(collection.labels, result, language),
        _curve(collection.labels, result, language),
        _mistakes(result.mistakes, language),
        _download(link, language),
    )
    return f'<section class="teach" lang="{language}"><div class="taught">{"".join(parts)}</div></section>'


def _class(collection: Collection, target: int, language: Language) -> str:
    label, count, tests = collection.counts()[target]
    places = np.flatnonzero(collection.targets == target)
    some = places[np.linspace(0, len(places) - 1, min(STRIP, len(places))).astype(int)]
    strip = np.concatenate([_small(collection.views[place], THUMB) for place in some], axis=1)
    learned = count - tests
    counted = (
        text("teach.pictures_test", language, count=learned, tests=tests)
        if tests
        else text("teach.pictures", language, count=learned)
    )
    return (
        f'<li><span class="name"><b>{foreign(label)}</b><small>{counted}</small></span>'
        f'<img alt="" src="{data("jpeg", encode.jpeg(strip))}"></li>'
    )


def _refused(collection: Collection, language: Language) -> str:
    every = len(collection.refused) + collection.refused_more
    if not every:
        return ""
    rows = "".join(
        f"<li><code>{foreign(one.name)}</code> {foreign(one.message.to(language))}</li>" for one in collection.refused[:SHOWN]
    )
    more = f"<li>{text('teach.refused_more', language, count=every - SHOWN)}</li>" if every > SHOWN else ""
    summary = text("teach.refused", language, count=every)
    return f'<details class="refused"><summary>{summary}</summary><ul>{rows}{more}</ul></details>'


def _share(collection: Collection, share: float, language: Language) -> str:
    if collection.is_test.any():
        return f'<p class="share">{text("teach.share_given", language, count=int(collection.is_test.sum()))}</p>'
    least, most = (round(100 * share) for share in quotas.SHARES)
    return (
        f'<label class="share"><span>{text("teach.share", language)} <output>{share:.0%}</output></span>'
        f'<input type="range" name="share" min="{least}" max="{most}" step="5" value="{share * 100:.0f}"></label>'
        f'<p class="note">{text("teach.share_what", language)}</p>'
    )


def _tiles(result: TrainingResult, language: Language) -> str:
    figures = result.lesson.figures
    tiles = "".join(
        f"<li><b>{_shown(found['value'])}</b><span>{text(f'teach.{key}', language)}</span>"
        f"<small>{text('teach.interval', language, low=_shown(found['low']), high=_shown(found['high']))}</small></li>"
        for key, found in figures.items()
        if key in ("accuracy", "balanced_accuracy")
    )
    learned = f"<li><b>{len(result.split.train)}</b><span>{text('teach.learned', language)}</span></li>"
    dropped = text("teach.dropped", language, count=result.split.dropped) if result.split.dropped else ""
    note = text("teach.measured", language, count=figures["n"], commonest=_shown(figures["commonest"]))
    return (
        f'<div class="card"><h3>{text("teach.how_good", language)}</h3><ul class="tiles">{tiles}{learned}</ul>'
        f'<p class="note">{note} {dropped}</p></div>'
    )


def _helped(result: TrainingResult, language: Language) -> str:
    """Which class more pictures would help most."""
    found = pipeline.most_helped(result.lesson)
    if found is None:
        return f'<p class="card advice">{text("teach.helped_none", language)}</p>'
    target, gain = found
    label, whole = foreign(result.classifier.spec.labels[target]), result.lesson.curve[-1].recalls[target]
    key = "helped" if gain > 0 else "helped_rarest"
    half = _shown(whole - gain)
    return f'<p class="card advice">{text(f"teach.{key}", language, label=f"<b>{label}</b>", half=half, whole=_shown(whole))}</p>'


def _confusion(labels: Sequence[str], result: TrainingResult, language: Language) -> str:
    counts = result.lesson.confusion
    head = "".join(f'<th scope="col"><span>{foreign(label)}</span></th>' for label in labels)
    rows = "".join(
        f'<tr><th scope="row">{foreign(label)}</th>'
        + "".join(_cell(int(count), int(row.sum()), target == place) for place, count in enumerate(row))
        + "</tr>"
        for target, (label, row) in enumerate(zip(labels, counts, strict=True))
    )
    title = text("teach.confusion", language)
    return (
        f'<div class="card"><h3>{title}</h3><div class="wide" role="region" tabindex="0" aria-label="{title}">'
        f'<table class="confusion"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f'<p class="note">{text("teach.confusion_note", language)}</p></div>'
    )


def _cell(count: int, every: int, is_right: bool) -> str:
    return f'<td class="{"right" if is_right else "wrong"}" style="--share: {count / max(1, every):.3f}">{count}</td>'


def _curve(labels: Sequence[str], result: TrainingResult, language: Language) -> str:
    """The learning curve: a row a class, a bar for each share of the pictures."""
    steps = result.lesson.curve
    rows = "".join(
        _points(foreign(label), [float(step.recalls[target]) for step in steps]) for target, label in enumerate(labels)
    )
    head = "".join(f'<th scope="col">{step.share:.0%}</th>' for step in steps)
    mean = _points(text("teach.all_classes", language), [step.balanced for step in steps])
    title = text("teach.curve", language)
    return (
        f'<div class="card"><h3>{title}</h3><div class="wide" role="region" tabindex="0" aria-label="{title}">'
        f'<table class="curve"><thead><tr><td>{text("teach.curve_share", language)}</td>{head}</tr></thead>'
        f'<tbody>{rows}</tbody><tfoot>{mean}</tfoot></table></div><p class="note">{text("teach.curve_note", language)}</p></div>'
    )


def _points(name: str, recalls: Iterable[float]) -> str:
    cells = "".join(
        f'<td><span class="point"><i style="width: {0 if np.isnan(recall) else recall:.1%}"></i></span>{_shown(recall)}</td>'
        for recall in recalls
    )
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _mistakes(mistakes: Sequence[Mistake], language: Language) -> str:
    title = text("teach.mistakes", language)
    if not mistakes:
        return f'<div class="card"><h3>{title}</h3><p>{text("teach.mistakes_none", language)}</p></div>'
    figures = "".join(_mistake(one, language) for one in mistakes)
    note = text("teach.mistakes_note", language)
    return f'<div class="card"><h3>{title}</h3><p class="note">{note}</p><div class="mistakes">{figures}</div></div>'


def _mistake(one: Mistake, language: Language) -> str:
    named, chance = foreign(one.named.top), percent(float(one.named.chances.max()))
    picture, overlay = (data("jpeg", encode.jpeg(_small(view, MISTAKE))) for view in (one.view, one.named.overlay(one.view)))
    mistake = text("teach.mistake", language, truth=foreign(one.truth), named=f"<b>{named}</b>", chance=chance)
    return (
        f'<figure title="{foreign(one.name)}"><div><img alt="" src="{picture}">'
        f'<img alt="{text("teach.map_of", language, named=named)}" src="{overlay}"></div>'
        f"<figcaption>{mistake}</figcaption></figure>"
    )


def _download(link: str, language: Language) -> str:
    say = section("teach", language)
    commands = "\n".join(
        (
            "unzip my-model.zip",
            "python app.py --model my-model",
            "python -m skinapp PHOTO --model my-model --json",
            "hf upload OWNER/NAME my-model",
        )
    )
    return (
        f'<div class="card own-model"><h3>{say["step3"]}</h3><p>{say["download_what"]}</p>'
        f'<div class="ways"><a class="button main" href="{link}" download="my-model.zip">{say["download"]}</a></div>'
        f'<details><summary>{say["run"]}</summary><pre tabindex="0">{commands}</pre><p>{say["more"]}</p>'
        f'<pre tabindex="0">{FIT}</pre></details>'
        f'<p class="note">{say["try"]}</p></div>'
    )


def _small(view: Photo, side: int) -> Photo:
    return np.asarray(cv2.resize(np.ascontiguousarray(view), (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _shown(value: Any) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.0%}"
