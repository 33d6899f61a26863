"""What the page says before any answer, in one language, by the names that its front end asks for; whole pieces, because Gradio
translates one key a component."""

from collections.abc import Sequence

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Classifier
from skinapp.i18n.messages import Language, section, text
from skinapp.web.views import classification, followup, live, many, ondevice, page, teach
from skinapp.web.views.examples import Example, strip
from skinapp.web.views.live import Limits


def of_every_page(language: Language) -> dict[str, str]:
    """What both kinds of page say."""
    return {
        **{f"tab_{name}": label for name, label in section("tabs", language).items()},
        "loading": page.busy(language),
        "teach": teach.first_step(language),
        "teach_live": teach.live_trial(language),
        "own_photo": text("own.photo", language),
        "own_drop": text("own.drop", language),
    }


def of_lesions(
    assessor: Assessor, shelf: Sequence[Example], live_tab: tuple[str, Limits], ondevice_tab: str | None, language: Language
) -> dict[str, str]:
    """What the page of the seven lesions says; of the tabs with scripts of their own the addresses, if they are there."""
    return {
        **{key: text(f"page.{key}", language) for key in ("photo", "drop", "centred", "careful")},
        **{key: text(f"follow.{key}", language) for key in ("earlier", "later", "drop_earlier", "drop_later")},
        "header": page.header(language),
        "tips": page.tips(language),
        "examples": strip(shelf, language),
        "empty": page.empty(language),
        "many": many.empty_table(language),
        "live": live.finder(language, *live_tab),
        "follow": followup.empty(language),
        "ondevice": ondevice.missing(language) if ondevice_tab is None else ondevice.frame(ondevice_tab, language),
        "footer": page.footer(assessor.model, assessor.notices, language),
    }


def of_custom_classes(classifier: Classifier, language: Language) -> dict[str, str]:
    """What the page of a model's own classes says."""
    return {
        "header": classification.header(classifier.spec.labels, language),
        "empty": classification.empty(language),
        "own_about": classification.about(classifier, language),
        "footer": page.footer(classifier.model, classifier.notices, language, "own.disclaimer"),
    }
