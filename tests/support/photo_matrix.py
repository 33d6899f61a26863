"""A hundred drawn photos of odd sizes, formats and turns, and what sets a browser's answers to them beside the runtime's."""

import base64
import io
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.assessment.loaded_model import browser_model
from skinapp.imaging import decode
from skinapp.imaging.decode import ORIENTATION, Photo
from skinapp.model import hub, session
from tests.support import drawings
from tests.support.drawings import encoded

CLOSEST = 1e-4
"""Largest difference in probability that two machines may have on the same file."""
OTHERWISE = ("faded.png", "plain.avif")
"""Firefox blends what is half transparent, and enlarges AVIF's halved colours, in ways of its own."""

SIZES = [
    *((320, 240), (237, 411), (640, 480), (113, 799), (1201, 903), (224, 224), (500, 501), (3001, 997), (33, 47), (97, 31)),
    *((225, 223), (223, 448), (449, 224), (640, 641), (767, 431), (1024, 128), (1024, 768), (999, 1333), (17, 16), (2048, 1536)),
]

ASK = """async ([code, files, key, centred]) => {
    const modules = new URL(code, location.href);
    const { open } = await import(new URL("ondevice/engine.js", modules));
    const about = await (await fetch(new URL("about.json", modules))).json();
    const model = about.models.find((one) => one.key === key) ?? about.models[0];
    const network = await open(modules, about, () => undefined, model);
    const answers = [];
    for (const [name, kind, content] of files) {
        const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
        answers.push(await network.ask({ file: new File([bytes], name, { type: kind }), centred }));
    }
    network.close();
    return answers.map(({ refused, assessment }) => refused ?? assessment);
}"""
"""For a page that lies beside the folder of the modules: what they answer to files, with the network of this key, the first
without one."""


def hundred() -> dict[str, bytes]:
    """The photos' bytes by name."""
    looks = cycle([(30, 2), (55, 1), (80, 0), (92, 2), (98, 1)])
    sized = {size: drawings.lesion(*size, seed=size[0]) for size in SIZES}
    return (
        {f"{width}x{height}.png": encoded(photo) for (width, height), photo in sized.items()}
        | {
            f"{width}x{height}.jpeg": encoded(photo, "JPEG", quality=quality, subsampling=subsampling)
            for ((width, height), photo), (quality, subsampling) in zip(sized.items(), looks, strict=False)
        }
        | {f"turned{turn}.{form}": turned(turn, form) for turn in range(1, 9) for form in ("jpeg", "png", "webp")}
        | {
            f"{place}-{name}": content
            for place in (1, 2)
            for name, content in forms(drawings.lesion(437, 331, seed=place)).items()
        }
    )


def turned(turn: int, form: str) -> bytes:
    """A photo whose EXIF says how it is turned."""
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    return encoded(drawings.lesion(411, 303, (0.35, 0.6), seed=turn), form.upper(), exif=exif)


def forms(photo: Photo) -> dict[str, bytes]:
    """One photo in every form that browsers read."""
    picture = Image.fromarray(photo)
    across = np.broadcast_to(np.arange(photo.shape[1]), photo.shape[:2])
    cut, faded = (np.dstack([photo, alpha.astype(np.uint8)]) for alpha in (255 * (across > 60), across * 255 // across.max()))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "low.jpeg": (picture, {"quality": 40}),
        "fullcolour.jpeg": (picture, {"quality": 95, "subsampling": 0}),
        "progressive.jpeg": (picture, {"progressive": True}),
        "grey.jpeg": (picture.convert("L"), {}),
        "cmyk.jpeg": (picture.convert("CMYK"), {}),
        "profile.jpeg": (picture, {"icc_profile": srgb}),
        "palette.png": (picture.quantize(64), {}),
        "grey.png": (picture.convert("L"), {}),
        "bits.png": (picture.convert("1"), {}),
        "greyalpha.png": (picture.convert("LA"), {}),
        "cutout.png": (Image.fromarray(cut), {}),
        "faded.png": (Image.fromarray(faded), {}),
        "lossless.webp": (picture, {"lossless": True}),
        "lossy.webp": (picture, {"quality": 80}),
        "cutout.webp": (Image.fromarray(cut), {"quality": 80}),
        "still.gif": (picture.quantize(200), {}),
        "plain.bmp": (picture, {}),
        "plain.avif": (picture, {"quality": 80}),
    }
    return {name: saved(one, name, options) for name, (one, options) in made.items()}


def saved(picture: Image.Image, name: str, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, name.rpartition(".")[2].upper(), **options)
    return buffer.getvalue()


def packed(given: dict[str, bytes]) -> list[tuple[str, str, str]]:
    """Files as `ASK` takes them."""
    return [(name, f"image/{name.rpartition('.')[2]}", base64.b64encode(content).decode()) for name, content in given.items()]


def modules(folder: Path) -> str:
    """The folder of the modules, as `ASK` takes it."""
    [code] = folder.glob("code-*")
    return f"{code.name}/"


def runtime(name: str | None = None) -> Assessor:
    """The runtime on the very file that browsers run."""
    found = browser_model(name)
    ran = session.Session(found.folder / found.model.file, found.spec, session.CPU, 1)
    source = hub.LocalModel(found.folder, found.spec, found.model.file, found.model.id, found.model.revision, None)
    return Assessor(source, ran, [])


def furthest(given: dict[str, bytes], answers: list[Any], name: str | None = None) -> float:
    """The largest difference in probability between a browser's answers and the runtime's; all else must be the same."""
    theirs = expected(given, runtime(name))
    apart = dict(zip(given, differences(answers, theirs), strict=True))
    for photo, ours, other in zip(given, answers, theirs, strict=True):
        assert (ours["priority"], ours["focus"]) == (other.priority, other.focus.code), photo
        assert ours["issues"] == list(other.quality.issues), photo
        assert not other.quality.ok or ours["warnings"] == list(other.quality.warnings), photo
        assert (ours["view"], ours["careful"]) == (other.view or "", other.careful), photo
        assert ours.get("set") == (None if other.set is None else list(other.set)), photo
        assert [ours["seen"][edge] for edge in ("left", "top", "right", "bottom")] == list(other.evidence.view_box), photo
    worst = max(apart, key=lambda photo: apart[photo])
    assert apart[worst] <= CLOSEST, (worst, apart[worst])
    return apart[worst]


def expected(given: dict[str, bytes], assessor: Assessor) -> list[Assessment]:
    """The answers from all pixels of the files, as browsers answer; the program reads large ones with fewer."""
    return [assessor.assess([decode.read(content)], careful=True)[0] for content in given.values()]


def differences(answers: list[Any], theirs: list[Assessment]) -> list[float]:
    """The largest difference in probability of each photo."""
    assert not any(isinstance(answer, str) for answer in answers), answers
    return [float(np.abs(np.array(ours["chances"]) - one.chances).max()) for ours, one in zip(answers, theirs, strict=True)]
