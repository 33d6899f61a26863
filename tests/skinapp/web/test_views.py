"""HTML without a page around it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from skinapp.assessment import explain
from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Classification
from skinapp.assessment.explain import Evidence
from skinapp.followup.align import Alignment
from skinapp.followup.compare import NOWHERE, RATIOS, Change, Comparison
from skinapp.i18n.messages import LANGUAGES, Language, Message, text
from skinapp.imaging.preprocess import Box
from skinapp.metrics import ground_truth
from skinapp.model.hub import EMBEDDED
from skinapp.model.spec import HeatmapScale
from skinapp.teach import flaws as flaw
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.dataset.split import Split
from skinapp.teach.dataset.zip_archive import Refusal
from skinapp.teach.flaws import Flaw
from skinapp.teach.linear_head import CurvePoint, Head, TrainedHead
from skinapp.teach.networks import Kind
from skinapp.teach.pipeline import Chosen, Mistake, TrainingResult
from skinapp.teach.progress import Progress
from skinapp.web import render
from skinapp.web.views import about, answer, api, classification, examples, followup, live, many, ondevice, page, report, teach
from tests.support import drawings

ODD = "<odd> {odd} \"'&"
ESCAPED = "&lt;odd&gt; &#123;odd&#125; &#34;&#39;&amp;"
VOID = ("br", "img", "input", "link", "meta")


def test_the_layer_on_the_photo_looks_like_the_overlay(assessor: Assessor) -> None:
    photo = (drawings.lesion(explain.LAYER_SIDE, explain.LAYER_SIDE) * 0.45).astype(np.uint8)
    assessment = assessor.assess([photo])[0]
    layer = assessment.evidence.layer("mel").astype(float)
    weight = layer[:, :, 3:] / 255
    laid = photo * (1 - weight) + layer[:, :, :3] * weight
    assert np.abs(laid - assessment.overlay(photo, "mel")).max() < 3


def test_what_isnt_ours_is_escaped(assessor: Assessor) -> None:
    assert "<b>" not in page.failed("<b>bold</b>", "en")
    footer = page.footer(assessor.model, ("<i>{0}</i>",), "en")
    assert "&lt;i&gt;&#123;0&#125;&lt;/i&gt;" in footer


@pytest.mark.parametrize(
    ("chance", "text"), [(0.0, "<1%"), (0.0099, "<1%"), (0.01, "1%"), (0.345, "34%"), (0.99, "99%"), (1.0, ">99%")]
)
def test_no_probability_is_shown_as_nothing_or_all(chance: float, text: str) -> None:
    assert render.percent(chance) == text


def test_about_says_what_a_plain_photo_is_worth_and_what_lesions_it_does_not_know_were_answered() -> None:
    embedded = Assessor.load(str(EMBEDDED), "cpu", 1)
    html = about.about(embedded, EMBEDDED, "en", "http://localhost")
    measured = json.loads((EMBEDDED / "metrics.json").read_text())["test"]["int8"]
    values = {view: f"{one['balanced_accuracy']['value']:.0%}" for view, one in measured["by_view"].items()}
    assert f"it named {values['clinical']} of the lesions right, against {values['dermoscopic']}" in html
    for view, one in measured["by_view"].items():
        assert f"({one['n']} photos)" in html and f"{one['balanced_accuracy']['value']:.1%}" in html, view
    scc = measured["outside"]["scc"]["clinical"]["priorities"]
    cells = "".join(f"<td>{scc[priority]}</td>" for priority in ("urgent", "high", "medium", "low", "unclear"))
    assert f"Squamous cell carcinoma <small>By a plain camera ({sum(scc.values())} photos)</small></th>{cells}" in html
    assert "dermatoscope photos of single" not in html


def everything(assessor: Assessor, language: Language) -> Iterator[str]:
    """Every view of a page, of photos that are good, warned of and bad."""
    for piece in (page.header, page.tips, page.empty, page.busy, many.empty_table, classification.empty):
        yield piece(language)
    for piece in (followup.empty, followup.other, followup.busy, ondevice.missing, ondevice.tab):
        yield piece(language)
    yield from (followup.failed([ODD, ODD], language), live.finder(language, f"./{ODD}", live.Limits(16, 180, 2)))
    yield from (ondevice.frame(f"./{ODD}", language), ondevice.footer(language))
    yield from compared(assessor, language)
    yield page.footer(assessor.model, [ODD], language)
    yield many.refused(ODD, language)
    yield many.figures(ground_truth.figures(["mel", "nv", "bkl"], ["mel", "mel", "nv"]), {ODD: "mel"}, language)
    yield many.rows(1, [many.Unread(ODD, ODD)], language)
    for folder in (assessor.documents, EMBEDDED):
        yield about.about(assessor, folder, language, f"http://{ODD}")
    yield api.page(language, f"http://{ODD}", f"{ODD}/", ODD)
    for photo in (drawings.lesion(), drawings.plain(3)):
        assessment = assessor.assess([photo], {"decode": 1.0})[0]
        yield from (answer.answer(assessment, language), answer.evidence(photo, assessment, language))
        if assessment.quality.ok:
            yield report.offer(assessment, language)
        yield many.rows(
            1, [many.Row.of(ODD, replace(assessment, model=replace(assessment.model, id=ODD)), photo, language)], language
        )
    yield page.failed(ODD, language)
    model = replace(assessor.model, id=ODD)
    scale = HeatmapScale({ODD: 0.0, "b": 0.0}, {ODD: 1.0, "b": 1.0}, 0.0)
    cams = np.zeros((2, 4, 4), np.float32)
    named = Classification(
        (ODD, "b"), np.array([0.3, 0.7]), Evidence((ODD, "b"), cams, Box(0, 0, 320, 240), scale), model, {"total": 1.0}
    )
    yield from (classification.result(named, language), classification.header(named.labels, language))
    yield classification.evidence(drawings.lesion(320, 240), named, language)
    photo_to_try = replace(examples.gather(EMBEDDED)[0], shows=ODD, is_drawing=False)
    yield examples.strip([*examples.gather(EMBEDDED), photo_to_try], language)
    yield from teaching(named, language)


def teaching(named: Classification, language: Language) -> Iterator[str]:
    """The steps of teaching, of pictures that were all named right and of some that weren't."""
    yield from (teach.first_step(language), teach.notice(ODD, language), teach.working(Progress(), language))
    under_way = Progress()
    under_way.begin("reading", 3)
    yield teach.working(under_way, language)
    plain, tested = collection((ODD, "b"), 0), collection((ODD, "b"), 1)
    yield from (teach.dataset_summary(one, language) for one in (plain, tested))
    mistakes = (Mistake(ODD, ODD, drawings.lesion(320, 240), named),)
    for recalls, wrong in (((0.5, np.nan), mistakes), ((1.0, 1.0), ())):
        yield teach.training_result(taught(recalls, wrong), plain, f"/file={ODD}", language)


