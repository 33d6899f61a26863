"""What this is for and not for, how good it is as measured, what happens to a photo, and how to call it, as HTML."""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

from skinapp.assessment.assessor import Assessor
from skinapp.i18n import wording
from skinapp.i18n.wording import ABOUT, FAULTS, FIGURES, PLOTS, PRIORITIES, UNKNOWN, Language
from skinapp.i18n.wording import LESIONS as NAMES
from skinapp.labels import CODES, SEVERITY, Priority, View
from skinapp.metrics import metrics_json
from skinapp.metrics.metrics_json import Counts, Figure, Measured
from skinapp.web.views import answer

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
    said = [*_plain(found, language), *(ABOUT[key].to(language) for key in (*limits, "limits_map"))]
    if found and (counts := found.priorities().get(Priority.LOW)):
        alarm = ABOUT["limits_alarm"].to(language)
        said.insert(0, alarm.format(urgent=counts[Priority.URGENT], low=sum(counts.values())))
    columns = (
        ("intended", [ABOUT[key].to(language) for key in ("intended_teach", "intended_show")]),
        ("outside", [ABOUT[key].to(language) for key in ("outside_health", "outside_other", "outside_calm")]),
        ("limits", said),
    )
    boxes = "".join(f'<div class="{key}"><h3>{ABOUT[key].to(language)}</h3>{_list(lines)}</div>' for key, lines in columns)
    return _section("for", f'<div class="boxes">{boxes}</div><p class="note">{wording.DISCLAIMER.to(language)}</p>', language)


def _plain(found: Measured | None, language: Language) -> list[str]:
    """What a plain photo is worth, in figures, where both views were measured."""
    views = found.views() if found else {}
    rights = {view: one.figure("balanced_accuracy") for view, one in views.items()}
    low = views["clinical"].figure("urgent_called_low") if "clinical" in views else None
    values = {view: f"{figure.value:.0%}" for view, figure in rights.items() if figure}
    if len(values) < len(View) or low is None:
        return []
    return [ABOUT["limits_plain"].to(language).format(**values, low=f"{low.value:.0%}")]


