"""The report that a visitor saves: its text is made here with the answer, and static/report.js puts in the pictures that the page
shows and hands the file over, so that nothing of it is ever kept on the server."""

import json
from pathlib import Path

from skinapp.assessment.assessor import Assessment
from skinapp.i18n import wording
from skinapp.i18n.wording import ANSWER, PRIORITIES, REPORT, Language
from skinapp.i18n.wording import LESIONS as NAMES
from skinapp.labels import LESIONS
from skinapp.ui import answer

STATIC = Path(__file__).parent / "static"


def script() -> str:
    """What runs in the browser, with the looks of the report."""
    looks = json.dumps((STATIC / "report.css").read_text(encoding="utf-8"))
    return f"const LOOKS = {looks};\n{(STATIC / 'report.js').read_text(encoding='utf-8')}"


def offer(assessment: Assessment, language: Language) -> str:
    """The button, and beside it the report without its pictures, in a template that no browser shows."""
    say = {key: said.to(language) for key, said in REPORT.items()}
    return (
        f'<p class="save"><button type="button">{say["save"]}</button><span>{say["save_note"]}</span></p>'
        f'<template class="report" lang="{language}" data-title="{say["title"]}">{_body(assessment, language)}</template>'
    )


def _body(assessment: Assessment, language: Language) -> str:
    say = {key: said.to(language) for key, said in REPORT.items()}
    name, focus = NAMES[assessment.focus.code].to(language), assessment.focus.code
    return (
        f'<header><p class="brand">skinapp</p><h1>{say["title"]}</h1><p>{say["made"]}: <time></time></p></header><main>'
        f'<section class="verdict {assessment.priority}"><p>{ANSWER["priority"].to(language)}</p>'
        f"<h2>{PRIORITIES[assessment.priority].to(language)}</h2><p><strong>{wording.WHEN[assessment.priority].to(language)}</strong>"
        f"</p><p>{wording.ADVICE[assessment.priority].to(language)}</p></section>"
        f'<section class="pictures"><figure><div data-slot="photo"></div><figcaption>{say["photo"]}</figcaption></figure>'
        f'<figure><div data-slot="overlay" data-code="{focus}"></div>'
        f"<figcaption>{say['overlay'].format(lesion=name)}. {ANSWER['evidence_note'].to(language)}</figcaption></figure>"
        f"</section>{_chances(assessment, language)}"
        f'<div class="columns">{_quality(assessment, language)}{_model(assessment, language)}</div>'
        f"</main><footer>{wording.DISCLAIMER.to(language)}</footer>"
    )


def _chances(assessment: Assessment, language: Language) -> str:
    ranked = sorted(zip(LESIONS, assessment.chances.tolist(), strict=True), key=lambda pair: -pair[1])
    rows = "".join(
        f'<tr class="{lesion.priority}"><th scope="row">{NAMES[lesion.code].to(language)}</th>'
        f"<td>{PRIORITIES[lesion.priority].to(language)}</td>"
        f'<td class="bar"><span style="width: {chance:.1%}"></span></td><td class="number">{chance:.1%}</td></tr>'
        for lesion, chance in ranked
    )
    sums = " · ".join(
        f"{ANSWER[key].to(language)} <strong>{share:.1%}</strong>"
        for key, share in (("malignant", assessment.malignant), ("benign", 1 - assessment.malignant))
    )
    heads = (("", REPORT["lesion"]), ("", ANSWER["priority"]), (' colspan="2"', REPORT["chance"]))
    return (
        f"<section><h2>{ANSWER['chances'].to(language)}</h2><table><thead><tr>"
        + "".join(f'<th scope="col"{span}>{head.to(language)}</th>' for span, head in heads)
        + f"</tr></thead><tbody>{rows}</tbody></table><p>{sums}</p><p>{ANSWER['malignant_what'].to(language)} "
        f"{ANSWER['chances_note'].to(language)}</p></section>"
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
    warnings = [wording.WARNINGS[warning].to(language) for warning in assessment.report.warnings]
    return _facts("quality", rows, language, f"<p>{' '.join(warnings) or ANSWER['quality_ok'].to(language)}</p>")


def _model(assessment: Assessment, language: Language) -> str:
    model = assessment.model
    rows = {
        "id": answer.foreign(model.id),
        "revision": answer.foreign(model.revision),
        "file": answer.foreign(model.file),
        "precision": answer.foreign(model.precision),
        "provider": answer.provider(model),
        "elapsed": f"{assessment.elapsed_ms['total']:.0f} ms",
    }
    return _facts("model", rows, language)


def _facts(title: str, rows: dict[str, str], language: Language, note: str = "") -> str:
    facts = "".join(f"<dt>{REPORT[key].to(language)}</dt><dd>{value}</dd>" for key, value in rows.items())
    return f"<section><h2>{REPORT[title].to(language)}</h2>{note}<dl>{facts}</dl></section>"