def collection(labels: tuple[str, ...], tests: int) -> Collection:
    """Three pictures of each class, so many of them for testing, and more refused files than are listed."""
    targets = np.arange(len(labels)).repeat(3)
    is_test = np.arange(len(targets)) % 3 < tests
    views = np.stack([drawings.lesion(96, 96, seed=seed) for seed in range(len(targets))])
    refused = (Refusal(ODD, Message("refused.link")),) * (teach.MAX_LISTED + 1)
    return Collection(labels, (ODD,) * len(targets), targets, is_test, views, refused, 2)


def taught(recalls: tuple[float, ...], mistakes: tuple[Mistake, ...]) -> TrainingResult:
    """What came of teaching two classes; the model itself isn't shown."""
    interval = {"value": 0.75, "low": 0.5, "high": None}
    figures = {"n": 4, "accuracy": interval, "balanced_accuracy": interval, "commonest": 0.5}
    curve = tuple(CurvePoint(share, np.array(recalls) * share) for share in (0.25, 0.5, 1.0))
    head = Head(np.zeros((2, 1), np.float32), np.zeros(2, np.float32))
    trained = TrainedHead(head, 1.0, 1.0, figures, np.array([[3, 1], [0, 0]]), np.zeros((4, 2)), curve)
    no_model: Any = None
    chosen = Chosen(Kind.GENERAL, {Kind.SERVED: 0.51, Kind.GENERAL: 0.88, Kind.BOTH: 0.87}, False, tuple(Kind))
    flaws = (Flaw(flaw.Kind.ACROSS, (ODD, "b"), 2), Flaw(flaw.Kind.NEVER, (ODD,)))
    return TrainingResult(no_model, trained, Split(np.arange(6), np.arange(4), 1, True), mistakes, chosen, flaws, 0.05)


