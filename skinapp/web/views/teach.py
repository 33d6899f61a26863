"""The three steps of teaching as HTML: what was brought, how far the work is, what came of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from skinapp.assessment.classifier import Classification
from skinapp.i18n.messages import Language, text
from skinapp.imaging import encode
from skinapp.imaging.decode import Photo
from skinapp.teach import pipeline, quotas
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.linear_head import TrainedHead
from skinapp.teach.networks import Kind
from skinapp.teach.pipeline import Chosen, Mistake, TrainingResult
from skinapp.teach.progress import Progress
from skinapp.web.render import data_uri, render

STRIP, THUMBNAIL = 6, 64
"""Pictures of a class that are shown, and their side in pixels."""
SHARE = 0.2
"""What is kept back unless the visitor says otherwise."""
MISTAKE_SIDE = 192
"""Pixels a side of a mistake's picture and map."""
MAX_LISTED = 12
"""Refused files that are listed."""
LEAST_LEFT_S = 2
EDITED = 120
"""Pictures of a class that are shown to be taken away."""
BARS = 12
"""Classes that a live trial shows."""


@dataclass(frozen=True)
class Limits:
    """How much one visitor may teach at once, in units that people read."""

    bytes: int = quotas.ZIP_BYTES
    megabytes: int = quotas.ZIP_BYTES // 2**20
    pictures: int = quotas.PICTURES
    classes: int = quotas.CLASSES
    megapixels: int = quotas.PIXELS // 10**6
    minutes: int = quotas.SECONDS // 60


@dataclass(frozen=True)
class Status:
    """How far the work is at one moment; `stage` is empty before it begins, and `left_s` None where it can't be told or is
    next to nothing."""

    stage: str
    done: int
    all: int
    left_s: float | None


@dataclass(frozen=True)
class Class:
    """A class with its pictures to learn from and to test with, and some of them in a row as one picture."""

    label: str
    learned: int
    tests: int
    strip: str


@dataclass(frozen=True)
class Editor:
    """A class whose pictures are shown to be changed: each picture's place and address, and how many more there are."""

    label: str
    pictures: Sequence[tuple[int, str]]
    more: int


@dataclass(frozen=True)
class Dataset:
    """The classes, the first files that are not used with the reasons and how many more there are, and what is kept back.

    `number` is new each time: Gradio keeps what the browser shows, a pressed button too, where nothing changed. `tests` are the
    pictures of the visitor's own test folder, without which `share` can be chosen.
    """

    number: int
    pictures: int
    classes: Sequence[Class]
    refusals: Sequence[tuple[str, str]]
    more: int
    tests: int
    share: float
    editor: Editor | None
    least_percent: int = round(100 * quotas.SHARES[0])
    most_percent: int = round(100 * quotas.SHARES[1])


@dataclass(frozen=True)
class Advice:
    """The class that more pictures would help most, and how much of it was found with half of the pictures and with all."""

    label: str
    half: float
    whole: float
    has_grown: bool


@dataclass(frozen=True)
class WrongAnswer:
    """A picture that was kept back and named wrongly, and where that was seen; both as addresses."""

    file: str
    truth: str
    named: str
    chance: float
    picture: str
    overlay: str

    @classmethod
    def of(cls, mistake: Mistake) -> Self:
        named = mistake.predicted
        return cls(
            file=mistake.name,
            truth=mistake.truth,
            named=named.top,
            chance=float(named.chances.max()),
            picture=_picture(mistake.view),
            overlay=_picture(named.overlay(mistake.view)),
        )


@dataclass(frozen=True)
class Bars:
    """The classes with their chances, the likeliest, and whether it is none of them."""

    rows: Sequence[tuple[str, float]]
    top: str
    is_none: bool


@dataclass(frozen=True)
class Basis:
    """What the model was learned on, why in a sentence, and what could be instead."""

    why: str
    kind: str
    kinds: Sequence[str]


@dataclass(frozen=True)
class Result:
    """How good a model is that was taught: `figures` as measured, `confusion` by what pictures were; and the learning curve by
    `shares` of the pictures, each class's `recalls` (None where it had none) and their `means`."""

    labels: Sequence[str]
    figures: Mapping[str, Any]
    learned: int
    dropped: int
    most_helped: Advice | None
    confusion: Sequence[Sequence[int]]
    shares: Sequence[float]
    recalls: Sequence[Sequence[float | None]]
    means: Sequence[float | None]
    mistakes: Sequence[WrongAnswer]
    link: str
    basis: Basis
    flaws: Sequence[str]
    own_as_none: float


def first_step(language: Language) -> str:
    """Step 1 before there are pictures: what to do, and the ways to do it."""
    return render("teach.first_step", language, Limits())


def working(progress: Progress, language: Language) -> str:
    """How far the work is, with a button to stop it."""
    every, left_s = progress.total, progress.left_s
    left_s = None if left_s is None or left_s < LEAST_LEFT_S else round(left_s)
    return render("teach.working", language, Status(progress.stage, min(progress.done, every), every, left_s))


