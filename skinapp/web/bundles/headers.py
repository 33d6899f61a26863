"""With which headers a browser is handed the files of a tab."""

from pathlib import PurePosixPath

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
LASTING = "public, max-age=31536000, immutable"
"""Of files whose address changes with their content."""
SEALED = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
"""What ONNX Runtime's threads may do, whose policy is that of their script: nothing. The page holds its own policy."""


def of(path: str, *, lasting: bool = True, sealed: bool = False) -> dict[str, str]:
    """Those of a file: `lasting` where it may be kept for ever, `sealed` where a thread of ONNX Runtime may run it."""
    return {
        "Content-Type": KINDS.get(PurePosixPath(path).suffix, "application/octet-stream"),
        "Cache-Control": LASTING if lasting else "no-cache",
        **({"Content-Security-Policy": SEALED} if sealed else {}),
    }
