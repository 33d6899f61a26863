"""The page: header, tabs, footer, looks and locks. A tab is a file with `add`; a second one gets a gr.Tab around each."""

from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from skinapp import image, wording
from skinapp.assessor import Assessor
from skinapp.ui import answer, api, gates, photo

STATIC = Path(__file__).parent / "static"
SWEEP_S = 60
WAITING = 64
"""Calls that may wait in the queue; whoever comes after them is told so."""


def build(assessor: Assessor) -> gr.Blocks:
    """The whole page with its client API, ready to launch."""
    say = gr.I18n(**translations(assessor))
    # A file lives at most until the sweep after its age is over, which keeps what wording.KEPT_MINUTES promises.
    age = wording.KEPT_MINUTES * 60 - SWEEP_S
    page = gr.Blocks(title="skinapp", analytics_enabled=False, delete_cache=(SWEEP_S, age))
    with page:
        gr.HTML(say("header"), apply_default_css=False)
        photo.add(assessor, say)
        gr.HTML(say("footer"), apply_default_css=False)
        api.add(assessor)
    page.queue(max_size=WAITING, default_concurrency_limit=2)
    return page


def translations(assessor: Assessor) -> dict[str, dict[str, str]]:
    """What the page says before any answer, by language; whole pieces, because Gradio translates one key a component."""
    return {
        language: {
            "photo": wording.PAGE["photo"].to(language),
            "drop": wording.PAGE["drop"].to(language),
            "header": answer.header(language),
            "tips": answer.tips(language),
            "empty": answer.empty(language),
            "footer": answer.footer(assessor.model, assessor.notices, language),
        }
        for language in wording.LANGUAGES
    }


def looks_and_locks(assessor: Assessor) -> dict[str, Any]:
    """Arguments of `launch`: how the page looks, and everything of Gradio's that would keep or tell on a photo shut off."""
    return {
        "i18n": gr.I18n(**translations(assessor)),
        "theme": theme(),
        "css_paths": STATIC / "page.css",
        "favicon_path": STATIC / "favicon.svg",
        "footer_links": ["api"],
        "max_file_size": image.MAX_BYTES,
        "show_error": False,  # hides what wasn't meant for visitors; a gr.Error is shown all the same
        "strict_cors": True,
        "run_history": False,
        "enable_monitoring": False,
        "mcp_server": False,
        "ssr_mode": False,
        "quiet": True,
        "app_kwargs": {"middleware": [Middleware(gates.Gate)]},
    }


def theme() -> gr.themes.Base:
    """Slate and teal on the system's own fonts: a theme's web fonts would be fetched from another host."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "PingFang SC", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Consolas", "monospace"],
    )