def notice(reason: str, language: Language) -> str:
    """What went wrong, or that it was stopped, and that nothing else is lost."""
    return render("teach.notice", language, reason)


def dataset_summary(collection: Collection, language: Language, share: float = SHARE, shown: str = "") -> str:
    """Step 1 done: the classes with counts and pictures and what was refused, of one that is `shown` all pictures, to be changed;
    and step 2, the button."""
    listed = collection.refused[:MAX_LISTED]
    view = Dataset(
        number=time.monotonic_ns(),
        pictures=len(collection.names),
        classes=[
            Class(label, count - tests, tests, _strip(collection, target))
            for target, (label, count, tests) in enumerate(collection.counts())
        ],
        refusals=[(refusal.name, refusal.message.to(language)) for refusal in listed],
        more=len(collection.refused) + collection.refused_more - len(listed),
        tests=int(collection.is_test.sum()),
        share=share,
        editor=_editor(collection, shown) if shown in collection.labels else None,
    )
    return render("teach.dataset_summary", language, view)


def training_result(result: TrainingResult, collection: Collection, link: str, language: Language) -> str:
    """Step 2 done: figures, confusion, mistakes, curve; and of step 3 the download and how to run it."""
    trained, split = result.trained, result.split
    view = Result(
        labels=collection.labels,
        figures=trained.figures,
        learned=len(split.train),
        dropped=split.dropped,
        most_helped=_advice(collection.labels, trained),
        confusion=trained.confusion.tolist(),
        shares=[step.share for step in trained.curve],
        recalls=[[_known(step.recalls[target]) for step in trained.curve] for target in range(len(collection.labels))],
        means=[_known(step.balanced) for step in trained.curve],
        mistakes=[WrongAnswer.of(mistake) for mistake in result.mistakes],
        link=link,
        basis=_basis(result.chosen, language),
        flaws=[flaw.message.to(language) for flaw in result.flaws],
        own_as_none=result.own_as_none,
    )
    return render("teach.training_result", language, view)


def _basis(chosen: Chosen, language: Language) -> Basis:
    """What was learned on and why, in one sentence."""
    name = text(f"teach.on_{chosen.kind}", language)
    singles = sorted((kind for kind in chosen.balanced if kind not in (Kind.BOTH, chosen.kind)), key=chosen.balanced.__getitem__)
    if not singles:
        return Basis(
            text("teach.on_asked" if chosen.is_asked else "teach.on_only", language, name=name), chosen.kind, chosen.kinds
        )
    better, other = (f"{chosen.balanced[kind]:.0%}" for kind in (chosen.kind, singles[-1]))
    why = text(
        "teach.on_best", language, name=name, better=better, other=other, other_name=text(f"teach.on_{singles[-1]}", language)
    )
    return Basis(why, chosen.kind, chosen.kinds)


def live_trial(language: Language) -> str:
    """Where a camera tries the model: the picture, and the ways to start and stop it."""
    return render("teach.live_trial", language)


def bars(named: Classification, language: Language) -> str:
    """What a model sees in a frame, as bars in the order of its classes, so that they move and don't jump."""
    rows = list(zip(named.labels, named.chances.tolist(), strict=True))[:BARS]
    return render("teach.bars", language, Bars(rows, named.top, named.is_none))


def _editor(collection: Collection, label: str) -> Editor:
    members = collection.class_members(label)
    chosen = members[:EDITED]
    small = [encode.thumbnail(np.asarray(collection.views[index]), THUMBNAIL) for index in chosen]
    addresses = [data_uri("jpeg", encode.jpeg(picture)) for picture in small]
    return Editor(label, list(zip(chosen.tolist(), addresses, strict=True)), len(members) - len(chosen))


def _strip(collection: Collection, target: int) -> str:
    """Some pictures of a class side by side, from its first to its last."""
    indices = np.flatnonzero(collection.targets == target)
    chosen = indices[np.linspace(0, len(indices) - 1, min(STRIP, len(indices))).astype(int)]
    small = [encode.thumbnail(collection.views[index], THUMBNAIL) for index in chosen]
    return data_uri("jpeg", encode.jpeg(np.concatenate(small, axis=1)))


def _advice(labels: Sequence[str], trained: TrainedHead) -> Advice | None:
    helped = pipeline.most_helped(trained)
    if helped is None:
        return None
    target, gain = helped
    whole = float(trained.curve[-1].recalls[target])
    return Advice(labels[target], whole - gain, whole, gain > 0)


def _known(recall: float) -> float | None:
    """A recall, where there was something to find."""
    return None if np.isnan(recall) else float(recall)


def _picture(view: Photo) -> str:
    return data_uri("jpeg", encode.jpeg(encode.thumbnail(view, MISTAKE_SIDE)))
