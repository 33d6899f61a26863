"""HTML in Python, for the views that have no template yet."""

from html import escape

from skinapp.assessment.loaded_model import ModelInfo
from skinapp.web import render
from skinapp.web.render import data_uri as data

__all__ = ["data", "foreign", "named", "percent", "provider"]


def foreign(text: str) -> str:
    """Text that isn't ours, fit for HTML and for the browser's translator, which takes braces for placeholders."""
    return escape(text).replace("{", "&#123;").replace("}", "&#125;")


def percent(chance: float) -> str:
    """A probability as people read it, for HTML."""
    return escape(render.percent(chance))


def named(model: ModelInfo) -> str:
    """Which model it is, for HTML."""
    return foreign(model.name)


def provider(model: ModelInfo) -> str:
    """What a model runs on, for HTML."""
    return foreign(model.processor)
