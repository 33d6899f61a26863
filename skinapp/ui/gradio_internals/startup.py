"""How Gradio comes up: without telemetry, without writing into its own folder, and with one application.

What: environment variables before the import; `inspect.getfile`, which finds no component's source during it, and no collection
of garbage, neither then nor later among what was imported; `App.create_app`, which makes nothing while a page is being built.
Why: Gradio reports each start to its makers, and sums up the last 10,000 calls after every call for a dashboard that this page
hasn't got. It writes a .pyi file beside its source for each of its components and containers, or makes sure that it is there
still: half of the time that importing it takes; it leaves out those whose source can't be found. Looking for garbage among what
is being imported takes a tenth of the rest, and among what was imported a tenth of a second, again and again while the server
runs. It makes an application when a page is begun, done, given its queue and launched, of which only the last one serves.
Without it: starts are told of, take twice as long, and fail where the environment may not be written to.
"""

import gc
import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from skinapp.ui.gradio_internals import patch

ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**12),
}


def import_gradio() -> None:
    """Import Gradio for the first time."""
    os.environ.update(ENVIRONMENT)
    find = inspect.getfile

    def find_others(thing: Any) -> str:
        if type(thing).__name__ == "ComponentMeta" or getattr(thing, "__name__", "") == "BlocksEvents":
            raise OSError
        return find(thing)

    patch(inspect, "getfile", find_others)
    gc.disable()
    try:
        import gradio  # noqa: F401
    finally:
        patch(inspect, "getfile", find)
        gc.freeze()
        gc.enable()


@contextmanager
def one_application() -> Iterator[None]:
    """Within, Gradio makes no application."""
    from gradio.routes import App

    create = App.create_app
    patch(App, "create_app", staticmethod(lambda *_, **__: None))
    try:
        yield
    finally:
        patch(App, "create_app", staticmethod(create))
