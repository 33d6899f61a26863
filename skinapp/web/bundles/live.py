"""The files that the Live tab's page loads in the browser, by path.

Most modules are the On-device tab's: what a video shows is steadied, measured and drawn the same way wherever it is answered.
"""

import hashlib
import json
from typing import Any

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import LANGUAGES, Language, section
from skinapp.labels import View
from skinapp.model.spec import Transform
from skinapp.web import STATIC
from skinapp.web.bundles import manifest
from skinapp.web.views import page
from skinapp.web.views.live import Limits

MODULES = (
    *(f"live/{name}.js" for name in ("watch", "remote", "sharpest")),
    *(f"view/{name}.js" for name in ("camera", "fill_answer", "smoothing")),
    *(f"inference/{name}.js" for name in ("explain", "triage")),
)
LEAST_SIDE = 256
"""Pixels a side of the square that is sent, or the network's where it sees more: small enough to travel 20 times a second."""
STILL_SIDE = 1024
"""Pixels a side, at most, of a picture that gets the full answer: those of an overlay."""


def files(assessor: Assessor, limits: Limits) -> dict[str, bytes]:
    """The modules and about.json by path, in a folder whose name changes with what lies in it."""
    contents = {path: (STATIC / path).read_bytes() for path in MODULES} | {"about.json": _about(assessor, limits)}
    digest = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents.values()))
    return {f"code-{digest.hexdigest()[:12]}/{path}": content for path, content in contents.items()}


def side(transform: Transform) -> int:
    """Pixels a side of the square that is sent."""
    return max(LEAST_SIDE, *transform.input_size[1:])


def _about(assessor: Assessor, limits: Limits) -> bytes:
    """What the modules must know: rules, thresholds, limits, and the HTML and sentences of both languages."""
    model, spec = assessor.model, assessor.spec
    about = {
        "rules": manifest.rules(),
        "issues": manifest.ISSUES,
        "thresholds": {"": spec.thresholds, **{view.value: spec.rule(view, careful=False).thresholds for view in View}},
        "shift": spec.heatmap.shift,
        "limits": {"side": side(spec.transform), "still": STILL_SIDE, "lanes": limits.lanes},
        "model": {
            "name": model.name,
            "precision": model.precision,
            "provider": model.processor,
        },
        "pieces": {language: _pieces(assessor, limits, language) for language in LANGUAGES},
    }
    return json.dumps(about, ensure_ascii=False).encode()


def _pieces(assessor: Assessor, limits: Limits, language: Language) -> dict[str, Any]:
    whole = manifest.pieces(assessor.model, language)
    say = section("live", language)
    say |= {key: say[key].format(**limits.values()) for key in ("over", "full", "crowded")}
    return {
        "answers": whole["answers"],
        "ran": whole["ran"],
        "lines": whole["lines"],
        "busy": page.busy(language),
        "say": say,
        "hints": section("issues", language),
    }
