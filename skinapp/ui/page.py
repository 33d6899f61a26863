"""The page: header, tabs, footer, looks and locks; what its tabs are says the variant."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from skinapp.errors import StorageError
from skinapp.guards import background, queueing, security_headers
from skinapp.imaging import decode
from skinapp.teach import quotas
from skinapp.ui.components import script
from skinapp.ui.endpoints import api, http
from skinapp.ui.gradio_internals import accounts, files, frontend, hardening, inputs, queue, server, startup
from skinapp.ui.server import request_gate, uploads, waiting
from skinapp.ui.theme import theme
from skinapp.ui.variants import Variant
from skinapp.web import STATIC, answering, previews
from skinapp.web.views import page as page_view

STYLES = ("gradio_overrides", "page", "many", "live", "followup", "iframe", "teach")


@startup.one_application()
def build(variant: Variant) -> gr.Blocks:
    """The whole page with its client API, ready to launch."""
    say = gr.I18n(**variant.translations)
    uploads.folder()
    page = gr.Blocks(title="skinapp", analytics_enabled=False)
    with page:
        gr.HTML(say("header"), js_on_load=script("pick"), apply_default_css=False)
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap"):
            for name, add in variant.tabs(page).items():
                with gr.Tab(say(f"tab_{name}"), id=name):
                    add(say)
        gr.HTML(say("footer"), apply_default_css=False)
        api.add(variant.model)
    hardening.apply()
    page.queue(max_size=queueing.WAITING, default_concurrency_limit=2, status_update_rate=queueing.STATUS_S)
    queue.guard(page, waiting.refusal)
    inputs.fill_in(page)
    return page


def launch_options(variant: Variant, with_mcp: bool = False, hosts: Sequence[str] = ()) -> dict[str, Any]:
    """Arguments of `launch`: how the page looks, and everything of Gradio's that would keep or tell on a photo shut off. `hosts`
    are names that the server may be asked under."""
    page_policy = Middleware(security_headers.PagePolicy, frontend.shared_host)
    shown = Middleware(previews.Previews, path=files.FILE_PATH, visitor=accounts.visitor)
    mcp = variant.mcp() if with_mcp else None
    gate = server.in_front(partial(request_gate.RequestGate, hosts=hosts))
    return {
        "i18n": gr.I18n(**variant.translations),
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
        "allowed_paths": [str(uploads.workspaces())],
        "auth_message": page_view.login(),
        "app_kwargs": {
            "middleware": [Middleware(request_gate.Apology), Middleware(frontend.Assets), page_policy, shown],
            "routes": [*http.routes(variant.model), *variant.routes, *(mcp.routes() if mcp else [])],
            "lifespan": background.together(gate, uploads.sweeping, *([mcp.open] if mcp else [])),
            "exception_handlers": {StorageError: uploads.no_storage},
        },
    }


def serve(page: gr.Blocks, variant: Variant) -> None:
    """Keep a page that is launched going until the process is told to end, and end in order."""
    server.end_in_order(page, request_gate.ENDING)
    with suppress(Exception):  # whatever fails here fails for the visitor, too, who is told
        answering.warm(variant.model)
    page.block_thread()
