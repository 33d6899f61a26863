"""The two kinds of page: of the seven lesions, and of a model's own classes. A tab is a file with `add`, a line in `tabs` and a
name among the sentences."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import gradio as gr
from starlette.routing import Mount

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Classifier
from skinapp.errors import SkinAppError
from skinapp.i18n.messages import LANGUAGES, Language
from skinapp.ui.endpoints.live_frames import LIMITS, LiveEndpoint
from skinapp.ui.endpoints.ondevice_files import ENTRY, PATH, OnDeviceFiles
from skinapp.ui.tabs import about, custom, followup, live, many, ondevice, photo, teach
from skinapp.web import translations
from skinapp.web.bundles import ondevice as ondevice_bundle
from skinapp.web.views import examples

if TYPE_CHECKING:
    from skinapp.ui.endpoints.mcp import McpEndpoint

Tab = Callable[[gr.I18n], None]
"""Puts a tab's components and events into the page that is being built; the front end translates what it says."""


class Variant(ABC):
    """What makes a page the page of its model."""

    model: Assessor | Classifier

    @abstractmethod
    def tabs(self, page: gr.Blocks) -> Mapping[str, Tab]:
        """The tabs of the page that is being built, in their order."""

    @property
    def routes(self) -> list[Mount]:
        """What the tabs' scripts call beside Gradio's routes."""
        return []

    @cached_property
    def translations(self) -> dict[Language, dict[str, str]]:
        """What the page says before any answer, by language."""
        return {language: translations.of_every_page(language) | self._translations(language) for language in LANGUAGES}

    @abstractmethod
    def _translations(self, language: Language) -> dict[str, str]:
        """What this kind of page alone says."""

    @abstractmethod
    def mcp(self) -> "McpEndpoint":
        """The functions for assistants; SkinAppError where there are none."""


class LesionPage(Variant):
    """The page of a model of the seven lesions."""

    model: Assessor

    def __init__(self, assessor: Assessor) -> None:
        self.model = assessor
        self._examples = examples.gather(assessor.documents)
        self._live = LiveEndpoint(assessor)
        bundle = ondevice_bundle.bundle_of(assessor)
        self._ondevice = OnDeviceFiles(bundle) if bundle else None

    def tabs(self, page: gr.Blocks) -> Mapping[str, Tab]:
        return {
            "photo": partial(photo.add, self.model, self._examples),
            "many": partial(many.add, self.model),
            "live": live.add,
            "follow": partial(followup.add, self.model),
            "ondevice": ondevice.add,
            "teach": partial(teach.add, self.model, page),
            "about": partial(about.add, self.model),
        }

    @property
    def routes(self) -> list[Mount]:
        return [self._live.route(), *([self._ondevice.route()] if self._ondevice else [])]

    def _translations(self, language: Language) -> dict[str, str]:
        address = f".{PATH}/{ENTRY}" if self._ondevice else None
        return translations.of_lesions(self.model, self._examples, (self._live.folder, LIMITS), address, language)

    def mcp(self) -> "McpEndpoint":
        if find_spec("mcp") is None:
            raise SkinAppError(
                "SKINAPP_MCP needs mcp, which isn't installed; run 'pip install -r requirements-mcp.txt', or unset it."
            )
        from skinapp.ui.endpoints.mcp import McpEndpoint  # whose package few need

        return McpEndpoint(self.model)


class CustomPage(Variant):
    """The page of a model with classes of its own."""

    model: Classifier

    def __init__(self, classifier: Classifier) -> None:
        self.model = classifier

    def tabs(self, page: gr.Blocks) -> Mapping[str, Tab]:
        return {
            "photo": partial(custom.add, self.model),
            "teach": partial(teach.add, self.model, page),
            "about": custom.add_about,
        }

    def _translations(self, language: Language) -> dict[str, str]:
        return translations.of_custom_classes(self.model, language)

    def mcp(self) -> "McpEndpoint":
        raise SkinAppError(f"SKINAPP_MCP tells of lesions, and {self.model.model.id} names classes of its own; unset it.")


def of(model: Assessor | Classifier) -> Variant:
    """The page of a model."""
    match model:
        case Assessor():
            return LesionPage(model)
        case Classifier():
            return CustomPage(model)
