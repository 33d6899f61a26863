"""python -m skinapp.web.bundles.onnxruntime_web

Puts onnxruntime-web's files, as npm installed them, where the On-device tab finds them: packed, and only those it needs.
"""

import gzip
import json
import sys
from pathlib import Path

from skinapp.web import STATIC

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "node_modules" / "onnxruntime-web"
FOLDER = STATIC / "onnxruntime"
LICENCE = "LICENSE"
VERSION = "version.txt"
ENGINES = {
    "WASM": {"module": "ort.wasm.bundle.min.mjs", "binary": "ort-wasm-simd-threaded.wasm.gz"},
    "WebGPU": {"module": "ort.webgpu.bundle.min.mjs", "binary": "ort-wasm-simd-threaded.asyncify.wasm.gz"},
}
"""What each engine of the browser needs: ONNX Runtime's module, and its WebAssembly."""


def files() -> list[Path]:
    """The installed files, whether or not they are there."""
    return [FOLDER / name for name in (*(name for engine in ENGINES.values() for name in engine.values()), LICENCE)]


def present() -> bool:
    return all(path.is_file() for path in (*files(), FOLDER / VERSION))


def version() -> str:
    """Of the installed onnxruntime-web."""
    return (FOLDER / VERSION).read_text(encoding="utf-8").strip()


def install(package: Path = PACKAGE, folder: Path = FOLDER) -> None:
    """Copy the modules and pack the WebAssembly; the version comes last, and with it `present`."""
    for engine in ENGINES.values():
        module, binary = engine["module"], engine["binary"]
        (folder / module).write_bytes((package / "dist" / module).read_bytes())
        unpacked = (package / "dist" / binary.removesuffix(".gz")).read_bytes()
        (folder / binary).write_bytes(gzip.compress(unpacked, 9, mtime=0))
    about = json.loads((package / "package.json").read_text(encoding="utf-8"))
    (folder / VERSION).write_text(f"{about['version']}\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        install()
    except OSError as error:
        sys.exit(f"onnxruntime-web isn't installed ({error}); run 'npm ci --omit=dev --ignore-scripts' first.")
