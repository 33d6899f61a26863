"""What this is for and not for, how good it is as measured, what happens to a photo, and how to call it, as HTML."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import Language, section, text
from skinapp.labels import CODES, SEVERITY, Priority, View
from skinapp.metrics import metrics_json
from skinapp.metrics.metrics_json import Counts, Figure, Measured
from skinapp.web.views import escaping
from skinapp.web.views.page import KEPT_MINUTES

PLOT_BYTES = 2**20
TILES = ("melanoma.called_urgent", "balanced_accuracy")
DECIMAL = ("melanoma.auc", "malignant_auc", "sets.size")
"""Figures that are no shares of photos."""


def render(assessor: Assessor, folder: Path, language: Language, address: str) -> str:
    """The whole tab; `address` is where the visitor's browser found the page."""
    known = metrics_json.read(folder)
    found = known.get(assessor.model.precision)
    parts = (
        _purpose(assessor, found, language),
        _quality(assessor, folder, known, language),
        _privacy(language),
        _call(address, language),
        _which(assessor, language),
    )
    return f'<div class="about" lang="{language}">{"".join(parts)}</div>'


def _purpose(assessor: Assessor, found: Measured | None, language: Language) -> str:
    trained = assessor.spec.provenance.get("trained_on")
    limits = ["limits_light"] if trained and "ham10000" in trained else ["limits_unknown"]
    if limits == ["limits_light"] and not assessor.spec.clinical:
        limits.append("limits_phone")
    known = [*_plain(found, language), *(text(f"about.{key}", language) for key in (*limits, "limits_map"))]
    if found and (counts := found.priorities().get(Priority.LOW)):
        known.insert(0, text("about.limits_alarm", language, urgent=counts[Priority.URGENT], low=sum(counts.values())))
    columns = (
        ("intended", [text(f"about.{key}", language) for key in ("intended_teach", "intended_show")]),
        ("outside", [text(f"about.{key}", language) for key in ("outside_health", "outside_other", "outside_calm")]),
        ("limits", known),
    )
    boxes = "".join(f'<div class="{key}"><h3>{text(f"about.{key}", language)}</h3>{_list(lines)}</div>' for key, lines in columns)
    return _section("for", f'<div class="boxes">{boxes}</div><p class="note">{text("disclaimer", language)}</p>', language)


def _plain(found: Measured | None, language: Language) -> list[str]:
    """What a plain photo is worth, in figures, where both views were measured."""
    views = found.views() if found else {}
    rights = {view: one.figure("balanced_accuracy") for view, one in views.items()}
    low = views["clinical"].figure("urgent_called_low") if "clinical" in views else None
    values = {view: f"{figure.value:.0%}" for view, figure in rights.items() if figure}
    if len(values) < len(View) or low is None:
        return []
    return [text("about.limits_plain", language, **values, low=f"{low.value:.0%}")]


def _quality(assessor: Assessor, folder: Path, known: dict[str, Measured], language: Language) -> str:
    found = known.get(assessor.model.precision)
    if found is None:
        file = escaping.foreign(assessor.model.file)
        reason = text("about.unmeasured_file", language, file=file) if known else text("about.unmeasured", language)
        return _section("good", f"<p>{reason}</p>", language)
    note = text(
        "about.measured_on",
        language,
        n=found.photos,
        lesions=found.lesions,
        split=escaping.foreign(found.split),
        precision=escaping.foreign(assessor.model.precision),
    )
    views = _by_view(found, language) if len(found.views()) > 1 else _figures(found, language)
    parts = (_tiles(found, language), views, _priorities(found.priorities(), language), _unknown(found, language))
    detail = (_confusion(found.confusion(), language), _plots(folder, language), _robust(found, language))
    return _section("good", f'<p class="note">{note}</p>{"".join((*parts, *detail))}', language)


