"""python -m export static OUT

Writes the On-device tab as a folder of files that any static host can serve: no Python answers there, the visitor's browser does.
"""

from collections.abc import Iterator
from pathlib import Path

from skinapp.assessment.loaded_model import browser_model
from skinapp.errors import SkinAppError
from skinapp.web.bundles import onnxruntime_web
from skinapp.web.bundles.ondevice import bundle

SELF_TEST = "selftest.html"
"""Compares with a server, which a static host hasn't."""


class StaticError(SkinAppError):
    """A folder that can't be written."""


def write(model: str | None, out: Path) -> Iterator[str]:
    """Fill an empty folder; a line a file: its size in bytes and its path."""
    if out.is_dir() and any(out.iterdir()):
        raise StaticError(f"{out} is not empty; give a new folder.")
    if not onnxruntime_web.present():
        raise StaticError(f"{onnxruntime_web.FOLDER} lacks ONNX Runtime for browsers; run 'make ondevice' first.")
    files = bundle(browser_model(model)).without(SELF_TEST)
    for path in sorted(files.paths):
        content = files.content(path)
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(content)
        yield f"{len(content):>14,}  {path}"
