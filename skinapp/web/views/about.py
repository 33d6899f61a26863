"""What this is for and not for, how good it is as measured, what happens to a photo, and how to call it, as HTML."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import Language, section, text
from skinapp.labels import SEVERITY, Priority, View
from skinapp.metrics import metrics_json
from skinapp.metrics.metrics_json import Counts, Figure, Measured
from skinapp.web.render import data_uri, render
from skinapp.web.views.page import KEPT_MINUTES

PLOT_BYTES = 2**20
TILES = ("melanoma.called_urgent", "balanced_accuracy")
DECIMAL = ("melanoma.auc", "malignant_auc", "sets.size")
"""Figures that are no shares of photos."""
ANSWERS = (*SEVERITY, Priority.UNCLEAR)


@dataclass(frozen=True)
class Cell:
    """A cell of a table, with what stands small beside it."""

    text: str
    small: str | None = None


@dataclass(frozen=True)
class Table:
    """A table whose rows begin with what they are about."""

    kind: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Tile:
    """A figure to be seen at once."""

    value: str
    label: str
    interval: str


@dataclass(frozen=True)
class Quality:
    """What was measured, and on what; what wasn't is None or empty. `plots` are captions with addresses."""

    note: str
    tiles: Sequence[Tile]
    figures: Table
    priorities: Table | None
    unknown: Table | None
    confusion: Counts
    plots: Sequence[tuple[str, str]]
    faults: Table | None


@dataclass(frozen=True)
class About:
    """The whole tab; `unmeasured` says why there is no `quality`, and `trained_on` how many photos of which sets there were."""

    limits: Sequence[str]
    quality: Quality | None
    unmeasured: str
    address: str
    facts: Sequence[tuple[str, str]]
    trained_on: Mapping[str, int]
    kept_minutes: int = KEPT_MINUTES


def about(assessor: Assessor, folder: Path, language: Language, address: str) -> str:
    """The whole tab; `address` is where the visitor's browser found the page."""
    known, model = metrics_json.read(folder), assessor.model
    found = known.get(model.precision)
    unmeasured = text("about.unmeasured_file", language, file=model.file) if known else text("about.unmeasured", language)
    trained_on = assessor.spec.provenance.get("trained_on")
    view = About(
        limits=list(_limits(assessor, found, language)),
        quality=None if found is None else _quality(found, model.precision, folder, language),
        unmeasured=unmeasured,
        address=address,
        facts=[
            (text("about.architecture", language), assessor.spec.architecture),
            (text("report.id", language), model.id),
            (text("report.revision", language), model.revision),
            (text("report.file", language), f"{model.file} ({model.precision})"),
            (text("report.provider", language), model.processor),
        ],
        trained_on=trained_on if isinstance(trained_on, dict) else {},
    )
    return render("about.about", language, view)


def _limits(assessor: Assessor, found: Measured | None, language: Language) -> Iterator[str]:
    """What the model can't do, in figures where they were measured."""
    if found and (counts := found.priorities().get(Priority.LOW)):
        yield text("about.limits_alarm", language, urgent=counts[Priority.URGENT], low=sum(counts.values()))
    yield from _plain(found, language)
    trained = assessor.spec.provenance.get("trained_on")
    if trained and "ham10000" in trained:
        yield text("about.limits_light", language)
        if not assessor.spec.clinical:
            yield text("about.limits_phone", language)
    else:
        yield text("about.limits_unknown", language)
    yield text("about.limits_map", language)


def _plain(found: Measured | None, language: Language) -> Iterator[str]:
    """What a plain photo is worth, in figures, where both views were measured."""
    views = found.views() if found else {}
    rights = {view: one.figure("balanced_accuracy") for view, one in views.items()}
    low = views["clinical"].figure("urgent_called_low") if "clinical" in views else None
    values = {view: f"{figure.value:.0%}" for view, figure in rights.items() if figure}
    if len(values) == len(View) and low is not None:
        yield text("about.limits_plain", language, **values, low=f"{low.value:.0%}")


def _quality(found: Measured, precision: str, folder: Path, language: Language) -> Quality:
    values = {"n": found.photos, "lesions": found.lesions, "split": found.split, "precision": precision}
    return Quality(
        note=text("about.measured_on", language, **values),
        tiles=list(_tiles(found, language)),
        figures=_by_view(found, language) if len(found.views()) > 1 else _figures(found, language),
        priorities=_priorities(found.priorities(), language),
        unknown=_unknown(found, language),
        confusion=found.confusion(),
        plots=list(_plots(folder, language)),
        faults=_faults(found, language),
    )