def _tiles(found: Measured, language: Language) -> str:
    """The four figures to be seen at once: what is missed, what is found, and what that costs in false alarms."""
    counts = found.priorities()
    tiles = []
    if counts:
        for key, row in (("low_missed", Priority.URGENT), ("low_right", Priority.LOW)):
            low, every = counts[row][Priority.LOW], sum(counts[row].values())
            tiles.append((text("about.count", language, count=low, all=every), text(f"about.{key}", language), ""))
    for key in TILES:
        if figure := found.figure(key):
            tiles.append((f"{figure.value:.1%}", text(f"figures.{key}", language), _interval(figure, key, language)))
    cells = "".join(f"<li><b>{value}</b><span>{label}</span><small>{interval}</small></li>" for value, label, interval in tiles)
    return f'<ul class="tiles">{cells}</ul>' if cells else ""


def _figures(found: Measured, language: Language) -> str:
    rows = []
    for key, label in section("figures", language).items():
        if figure := found.figure(key):
            rows.append((label, _value(figure, key), _interval(figure, key, language)))
    return _table(
        (text("about.figure", language), text("about.value", language), text("about.interval_head", language)),
        rows,
        "figures",
        text("about.good", language),
    )


def _by_view(found: Measured, language: Language) -> str:
    """The figures of each view beside each other."""
    views = found.views()
    rows = []
    for key, label in section("figures", language).items():
        figures = [one.figure(key) for one in views.values()]
        if any(figures):
            rows.append((label, *(_cell(figure, language, key) for figure in figures)))
    heads = (text(f"about.{view}", language, n=one.photos) for view, one in views.items())
    return _table((text("about.figure", language), *heads), rows, "figures views", text("about.good", language))


def _interval(figure: Figure, key: str, language: Language) -> str:
    """The interval in words; none of no width, which resampling gives where nothing was seen and which promises too much."""
    if figure.low == figure.high:
        return ""
    low, high = (f"{end:.3f}" if key in DECIMAL else f"{end:.1%}" for end in (figure.low, figure.high))
    return text("about.interval", language, low=low, high=high)


def _priorities(counts: Counts, language: Language) -> str:
    if not counts:
        return ""
    names = [text(f"priorities.{priority}", language) for priority in (*SEVERITY, Priority.UNCLEAR)]
    head = [text("about.truth", language), *(text("about.answered", language, priority=name) for name in names)]
    rows = [
        (text(f"priorities.{priority}", language), *(str(count) for count in counts[priority].values())) for priority in SEVERITY
    ]
    title = text("about.priorities", language)
    return f"<h3>{title}</h3>{_table(head, rows, 'counts', title)}"


def _unknown(found: Measured, language: Language) -> str:
    """What photos of other lesions than the seven were answered."""
    counts = found.outside()
    if not counts:
        return ""
    names = [text(f"priorities.{priority}", language) for priority in (*SEVERITY, Priority.UNCLEAR)]
    head = [text("about.unknown", language), *(text("about.answered", language, priority=name) for name in names)]
    known, rows = section("unknown", language), []
    for (kind, view), answered in sorted(counts.items(), key=lambda one: -sum(one[1].values())):
        label = known.get(kind) or escaping.foreign(kind.replace("_", " "))
        taken = text(f"about.{view}", language, n=sum(answered.values()))
        rows.append((f"{label} <small>{taken}</small>", *(str(answered[one]) for one in (*SEVERITY, Priority.UNCLEAR))))
    title = text("about.unknown", language)
    note = f'<p class="note">{text("about.unknown_note", language)}</p>'
    return f"<h3>{title}</h3>{_table(head, rows, 'counts', title)}{note}"


def _confusion(counts: Counts, language: Language) -> str:
    """Photos by what they were and what they were named, each cell as dark as its share of the row."""
    if not counts:
        return ""
    title, every = text("about.confusion", language), {code: max(1, sum(counts[code].values())) for code in CODES}
    head = "".join(f'<th scope="col"><abbr title="{text(f"lesions.{code}", language)}">{code}</abbr></th>' for code in CODES)
    rows = "".join(
        f'<tr><th scope="row">{text(f"lesions.{row}", language)} <small>{row}</small></th>'
        + "".join(
            f'<td style="--share: {count / every[row]:.2f}"{" class=own" if row == column else ""}>{count}</td>'
            for column, count in counts[row].items()
        )
        + "</tr>"
        for row in CODES
    )
    table = f'<table class="confusion"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<h3>{title}</h3>{_scrolling(table, title)}<p class="note">{text("about.confusion_note", language)}</p>'