def _quality(assessor: Assessor, folder: Path, known: dict[str, Measured], language: Language) -> str:
    found = known.get(assessor.model.precision)
    if found is None:
        text = ABOUT["unmeasured_file" if known else "unmeasured"].to(language)
        return _section("good", f"<p>{text.format(file=answer.foreign(assessor.model.file))}</p>", language)
    source = ABOUT["measured_on"].to(language)
    note = source.format(
        n=found.photos,
        lesions=found.lesions,
        split=answer.foreign(found.split),
        precision=answer.foreign(assessor.model.precision),
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
            tiles.append((ABOUT["count"].to(language).format(count=low, all=every), ABOUT[key].to(language), ""))
    for key in TILES:
        if figure := found.figure(key):
            tiles.append((f"{figure.value:.1%}", FIGURES[key].to(language), _interval(figure, key, language)))
    cells = "".join(f"<li><b>{value}</b><span>{label}</span><small>{interval}</small></li>" for value, label, interval in tiles)
    return f'<ul class="tiles">{cells}</ul>' if cells else ""


def _figures(found: Measured, language: Language) -> str:
    rows = []
    for key, label in FIGURES.items():
        if figure := found.figure(key):
            rows.append((label.to(language), _value(figure, key), _interval(figure, key, language)))
    return _table(
        (ABOUT["figure"].to(language), ABOUT["value"].to(language), ABOUT["interval_head"].to(language)),
        rows,
        "figures",
        ABOUT["good"].to(language),
    )


def _by_view(found: Measured, language: Language) -> str:
    """The figures of each view beside each other."""
    views = found.views()
    rows = []
    for key, label in FIGURES.items():
        figures = [one.figure(key) for one in views.values()]
        if any(figures):
            rows.append((label.to(language), *(_cell(figure, language, key) for figure in figures)))
    heads = (ABOUT[view].to(language).format(n=one.photos) for view, one in views.items())
    return _table((ABOUT["figure"].to(language), *heads), rows, "figures views", ABOUT["good"].to(language))


def _interval(figure: Figure, key: str, language: Language) -> str:
    """The interval in words; none of no width, which resampling gives where nothing was seen and which promises too much."""
    if figure.low == figure.high:
        return ""
    low, high = (f"{end:.3f}" if key in DECIMAL else f"{end:.1%}" for end in (figure.low, figure.high))
    return ABOUT["interval"].to(language).format(low=low, high=high)


def _priorities(counts: Counts, language: Language) -> str:
    if not counts:
        return ""
    names = [PRIORITIES[priority].to(language) for priority in (*SEVERITY, Priority.UNCLEAR)]
    head = [ABOUT["truth"].to(language), *(ABOUT["answered"].to(language).format(priority=name) for name in names)]
    rows = [(PRIORITIES[priority].to(language), *(str(count) for count in counts[priority].values())) for priority in SEVERITY]
    title = ABOUT["priorities"].to(language)
    return f"<h3>{title}</h3>{_table(head, rows, 'counts', title)}"


def _unknown(found: Measured, language: Language) -> str:
    """What photos of other lesions than the seven were answered."""
    counts = found.outside()
    if not counts:
        return ""
    names = [PRIORITIES[priority].to(language) for priority in (*SEVERITY, Priority.UNCLEAR)]
    head = [ABOUT["unknown"].to(language), *(ABOUT["answered"].to(language).format(priority=name) for name in names)]
    rows = []
    for (kind, view), answered in sorted(counts.items(), key=lambda one: -sum(one[1].values())):
        label = UNKNOWN[kind].to(language) if kind in UNKNOWN else answer.foreign(kind.replace("_", " "))
        taken = ABOUT[view].to(language).format(n=sum(answered.values()))
        rows.append((f"{label} <small>{taken}</small>", *(str(answered[one]) for one in (*SEVERITY, Priority.UNCLEAR))))
    title = ABOUT["unknown"].to(language)
    note = f'<p class="note">{ABOUT["unknown_note"].to(language)}</p>'
    return f"<h3>{title}</h3>{_table(head, rows, 'counts', title)}{note}"


def _confusion(counts: Counts, language: Language) -> str:
    """Photos by what they were and what they were named, each cell as dark as its share of the row."""
    if not counts:
        return ""
    title, every = ABOUT["confusion"].to(language), {code: max(1, sum(counts[code].values())) for code in CODES}
    head = "".join(f'<th scope="col"><abbr title="{NAMES[code].to(language)}">{code}</abbr></th>' for code in CODES)
    rows = "".join(
        f'<tr><th scope="row">{NAMES[row].to(language)} <small>{row}</small></th>'
        + "".join(
            f'<td style="--share: {count / every[row]:.2f}"{" class=own" if row == column else ""}>{count}</td>'
            for column, count in counts[row].items()
        )
        + "</tr>"
        for row in CODES
    )
    table = f'<table class="confusion"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<h3>{title}</h3>{_scrolling(table, title)}<p class="note">{ABOUT["confusion_note"].to(language)}</p>'


def _plots(folder: Path, language: Language) -> str:
    figures = ""
    for name, said in PLOTS.items():
        path, text = folder / "plots" / f"{name}.png", said.to(language)
        if path.is_file() and path.stat().st_size <= PLOT_BYTES:
            source = answer.data("png", path.read_bytes())
            figures += f'<figure><img alt="{text}" src="{source}"><figcaption>{text}</figcaption></figure>'
    return f'<div class="plots">{figures}</div>' if figures else ""


def _robust(found: Measured, language: Language) -> str:
    faults = found.faults()
    if not faults:
        return ""
    columns: dict[str, Callable[[Language], str]] = {
        "kept": ABOUT["kept"].to,
        "urgent_kept": ABOUT["urgent_kept"].to,
        "urgent_called_low": ABOUT["low_missed"].to,
        "answered": ABOUT["answered_share"].to,
    }
    rows = []
    for name, figures in faults.items():
        label = FAULTS[name].to(language) if name in FAULTS else answer.foreign(name.replace("_", " "))
        cells = (_cell(figures.get(key), language) for key in columns)
        rows.append((label, *cells))
    title = ABOUT["robust"].to(language)
    head = [ABOUT["fault"].to(language), *(named(language) for named in columns.values())]
    return f"<h3>{title}</h3>{_table(head, rows, 'faults', title)}"


def _cell(figure: Figure | None, language: Language, key: str = "") -> str:
    return "–" if figure is None else f"{_value(figure, key)} <small>{_interval(figure, key, language)}</small>"


def _value(figure: Figure, key: str) -> str:
    return f"{figure.value:.3f}" if key in DECIMAL else f"{figure.value:.1%}"


def _privacy(language: Language) -> str:
    return _section(
        "kept_photo",
        _list([ABOUT[key].to(language) for key in ("kept_read", "kept_copy", "kept_never", "kept_report")]),
        language,
    )


def _call(address: str, language: Language) -> str:
    code = (
        "from gradio_client import Client, handle_file\n\n"
        f'client = Client("{address}")\n'
        'report, overlay = client.predict(handle_file("photo.jpg"), api_name="/classify")\n'
        'print(report["priority"], report["probabilities"])'
    )
    name = ABOUT["call"].to(language)
    return _section(
        "call",
        f'<pre tabindex="0" aria-label="{name}">{escape(code)}</pre><p class="note">{ABOUT["call_note"].to(language)}</p>',
        language,
    )


def _which(assessor: Assessor, language: Language) -> str:
    model, spec = assessor.model, assessor.spec
    trained = spec.provenance.get("trained_on")
    sources = (
        [
            ABOUT["trained_count"].to(language).format(count=count, name=answer.foreign(str(name)))
            for name, count in trained.items()
        ]
        if isinstance(trained, dict)
        else []
    )
    say = wording.REPORT
    facts = [
        (ABOUT["architecture"], answer.foreign(spec.architecture)),
        (say["id"], answer.foreign(model.id)),
        (say["revision"], answer.foreign(model.revision)),
        (say["file"], f"{answer.foreign(model.file)} ({answer.foreign(model.precision)})"),
        (say["provider"], answer.provider(model)),
        *([(ABOUT["trained_on"], "<br>".join(sources))] if sources else []),
    ]
    return _section(
        "which", "<dl>" + "".join(f"<dt>{name.to(language)}</dt><dd>{value}</dd>" for name, value in facts) + "</dl>", language
    )


def _section(title: str, content: str, language: Language) -> str:
    return f'<section class="card"><h2>{ABOUT[title].to(language)}</h2>{content}</section>'


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