def _tiles(found: Measured, language: Language) -> Iterator[Tile]:
    """The four figures to be seen at once: what is missed, what is found, and what that costs in false alarms."""
    counts = found.priorities()
    if counts:
        for key, row in (("about.low_missed", Priority.URGENT), ("about.low_right", Priority.LOW)):
            low, every = counts[row][Priority.LOW], sum(counts[row].values())
            yield Tile(text("about.count", language, count=low, all=every), text(key, language), "")
    for key in TILES:
        if figure := found.figure(key):
            yield Tile(f"{figure.value:.1%}", text(f"figures.{key}", language), _interval(figure, key, language))


def _figures(found: Measured, language: Language) -> Table:
    rows = [
        (Cell(label), Cell(_value(figure, key)), Cell(_interval(figure, key, language)))
        for key, label in section("figures", language).items()
        if (figure := found.figure(key))
    ]
    head = (text("about.figure", language), text("about.value", language), text("about.interval_head", language))
    return Table("figures", head, rows)


def _by_view(found: Measured, language: Language) -> Table:
    """The figures of each view beside each other."""
    views, rows = found.views(), []
    for key, label in section("figures", language).items():
        figures = [one.figure(key) for one in views.values()]
        if any(figures):
            rows.append((Cell(label), *(_cell(figure, language, key) for figure in figures)))
    heads = (text(f"about.{view}", language, n=one.photos) for view, one in views.items())
    return Table("figures views", (text("about.figure", language), *heads), rows)


def _priorities(counts: Counts, language: Language) -> Table | None:
    if not counts:
        return None
    rows = [
        (Cell(text(f"priorities.{priority}", language)), *(Cell(str(count)) for count in counts[priority].values()))
        for priority in SEVERITY
    ]
    return Table("counts", (text("about.truth", language), *_answers(language)), rows)


def _unknown(found: Measured, language: Language) -> Table | None:
    """What photos of other lesions than the seven were answered, most photos first."""
    counts, known, rows = found.outside(), section("unknown", language), []
    for (kind, view), answered in sorted(counts.items(), key=lambda one: -sum(one[1].values())):
        taken = text(f"about.{view}", language, n=sum(answered.values()))
        label = Cell(known.get(kind) or kind.replace("_", " "), taken)
        rows.append((label, *(Cell(str(answered[priority])) for priority in ANSWERS)))
    return Table("counts", (text("about.unknown", language), *_answers(language)), rows) if rows else None


def _faults(found: Measured, language: Language) -> Table | None:
    """What is left of an answer under mild faults of cameras."""
    columns = {
        "kept": text("about.kept", language),
        "urgent_kept": text("about.urgent_kept", language),
        "urgent_called_low": text("about.low_missed", language),
        "answered": text("about.answered_share", language),
    }
    known = section("faults", language)
    rows = [
        (Cell(known.get(name) or name.replace("_", " ")), *(_cell(figures.get(key), language) for key in columns))
        for name, figures in found.faults().items()
    ]
    return Table("faults", (text("about.fault", language), *columns.values()), rows) if rows else None


def _answers(language: Language) -> Iterator[str]:
    """The heads of columns that count what was answered."""
    for priority in ANSWERS:
        yield text("about.answered", language, priority=text(f"priorities.{priority}", language))


def _plots(folder: Path, language: Language) -> Iterator[tuple[str, str]]:
    for name, caption in section("plots", language).items():
        path = folder / "plots" / f"{name}.png"
        if path.is_file() and path.stat().st_size <= PLOT_BYTES:
            yield caption, data_uri("png", path.read_bytes())


def _cell(figure: Figure | None, language: Language, key: str = "") -> Cell:
    return Cell("–") if figure is None else Cell(_value(figure, key), _interval(figure, key, language))


def _value(figure: Figure, key: str) -> str:
    return f"{figure.value:.3f}" if key in DECIMAL else f"{figure.value:.1%}"


def _interval(figure: Figure, key: str, language: Language) -> str:
    """The interval in words; none of no width, which resampling gives where nothing was seen and which promises too much."""
    if figure.low == figure.high:
        return ""
    low, high = (f"{end:.3f}" if key in DECIMAL else f"{end:.1%}" for end in (figure.low, figure.high))
    return text("about.interval", language, low=low, high=high)
