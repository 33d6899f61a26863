"""The page and the client API. With app.py the only importer of gradio, whose telemetry is off before it is imported."""

import gc
import inspect
import os
from typing import Any

from skinapp import malloc

malloc.bound_heaps()
malloc.reuse_freed()

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# A dashboard that the page hasn't got: Gradio would keep the last 10,000 calls and sum them all up after every call.
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"], os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1", str(10**12)


def _import_gradio() -> None:
    """Gradio writes a .pyi file beside its source for each of its components, or makes sure that it is there still: half of the
    time that importing it takes. It leaves out those whose source can't be found. Looking for garbage among what is being
    imported takes a tenth of the rest."""
    find = inspect.getfile

    def find_others(thing: Any) -> str:
        if type(thing).__name__ == "ComponentMeta":
            raise OSError
        return find(thing)

    inspect.getfile = find_others  # type: ignore[assignment]
    gc.disable()
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = find
        gc.enable()


_import_gradio()
