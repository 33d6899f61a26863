"""python -m export build|calibrate|general|bench|publish|static|mobile: see its --help."""

from pathlib import Path
from typing import Annotated

import typer

from skinapp.model.hub import EMBEDDED
from skinapp.model.spec import ModelSpec
from train.cli_errors import clear_errors

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, help=__doc__, pretty_exceptions_enable=False)

Labels = Annotated[
    list[Path],
    typer.Option(exists=True, dir_okay=False, help="The CSVs that the weights were trained by, in the same order."),
]
NotLesions = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="CSV (file, kind, split) of photos to refuse, also below --images."),
]
Masks = Annotated[
    Path | None, typer.Option(exists=True, file_okay=False, help="Folder of lesions' outlines, PNGs named as the photos.")
]

Forms = Annotated[
    list[str], typer.Option(help="A form of the weights to write, the one for CPUs first; may be given several times.")
]


@app.callback()
def main() -> None:
    """Make model folders of trained weights, time and publish them."""


@app.command()
def build(
    checkpoint: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of the best weights of a run.")],
    out: Annotated[Path, typer.Argument(file_okay=False, help="The model folder to write.")],
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of photos.")],
    labels: Labels,
    not_lesions: NotLesions = None,
    masks: Masks = None,
    threads: Annotated[int, typer.Option(help="Of ONNX Runtime; 0 leaves it the choice.")] = 0,
    gate: Annotated[bool, typer.Option(help="Refuse a served file that loses too much against FP32 on val.")] = True,
    form: Forms = ["int8", "int8_trt", "w8"],  # noqa: B006
) -> None:
    """Export, quantize, choose temperature and thresholds on val, measure, and write config.json and the card."""
    from export.build import build as run

    with clear_errors():
        run(checkpoint, out, images, labels, not_lesions, threads, gate, masks, form)
    typer.echo(f"model folder: {out}")


@app.command()
def calibrate(
    folder: Annotated[Path, typer.Argument(metavar="MODEL_FOLDER", exists=True, file_okay=False, help="Changed in place.")],
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of photos.")],
    labels: Labels,
    not_lesions: NotLesions = None,
    masks: Masks = None,
    threads: Annotated[int, typer.Option(help="Of ONNX Runtime; 0 leaves it the choice.")] = 0,
) -> None:
    """Choose all numbers of a finished model folder's answers anew, measure it anew, and write config.json, figures and card."""
    from export.build import recalibrate

    with clear_errors():
        recalibrate(folder, images, labels, not_lesions, masks, threads)
    typer.echo(f"model folder: {folder}")


@app.command()
def general(
    out: Annotated[Path, typer.Argument(file_okay=False, help="The model folder to write, new or empty.")],
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of ordinary photos, to round by.")],
) -> None:
    """Write the folder of the network that knows more than skin, for the Teach tab: EfficientNet-Lite0 as ImageNet taught it."""
    from export.general import build as run

    with clear_errors():
        run(out, images)
    typer.echo(f"model folder: {out}")


@app.command()
def bench(
    folder: Annotated[Path, typer.Argument(metavar="MODEL_FOLDER", exists=True, file_okay=False, help="The model to time.")],
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of photos.")],
    labels: Annotated[
        list[Path], typer.Option(exists=True, dir_okay=False, help="The CSVs that name them; their split test is used.")
    ],
    json: Annotated[Path | None, typer.Option(dir_okay=False, help="Where to save the result.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of each contender, on the CPU.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="In which all contenders take turns.")] = 40,
) -> None:
    """Time every form of the weights on every provider of this machine, and the whole answer beside a plain torch script's."""
    from export.bench import markdown
    from export.bench import run as timed

    with clear_errors():
        result = timed.bench(folder, images, labels, threads, rounds)
    if json:
        timed.write(result, json)
    typer.echo(markdown.render(result))


@app.command()
def publish(
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The model on the Hub.")],
    space: Annotated[str | None, typer.Option(metavar="OWNER/NAME", help="A Space that answers with it.")] = None,
    folder: Annotated[Path, typer.Option(file_okay=False, help="The model folder to upload.")] = EMBEDDED,
    tag: Annotated[str, typer.Option(help="Of this version; a tag never moves.")] = "v1",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would go and stop; asks no network.")] = False,
    private: Annotated[bool, typer.Option("--private", help="Make what has to be made private.")] = False,
) -> None:
    """Upload a model folder in one commit with a tag, and the Space that answers with it."""
    from export.release import publish as hub

    with clear_errors():
        publication = hub.plan(folder, repo, space, tag, private)
        for line in hub.listing(publication):
            typer.echo(line)
        for line in () if dry_run else hub.send(publication):
            typer.echo(line)


@app.command()
def static(
    out: Annotated[Path, typer.Argument(file_okay=False, help="The folder to write, new or empty.")],
    model: Annotated[str | None, typer.Option(metavar="FOLDER|OWNER/NAME[@REV]", help="Default: the embedded model.")] = None,
) -> None:
    """Write the On-device tab as a folder that any static host can serve."""
    from export.release import static_site as page

    with clear_errors():
        for line in page.write(model, out):
            typer.echo(line)


@app.command()
def mobile(
    folder: Annotated[Path, typer.Argument(metavar="MODEL_FOLDER", exists=True, file_okay=False, help="The model.")],
    out: Annotated[Path, typer.Argument(file_okay=False, help="The folder to write, new or empty.")],
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of photos.")],
    labels: Labels,
    record: Annotated[bool, typer.Option(help="Put the figures into the model folder's metrics.json and card as well.")] = False,
) -> None:
    """Write LiteRT and ONNX Runtime Mobile files, their numbers and test vectors; needs requirements-mobile.txt."""
    from export.release import mobile as phones

    with clear_errors():
        photos = phones.Photos.read(images, labels, ModelSpec.read(folder))
        for line in phones.write(folder, out, photos, record):
            typer.echo(line)


if __name__ == "__main__":
    app()
