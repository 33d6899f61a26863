"""Test vectors for apps: drawn spots as photo files, and beside each all that must come out on the way to its answer."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skinapp.assessment import view as which_view
from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import LANGUAGES
from skinapp.imaging import encode, preprocess, synthetic
from skinapp.imaging.decode import Photo
from skinapp.web.views import examples

DIGITS = 7


def write(served: Mapping[str, Assessor], out: Path) -> None:
    """Every drawing as `NAME.png`, what the network sees of it as `NAME.view.png`, and the numbers as `NAME.json`."""
    out.mkdir()
    for name, photo in photos().items():
        spec = next(iter(served.values())).spec
        view = preprocess.view(photo, spec.transform)
        (out / f"{name}.png").write_bytes(encode.png(photo))
        (out / f"{name}.view.png").write_bytes(encode.png(view))
        pixels = preprocess.normalize(view[None], spec.transform)[0]
        vector = {
            "photo": f"{name}.png",
            "decoded": {"width": photo.shape[1], "height": photo.shape[0], "sha256": hashlib.sha256(photo.tobytes()).hexdigest()},
            "view": f"{name}.view.png",
            "pixels": {
                "mean": _rounded(pixels.mean((1, 2))),
                "top_left": _rounded(pixels[:, 0, 0]),
                "middle": _rounded(pixels[:, pixels.shape[1] // 2, pixels.shape[2] // 2]),
            },
            "answers": {file: _answer(assessor, photo) for file, assessor in served.items()},
        }
        (out / f"{name}.json").write_text(json.dumps(vector, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def photos() -> dict[str, Photo]:
    """The drawings of the page, and one on its side: taller than wide."""
    drawings = {name: synthetic.draw(spot) for name, spot in examples.SPOTS.items()}
    return {**drawings, "upright": np.ascontiguousarray(np.rot90(drawings["uneven"])[40:, :400])}


def _answer(assessor: Assessor, photo: Photo) -> dict[str, Any]:
    """What one file answers, and what is made of it."""
    _, outputs = assessor.forward([photo], {})
    assessment = assessor.assess([photo])[0]
    report = assessment.to_dict()
    figures = {key: value for key, value in report["quality"].items() if isinstance(value, float | int) and key != "ok"}
    return {
        "logits": _rounded(outputs.logits[0]),
        "embedding": _rounded(outputs.embedding[0]),
        "cams": _rounded(outputs.cams[0]),
        "view": which_view.of(outputs.embedding[0], assessor.spec.clinical).value,
        "quality": figures,
        "issues": report["quality"]["issues"],
        "probabilities": report["probabilities"],
        "set": report["set"],
        "priority": report["priority"],
        "advice": {language: assessment.advice(language) for language in LANGUAGES},
    }


def _rounded(values: np.ndarray) -> Any:
    return np.round(values.astype(np.float64), DIGITS).tolist()
