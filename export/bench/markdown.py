"""The result of `export bench` as Markdown: what stands in docs/results.md and in the terminal."""

from typing import Any

from export.release.tables import grid

UNKNOWN = "not measured"
BASE = ("ONNX FP32", "cpu")
"""The row that the others' times are divided by."""
BATCHES = (1, 8, 32)
"""Batches of the table; what a GPU was given beyond them has a table of its own."""


def render(result: dict[str, Any]) -> str:
    """Where and how it was measured, the table of weights, that of large batches and that of the whole answer."""
    return "\n".join([*_where(result), "", *_weights(result), *_large(result), *_answers(result)]).strip()


def _where(result: dict[str, Any]) -> list[str]:
    machine, model, turns = result["machine"], result["model"], result["turns"]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    busy = f", busy when it began (load {machine['load']:.1f})" if machine["load"] >= 1 else ""
    return [
        f"Model `{model['revision']}` ({model['architecture']}), {result['date']}, {machine['cores']} cores of {machine['cpu']} "
        f"({', '.join(machine['instructions']) or 'no INT8 instructions'}){busy}, GPU: {machine['gpu'] or 'none'};",
        f"{result['threads']} threads, {turns['rounds']} rounds in which all take turns, medians; ratios are of times, to ONNX "
        "FP32 on the CPU at the same batch.",
        f"{versions}.",
    ]


def _weights(result: dict[str, Any]) -> list[str]:
    base = next(row for row in result["rows"] if (row["form"], row["provider"]) == BASE)
    head = ["weights", "on", "batch 1: p50 / p95 ms", "ratio", *(f"batch {n}: photos/s (ratio)" for n in BATCHES[1:])]
    head += ["file, MB", "load and first pass, s", "balanced accuracy", "melanoma sensitivity"]
    return grid(head, [_row(row, base) for row in result["rows"]])


def _row(row: dict[str, Any], base: dict[str, Any]) -> list[str]:
    single = row["batches"].get("1")
    return [
        row["form"],
        row["provider"],
        f"{single['p50_ms']:.1f} / {single['p95_ms']:.1f}" if single else UNKNOWN,
        _ratio(row, base, "1") or UNKNOWN,
        *(_rate(row, base, str(n)) for n in BATCHES[1:]),
        f"{row['bytes'] / 1e6:.1f}" if row["bytes"] else UNKNOWN,
        _number(row["load_s"], 2),
        _number(row["balanced_accuracy"], 3),
        _number(row["melanoma_sensitivity"], 3),
    ]


def _ratio(row: dict[str, Any], base: dict[str, Any], batch: str) -> str:
    if batch not in row["batches"] or batch not in base["batches"]:
        return ""
    return f"{row['batches'][batch]['p50_ms'] / base['batches'][batch]['p50_ms']:.2f}"


def _rate(row: dict[str, Any], base: dict[str, Any], batch: str) -> str:
    if batch not in row["batches"]:
        return UNKNOWN
    ratio = _ratio(row, base, batch)
    return f"{row['batches'][batch]['photos_per_s']:.0f}" + (f" ({ratio})" if ratio else "")


def _large(result: dict[str, Any]) -> list[str]:
    """Photos a second of batches beyond the table's, where there are any."""
    rows = {(row["form"], row["provider"]): row["batches"] for row in result["rows"]}
    sizes = sorted({int(n) for batches in rows.values() for n in batches} - set(BATCHES))
    if not sizes:
        return []
    lines = [
        [form, provider, *(f"{batches[str(n)]['photos_per_s']:.0f}" if str(n) in batches else UNKNOWN for n in sizes)]
        for (form, provider), batches in rows.items()
        if any(str(n) in batches for n in sizes)
    ]
    return grid(["weights", "on", *(f"batch {n}: photos/s" for n in sizes)], lines)


def _answers(result: dict[str, Any]) -> list[str]:
    """The whole answer, JPEG bytes in, JSON and overlay out, beside the bare pass and the plain script."""
    lines = []
    for photo, times in result["answers"].items():
        one, careful, bare, torch = (
            times[name]["p50_ms"] if times.get(name) else None for name in ("whole", "careful", "bare", "plain")
        )
        milliseconds = [_number(value, 1) for value in (one, careful, bare, torch)]
        lines.append([photo, *milliseconds, _times(one, bare), _times(careful, one), _times(torch, one)])
    head = ["JPEG", "whole answer, ms", "careful, ms", "its INT8 pass alone, ms", "torch + pytorch-grad-cam, ms"]
    return grid([*head, "whole answer over its pass", "careful over one look", "how much faster than torch"], lines)


def _times(value: float | None, other: float | None) -> str:
    return UNKNOWN if value is None or other is None else f"{value / other:.1f}x"


def _number(value: float | None, digits: int) -> str:
    return UNKNOWN if value is None else f"{value:.{digits}f}"
