"""The report that a visitor saves: its text is made here with the answer, and tabs/report.js puts in the pictures that the page
shows and hands the file over, so that nothing of it is ever kept on the server."""

import json

from skinapp.assessment.assessor import Assessment
from skinapp.i18n.messages import Language, Message, section, text
from skinapp.labels import LESIONS
from skinapp.web import STATIC
from skinapp.web.views import escaping


def script() -> str:
    """What runs in the browser, with the looks of the report."""
    looks = json.dumps((STATIC / "styles" / "report.css").read_text(encoding="utf-8"))
    return f"const LOOKS = {looks};\n{(STATIC / 'tabs' / 'report.js').read_text(encoding='utf-8')}"


def offer(assessment: Assessment, language: Language) -> str:
    """The button, and beside it the report without its pictures, in a template that no browser shows."""
    say = section("report", language)
    return (
        f'<p class="save"><button type="button">{say["save"]}</button><span>{say["save_note"]}</span></p>'
        f'<template class="report" lang="{language}" data-title="{say["title"]}">{_body(assessment, language)}</template>'
    )


def _body(assessment: Assessment, language: Language) -> str:
    say = section("report", language)
    name, focus = text(f"lesions.{assessment.focus.code}", language), assessment.focus.code
    return (
        f'<header><p class="brand">skinapp</p><h1>{say["title"]}</h1><p>{say["made"]}: <time></time></p></header><main>'
        f'<section class="verdict {assessment.priority}"><p>{text("answer.priority", language)}</p>'
        f"<h2>{text(f'priorities.{assessment.priority}', language)}</h2><p>"
        f"<strong>{text(f'when.{assessment.priority}', language)}</strong></p>"
        f"<p>{text(f'advice.{assessment.priority}', language)}</p></section>"
        f'<section class="pictures"><figure><div data-slot="photo"></div><figcaption>{say["photo"]}</figcaption></figure>'
        f'<figure><div data-slot="overlay" data-code="{focus}"></div>'
        f"<figcaption>{say['overlay'].format(lesion=name)}. {text('answer.evidence_note', language)}</figcaption></figure>"
        f"</section>{_chances(assessment, language)}"
        f'<div class="columns">{_quality(assessment, language)}{_model(assessment, language)}</div>'
        f"</main><footer>{text('disclaimer', language)}</footer>"
    )


def _chances(assessment: Assessment, language: Language) -> str:
    ranked = sorted(zip(LESIONS, assessment.chances.tolist(), strict=True), key=lambda pair: -pair[1])
    rows = "".join(
        f'<tr class="{lesion.priority}"><th scope="row">{text(f"lesions.{lesion.code}", language)}</th>'
        f"<td>{text(f'priorities.{lesion.priority}', language)}</td>"
        f'<td class="bar"><span style="width: {chance:.1%}"></span></td><td class="number">{chance:.1%}</td></tr>'
        for lesion, chance in ranked
    )
    sums = " · ".join(
        f"{text(f'answer.{key}', language)} <strong>{share:.1%}</strong>"
        for key, share in (("malignant", assessment.malignant), ("benign", 1 - assessment.malignant))
    )
    heads = (("", Message("report.lesion")), ("", Message("answer.priority")), (' colspan="2"', Message("report.chance")))
    return (
        f"<section><h2>{text('answer.chances', language)}</h2><table><thead><tr>"
        + "".join(f'<th scope="col"{span}>{head.to(language)}</th>' for span, head in heads)
        + f"</tr></thead><tbody>{rows}</tbody></table><p>{sums}</p><p>{text('answer.malignant_what', language)} "
        f"{text('answer.chances_note', language)}</p></section>"
    )


def _quality(assessment: Assessment, language: Language) -> str:
    figures = assessment.report.figures
    rows = {
        "short_side": f"{figures.short_side} px",
        "sharpness": f"{figures.sharpness:.1f}",
        "evenness": f"{figures.evenness:.2f}",
        "brightness": f"{figures.brightness:.0f}",
        "contrast": f"{figures.contrast:.0f}",
        "glare": f"{figures.glare:.1%}",
        "hair": f"{figures.hair:.1%}",
        "lesion_evidence": f"{figures.lesion_evidence:.1f}",
    }
    warnings = [text(f"warnings.{warning}", language) for warning in assessment.report.warnings]
    return _facts("quality", rows, language, f"<p>{' '.join(warnings) or text('answer.quality_ok', language)}</p>")


def _model(assessment: Assessment, language: Language) -> str:
    model = assessment.model
    rows = {
        "id": escaping.foreign(model.id),
        "revision": escaping.foreign(model.revision),
        "file": escaping.foreign(model.file),
        "precision": escaping.foreign(model.precision),
        "provider": escaping.provider(model),
        "elapsed": f"{assessment.elapsed_ms['total']:.0f} ms",
    }
    return _facts("model", rows, language)


def _facts(title: str, rows: dict[str, str], language: Language, note: str = "") -> str:
    facts = "".join(f"<dt>{text(f'report.{key}', language)}</dt><dd>{value}</dd>" for key, value in rows.items())
    return f"<section><h2>{text(f'report.{title}', language)}</h2>{note}<dl>{facts}</dl></section>"
