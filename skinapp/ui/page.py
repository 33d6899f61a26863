"""The page: header, tabs, footer, looks and locks. A tab is a file with `add`, a line in TABS and a name in each locale."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.routes import App
from starlette.middleware import Middleware

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Namer
from skinapp.errors import SkinAppError, StorageError
from skinapp.i18n.messages import LANGUAGES, Language, section, text
from skinapp.imaging import decode, encode, synthetic
from skinapp.teach import quotas
from skinapp.ui.endpoints import api, live_frames, ondevice_files
from skinapp.ui.gradio_internals import hardening, inputs
from skinapp.ui.server import frontend_files, isolation, queueing, request_gate, security_headers, uploads, waiting
from skinapp.ui.server.visitors import GUESS_S, GUESSES
from skinapp.ui.tabs import about, custom, followup, live, many, ondevice, photo, teach
from skinapp.web import STATIC, answering
from skinapp.web.views import examples
from skinapp.web.views import followup as followup_view
from skinapp.web.views import many as many_view
from skinapp.web.views import page as page_view
from skinapp.web.views import teach as teach_view

if TYPE_CHECKING:
    from skinapp.ui.endpoints import mcp

TABS: dict[str, Callable[[Assessor, gr.I18n], None]] = {
    "photo": photo.add,
    "many": many.add,
    "live": live.add,
    "follow": followup.add,
    "ondevice": ondevice.add,
    "teach": teach.add,
    "about": about.add,
}
OWN_TABS: dict[str, Callable[[Namer, gr.I18n], None]] = {"photo": custom.add, "teach": teach.add, "about": custom.add_about}
"""Of a model with classes of its own."""
STYLES = ("page", "many", "live", "followup", "iframe", "teach")


@contextmanager
def _unserved() -> Iterator[None]:
    """Gradio makes an application when a page is begun, done, given its queue and launched: only the last one serves. Within, it
    makes none."""
    create = App.create_app
    App.create_app = staticmethod(lambda *_, **__: None)  # type: ignore[assignment]
    try:
        yield
    finally:
        App.create_app = staticmethod(create)  # type: ignore[method-assign]


@_unserved()
def build(assessor: Assessor | Namer) -> gr.Blocks:
    """The whole page with its client API, ready to launch."""
    say = gr.I18n(**translations(assessor))
    tabs = OWN_TABS if isinstance(assessor, Namer) else TABS
    uploads.folder()
    page = gr.Blocks(title="skinapp", analytics_enabled=False)
    with page:
        gr.HTML(say("header"), apply_default_css=False)
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap"):
            for name, add in tabs.items():
                with gr.Tab(say(f"tab_{name}"), id=name):
                    add(assessor, say)  # type: ignore[arg-type]  # the tabs are those of its kind
        gr.HTML(say("footer"), apply_default_css=False)
        api.add(assessor)
    hardening.harden()
    page.queue(max_size=queueing.WAITING, default_concurrency_limit=2, status_update_rate=queueing.TELLING_S)
    waiting.share_line(page)
    inputs.fill_in(page)
    return page


@lru_cache(maxsize=1)
def translations(assessor: Assessor | Namer) -> dict[str, dict[str, str]]:
    """What the page says before any answer, by language; whole pieces, because Gradio translates one key a component."""
    particular = custom.translations(assessor) if isinstance(assessor, Namer) else _of_lesions(assessor)
    return {
        language: {
            **{f"tab_{name}": label for name, label in section("tabs", language).items()},
            "loading": page_view.busy(language),
            "teach": teach_view.frame(language),
            "own_photo": text("own.photo", language),
            "own_drop": text("own.drop", language),
            **particular[language],
        }
        for language in LANGUAGES
    }


def _of_lesions(assessor: Assessor) -> dict[Language, dict[str, str]]:
    shelf = examples.gather(assessor.documents)
    return {
        language: {
            "photo": text("page.photo", language),
            "drop": text("page.drop", language),
            "centred": text("page.centred", language),
            "careful": text("page.careful", language),
            "ondevice": ondevice.content(assessor, language),
            "live": live.content(assessor, language),
            **{key: text(f"follow.{key}", language) for key in ("earlier", "later", "drop_earlier", "drop_later")},
            "follow": followup_view.empty(language),
            "header": page_view.header(language),
            "tips": page_view.tips(language),
            "examples": examples.strip(shelf, language),
            "empty": page_view.empty(language),
            "footer": page_view.footer(assessor.model, assessor.notices, language),
            "many": many_view.empty_table(language),
        }
        for language in LANGUAGES
    }


def looks_and_locks(assessor: Assessor | Namer, with_mcp: bool = False, hosts: Sequence[str] = ()) -> dict[str, Any]:
    """Arguments of `launch`: how the page looks, and everything of Gradio's that would keep or tell on a photo shut off. `hosts`
    are names that the server may be asked under."""
    within = (request_gate.Apology, isolation.Isolation, frontend_files.Assets, security_headers.SecurityHeaders)
    doors = [_mcp(assessor)] if with_mcp else []
    routes = [] if isinstance(assessor, Namer) else [*live_frames.routes(assessor), *ondevice_files.routes(assessor)]
    return {
        "i18n": gr.I18n(**translations(assessor)),
        "theme": theme(),
        "css_paths": [STATIC / "styles" / f"{name}.css" for name in STYLES],
        "favicon_path": STATIC / "favicon.svg",
        "footer_links": ["api"],
        "max_file_size": max(decode.MAX_BYTES, quotas.ZIP_BYTES),  # a photo's own limit is held where it is read
        "show_error": False,  # hides what wasn't meant for visitors; a gr.Error is shown all the same
        "strict_cors": True,
        "run_history": False,
        "enable_monitoring": False,
        "mcp_server": False,
        "ssr_mode": False,
        "quiet": True,
        "allowed_paths": [str(uploads.lessons())],
        "auth_message": "<br>".join(text("requests.guesses", language, count=GUESSES, seconds=GUESS_S) for language in LANGUAGES),
        "app_kwargs": {
            "middleware": [Middleware(part) for part in within],
            "routes": [*routes, *(route for door in doors for route in door.routes())],
            "lifespan": _life(request_gate.guarded(hosts), uploads.swept, *(door.open for door in doors)),
            "exception_handlers": {StorageError: uploads.no_storage},
        },
    }


def _life(*parts: Callable[[Any], AbstractAsyncContextManager[None]]) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """What goes on from the server's start to its end."""

    @asynccontextmanager
    async def life(app: Any) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for part in parts:
                await stack.enter_async_context(part(app))
            yield

    return life


def _mcp(assessor: Assessor | Namer) -> "mcp.Door":
    """The MCP server, whose package few need."""
    if isinstance(assessor, Namer):
        raise SkinAppError(f"SKINAPP_MCP tells of lesions, and {assessor.model.id} names classes of its own; unset it.")
    if find_spec("mcp") is None:
        raise SkinAppError(
            "SKINAPP_MCP needs mcp, which isn't installed; run 'pip install -r requirements-mcp.txt', or unset it."
        )
    from skinapp.ui.endpoints import mcp

    return mcp.Door(assessor)


def warm(assessor: Assessor | Namer) -> None:
    """Answer a drawing, so that the first visitor doesn't wait for what only a first answer takes."""
    drawing = encode.jpeg(synthetic.draw(examples.SPOTS["even"]))
    with suppress(Exception):  # whatever fails here fails for the visitor, too, who is told
        if isinstance(assessor, Namer):
            assessor.read_and_assess(drawing)
        else:
            answering.answered(assessor, drawing, "en")


def theme() -> gr.themes.Base:
    """Slate and teal on the system's own fonts: a theme's web fonts would be fetched from another host."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "PingFang SC", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Consolas", "monospace"],
    )
