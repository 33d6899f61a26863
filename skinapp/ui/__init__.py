"""The page and the client API. With app.py the only importer of gradio, whose telemetry is off before it is imported,
and whose folder for photos is one that no other program uses: whatever grows old there is deleted."""

import inspect
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDER = "skinapp"

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

_given = Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir(), "gradio"))
os.environ["GRADIO_TEMP_DIR"] = str((_given if _given.name == FOLDER else _given / FOLDER).resolve())


def _import_gradio() -> None:
    """Gradio writes a .pyi file beside its source for each of its components, or makes sure that it is there still: half of the
    time that importing it takes. It leaves out those whose source can't be found."""
    find = inspect.getfile

    def find_others(thing: Any) -> str:
        if type(thing).__name__ == "ComponentMeta":
            raise OSError
        return find(thing)

    inspect.getfile = find_others  # type: ignore[assignment]
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = find


if find_spec("gradio"):  # the model environment, which has none, uses the rooms of the page that know none
    _import_gradio()
