"""Every file of the On-device tab by its path, as the server hands it out and `export static` writes it. Knows no gradio.

A file in a folder never changes: the folder's name holds a hash of what lies in it. Large files lie packed, and the browser
unpacks them, so that every host sends them small.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.loaded_model import BrowserModel, browser_model
from skinapp.errors import SkinAppError
from skinapp.i18n.messages import LANGUAGES
from skinapp.model import hub
from skinapp.model.spec import CONFIG
from skinapp.web import STATIC
from skinapp.web.bundles import manifest, onnxruntime_web

OURS = STATIC / "ondevice"
CODE = ("ondevice", "inference", "view")
"""The folders of our modules."""
LOOKS = ("styles/gradio_overrides.css", "styles/page.css", "styles/ondevice.css", "favicon.svg")
"""What the tab's page looks like; all but one it has in common with the program's page, Gradio's classes among them."""
PICTURES = ("icons", "screenshots")
"""The folders of what the installed app is shown with."""
ENTRY = ("index.html", "selftest.html", "manifest.webmanifest")
WORKER = "sw.js"

Files = dict[str, Callable[[], bytes]]


class Bundle:
    """The files by path, `index.html` among them; a file's content is made when it is first asked for, and kept."""

    def __init__(self, files: Files) -> None:
        listed = f"const FILES = {json.dumps(sorted(files))};\n"
        worker = (listed + (OURS / WORKER).read_text(encoding="utf-8")).encode()
        self._files = {path: cache(make) for path, make in (files | {WORKER: lambda: worker}).items()}

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(self._files)

    def content(self, path: str) -> bytes:
        return self._files[path]()

    def without(self, left_out: str) -> "Bundle":
        """The same without one file, which the service worker then doesn't look for."""
        return Bundle({path: make for path, make in self._files.items() if path not in (left_out, WORKER)})


def bundle(source: BrowserModel) -> Bundle:
    """All files of the tab that answers with this model, the embedded one beside the phone's; `onnxruntime_web.present` must be
    true."""
    models, runtime = _models(source), _runtime()
    files = {key: _model(one) for key, one in models.items()}
    about = _about(models, files, _folder(runtime))
    code = _code(about)
    entry: Files = {name: _addressed(OURS / name, _folder(code)) for name in ENTRY}
    return Bundle(code | runtime | {path: make for own in files.values() for path, make in own.items()} | entry)


def bundle_of(assessor: Assessor) -> Bundle | None:
    """All files of the tab that answers with this model, where all that it needs is there."""
    if not onnxruntime_web.present():
        return None
    try:
        return bundle(assessor.browser_model())
    except SkinAppError:
        return None


def _models(source: BrowserModel) -> dict[str, BrowserModel]:
    """The models that a visitor may choose from, the one that answers first being the first. A model that whoever runs the
    program has chosen answers alone."""
    if source.folder != hub.EMBEDDED:
        return {"main": source}
    return {"phone": browser_model(str(hub.EMBEDDED_PHONE)), "main": source}


def is_lasting(path: str) -> bool:
    """Whether a file's address changes with its content."""
    return "/" in path


def _model(source: BrowserModel) -> Files:
    """config.json and the packed weights."""
    config = (source.folder / CONFIG).read_bytes()
    folder = f"model-{_hash(config)}"
    return {
        f"{folder}/{CONFIG}": lambda: config,
        f"{folder}/{source.model.file}.gz": lambda: _packed((source.folder / source.model.file).read_bytes()),
    }


def _runtime() -> Files:
    """ONNX Runtime's files as they were installed."""
    folder = f"onnxruntime-{onnxruntime_web.version()}"
    return {f"{folder}/{path.name}": path.read_bytes for path in onnxruntime_web.files()}


def _code(about: bytes) -> Files:
    """Our modules and styles, and about.json."""
    modules = (path for folder in CODE for path in sorted((STATIC / folder).glob("*.js")) if path.name != WORKER)
    pictures = (path for folder in PICTURES for path in sorted((STATIC / folder).glob("*.png")))
    paths = [*modules, *(STATIC / name for name in LOOKS), *pictures]
    contents = {path.relative_to(STATIC).as_posix(): path.read_bytes() for path in paths}
    contents |= {"about.json": about, "ondevice/evidence.js": _listening()}
    folder = f"code-{_hash(*contents.values())}"
    return {f"{folder}/{name}": partial(bytes, content) for name, content in contents.items()}


def _listening() -> bytes:
    """The page's own script for the evidence, which Gradio calls with an `element`, as a module."""
    script = (STATIC / "tabs" / "evidence.js").read_text(encoding="utf-8")
    return f"/** @param {{HTMLElement}} element */\nexport function listen(element) {{\n{script}}}\n".encode()


def _about(models: Mapping[str, BrowserModel], files: Mapping[str, Files], runtime: str) -> bytes:
    sample = next(iter(models.values())).model
    about = {
        "models": [
            {
                "key": key,
                "config": f"../{_folder(files[key])}/{CONFIG}",
                "weights": f"../{_folder(files[key])}/{one.model.file}.gz",
                "file": one.model.file,
                "bytes": (one.folder / one.model.file).stat().st_size,
                "precision": one.model.precision,
                "name": one.model.name,
            }
            for key, one in models.items()
        ],
        "runtime": f"../{runtime}/",
        "engines": onnxruntime_web.ENGINES,
        "rules": manifest.rules(),
        "issues": manifest.ISSUES,
        "pieces": {language: manifest.pieces(sample, language) for language in LANGUAGES},
    }
    return json.dumps(about, ensure_ascii=False).encode()


def _addressed(path: Path, folder: str) -> Callable[[], bytes]:
    """A page of ours, its `code/` being the folder of that name and hash."""
    return lambda: path.read_text(encoding="utf-8").replace('"code/', f'"{folder}/').encode()


def _packed(content: bytes) -> bytes:
    # Without a time, so that the same file packs to the same bytes; level 6 takes a fifth of the time of 9 for 0.3% more.
    return gzip.compress(content, 6, mtime=0)


def _folder(files: Files) -> str:
    return next(iter(files)).partition("/")[0]


def _hash(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:12]