def test_what_came_of_teaching_is_told_in_figures() -> None:
    data = collection((ODD, "b"), 0)
    html = teach.training_result(taught((0.8, np.nan), ()), data, "/file=my-model.zip", "en")
    assert "<b>75%</b><span>named right (accuracy)</span><small>95% interval 50% to –</small>" in html
    assert f"More pictures of <b>{ESCAPED}</b> would help most: with half of the pictures 40% of it were found" in html
    cells = '<td class="right" style="--share: 0.750">3</td><td class="wrong" style="--share: 0.250">1</td>'
    assert f'<th scope="row">{ESCAPED}</th>{cells}</tr>' in html
    assert '<i style="width: 0.0%"></i></span>–</td>' in html and '<i style="width: 80.0%"></i></span>80%</td>' in html
    assert "in cross-validation that named 88% right, and the page" in html and "2 pictures have near-copies in another" in html
    assert html.count("data-on=") == 3 and 'data-on="general" aria-pressed="true"' in html
    assert text("teach.mistakes_none", "en") in html and text("teach.helped_none", "en") not in html


def test_files_that_are_not_used_are_counted_and_only_the_first_of_them_listed() -> None:
    html = teach.dataset_summary(collection((ODD, "b"), 1), "en")
    assert html.count("<code>") == teach.MAX_LISTED and text("teach.refused_more", "en", count=3) in html
    assert text("teach.refused", "en", count=teach.MAX_LISTED + 3) in html
    assert "2 pictures, 1 for testing" in html and text("teach.share_given", "en", count=2) in html and 'type="range"' not in html


def compared(assessor: Assessor, language: Language) -> Iterator[str]:
    """Two photos that can be laid on each other, by the skin or by the lesion alone, that can't, and that can't be judged."""
    assessment, photo = assessor.assess([drawings.lesion()], {"decode": 1.0})[0], drawings.lesion(160, 120)
    edge, places = np.array([10 + 10j, 50 + 10j, 30 + 40j]), np.array([0j, 1 + 1j, 2j])
    changes = tuple(Change(figure, 1.0, 1.1, 1.1, -0.2, 1.3) for figure in (*RATIOS, "asymmetry"))
    for by_skin in (True, False):
        alignment = Alignment(1.1 + 0.3j, 3 + 1j, by_skin, places, places)
        yield followup.compared((assessment, assessment), Comparison(photo, photo, alignment, changes, (edge, edge)), language)
    for outlines in ((edge, edge), (NOWHERE, edge)):
        yield followup.compared((assessment, assessment), Comparison(photo, photo, None, (), outlines), language)
    yield followup.compared((assessment, assessment), None, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_view_is_html_in_every_language(assessor: Assessor, language: Language) -> None:
    for html in everything(assessor, language):
        assert html.startswith("<") or html == ""
        assert "<odd>" not in html and not re.search(r">\s*\n\s*<", html) and balanced(html)
        assert "{odd}" not in html, "the browser's translator would fill it"


def balanced(html: str) -> bool:
    """Whether every tag that is opened is closed, innermost first."""
    opened = list[str]()
    for end, tag, alone in re.findall(r"<(/?)([a-z0-9]+)(?:\s[^<>]*?)?(/?)>", html):
        if end:
            if not opened or opened.pop() != tag:
                return False
        elif not alone and tag not in VOID:
            opened.append(tag)
    return not opened