def _plots(folder: Path, language: Language) -> str:
    figures = ""
    for name, caption in section("plots", language).items():
        path = folder / "plots" / f"{name}.png"
        if path.is_file() and path.stat().st_size <= PLOT_BYTES:
            source = escaping.data("png", path.read_bytes())
            figures += f'<figure><img alt="{caption}" src="{source}"><figcaption>{caption}</figcaption></figure>'
    return f'<div class="plots">{figures}</div>' if figures else ""


def _robust(found: Measured, language: Language) -> str:
    faults = found.faults()
    if not faults:
        return ""
    columns = {"kept": "kept", "urgent_kept": "urgent_kept", "urgent_called_low": "low_missed", "answered": "answered_share"}
    known, rows = section("faults", language), []
    for name, figures in faults.items():
        label = known.get(name) or escaping.foreign(name.replace("_", " "))
        cells = (_cell(figures.get(key), language) for key in columns)
        rows.append((label, *cells))
    title = text("about.robust", language)
    head = [text("about.fault", language), *(text(f"about.{key}", language) for key in columns.values())]
    return f"<h3>{title}</h3>{_table(head, rows, 'faults', title)}"


def _cell(figure: Figure | None, language: Language, key: str = "") -> str:
    return "–" if figure is None else f"{_value(figure, key)} <small>{_interval(figure, key, language)}</small>"


def _value(figure: Figure, key: str) -> str:
    return f"{figure.value:.3f}" if key in DECIMAL else f"{figure.value:.1%}"


def _privacy(language: Language) -> str:
    copy = text("about.kept_copy", language, minutes=KEPT_MINUTES)
    others = (text(f"about.{key}", language) for key in ("kept_never", "kept_report"))
    return _section("kept_photo", _list([text("about.kept_read", language), copy, *others]), language)


def _call(address: str, language: Language) -> str:
    code = (
        "from gradio_client import Client, handle_file\n\n"
        f'client = Client("{address}")\n'
        'report, overlay = client.predict(handle_file("photo.jpg"), api_name="/classify")\n'
        'print(report["priority"], report["probabilities"])'
    )
    name = text("about.call", language)
    return _section(
        "call",
        f'<pre tabindex="0" aria-label="{name}">{escape(code)}</pre><p class="note">{text("about.call_note", language)}</p>',
        language,
    )


def _which(assessor: Assessor, language: Language) -> str:
    model, spec = assessor.model, assessor.spec
    trained = spec.provenance.get("trained_on")
    sources = (
        [text("about.trained_count", language, count=count, name=escaping.foreign(str(name))) for name, count in trained.items()]
        if isinstance(trained, dict)
        else []
    )
    facts = [
        ("about.architecture", escaping.foreign(spec.architecture)),
        ("report.id", escaping.foreign(model.id)),
        ("report.revision", escaping.foreign(model.revision)),
        ("report.file", f"{escaping.foreign(model.file)} ({escaping.foreign(model.precision)})"),
        ("report.provider", escaping.provider(model)),
        *([("about.trained_on", "<br>".join(sources))] if sources else []),
    ]
    return _section(
        "which", "<dl>" + "".join(f"<dt>{text(key, language)}</dt><dd>{value}</dd>" for key, value in facts) + "</dl>", language
    )


def _section(title: str, content: str, language: Language) -> str:
    return f'<section class="card"><h2>{text(f"about.{title}", language)}</h2>{content}</section>'


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str, name: str) -> str:
    """A table whose rows begin with what they are about."""
    heads = "".join(f'<th scope="col">{text}</th>' for text in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    )
    return _scrolling(f'<table class="{kind}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>', name)


def _scrolling(table: str, name: str) -> str:
    """A table in a box of its own, which a narrow screen can scroll sideways, by keyboard too."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{name}">{table}</div>'
