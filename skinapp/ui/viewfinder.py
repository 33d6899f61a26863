"""What the Live tab is made of: its HTML, and the files that its page loads in the browser, by path. Knows no gradio.

Most modules are the On-device tab's: what a video shows is steadied, measured and drawn the same way wherever it is answered.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from skinapp import wording
from skinapp.assessor import Assessor
from skinapp.spec import Transform
from skinapp.ui import answer, pieces, viewers
from skinapp.wording import LIVE, Language

STATIC = Path(__file__).parent / "static"
MODULES = (
    *(f"live/{name}.js" for name in ("watch", "remote", "sharpest")),
    *(f"ondevice/{name}.js" for name in ("answer", "live", "overlay", "steady", "triage")),
)
LEAST_SIDE = 256
"""Pixels a side of the square that is sent, or the network's where it sees more: small enough to travel 20 times a second."""
STILL_SIDE = 1024
"""Pixels a side, at most, of a picture that gets the full answer: those of an overlay."""
FILLED = {"minutes": viewers.SECONDS // 60, "most": viewers.MOST}


def files(assessor: Assessor) -> dict[str, bytes]:
    """The modules and about.json by path, in a folder whose name changes with what lies in it."""
    contents = {path: (STATIC / path).read_bytes() for path in MODULES} | {"about.json": _about(assessor)}
    digest = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents.values()))
    return {f"code-{digest.hexdigest()[:12]}/{path}": content for path, content in contents.items()}


def side(transform: Transform) -> int:
    """Pixels a side of the square that is sent."""
    return max(LEAST_SIDE, *transform.input_size[1:])


def finder(language: Language, source: str) -> str:
    """The tab: camera and buttons, and the places of the answer that follows it and of the full one. `source` is the folder's
    address."""
    say = {key: said.to(language) for key, said in LIVE.items()}
    return (
        f'<section class="watch" lang="{language}" data-state="loading" data-source="{source}">'
        f'<div class="look"><div class="card finder">{_sight(say)}{_controls(say)}</div>'
        f'<p class="card notice" role="alert" hidden></p><p class="private">{say["private"].format(**FILLED)}</p></div>'
        f'<div class="beside"><div class="told" aria-live="polite"></div><div class="card nothing">'
        f"<h2>{say['empty']}</h2><p>{say['empty_how']}</p></div></div>"
        f'<div class="captured" hidden><h3>{say["captured_at"]} <time></time></h3>'
        f'<div class="seen-then"></div><div class="full"></div></div></section>'
    )


def _sight(say: dict[str, str]) -> str:
    return (
        f'<div class="sight"><video muted playsinline aria-label="{say["sight"]}"></video><canvas class="heat"></canvas>'
        '<svg class="guide" viewBox="0 0 100 100" aria-hidden="true"><circle class="ring" cx="50" cy="50" r="31"/>'
        '<circle class="held" cx="50" cy="50" r="31" pathLength="1"/></svg>'
        f'<div class="prompt"><span class="camera-icon" aria-hidden="true"></span><h2>{say["title"]}</h2>'
        f"<p>{say['how']}</p></div>"
        f'<p class="hint" role="status"></p><p class="figures"><span class="pace"></span><span class="left"></span></p></div>'
    )


def _controls(say: dict[str, str]) -> str:
    return (
        '<div class="controls">'
        f'<button type="button" class="main" data-do="start">{say["start"]}</button>'
        f'<button type="button" class="main" data-do="capture">{say["capture"]}</button>'
        f'<button type="button" data-do="stop">{say["stop"]}</button>'
        f'<label class="zooming"><span>{say["zoom"]}</span><input class="zoom" type="range" min="1" max="4" step="0.1" value="1">'
        f'</label><label class="mapping"><input class="map" type="checkbox" checked><span>{say["map"]}</span></label></div>'
    )


def _about(assessor: Assessor) -> bytes:
    """What the modules must know: rules, thresholds, limits, and the HTML and sentences of both languages."""
    model, spec = assessor.model, assessor.spec
    about = {
        "rules": pieces.rules(),
        "issues": pieces.ISSUES,
        "thresholds": dict(spec.thresholds),
        "shift": spec.heatmap.shift,
        "limits": {"side": side(spec.transform), "still": STILL_SIDE, "lanes": viewers.LANES},
        "model": {
            "name": f"{model.id}@{model.revision[:12]}",
            "precision": model.precision,
            "provider": model.provider.removesuffix("ExecutionProvider"),
        },
        "pieces": {language: _pieces(assessor, language) for language in wording.LANGUAGES},
    }
    return json.dumps(about, ensure_ascii=False).encode()


def _pieces(assessor: Assessor, language: Language) -> dict[str, Any]:
    whole = pieces.pieces(assessor.model, language)
    said = {key: said.to(language) for key, said in LIVE.items()}
    said |= {key: said[key].format(**FILLED) for key in ("over", "full", "crowded")}
    return {
        "answers": whole["answers"],
        "ran": whole["ran"],
        "busy": answer.busy(language),
        "say": said,
        "hints": {issue: sentence.to(language) for issue, sentence in wording.ISSUES.items()},
    }
