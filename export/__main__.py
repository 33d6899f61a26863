"""python -m export build: see its --help."""

from pathlib import Path
from typing import Annotated

import typer

from skinapp.errors import SkinAppError

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, help=__doc__, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Make model folders of trained weights."""


@app.command()
def build(
    checkpoint: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of the best weights of a run.")],
    out: Annotated[Path, typer.Argument(file_okay=False, help="The model folder to write.")],
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of photos.")],
    labels: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The CSV that the weights were trained by.")],
    not_lesions: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="CSV (file, kind, split) of photos to refuse, also below --images."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Of ONNX Runtime; 0 leaves it the choice.")] = 0,
) -> None:
    """Export, quantize, choose temperature and thresholds on val, measure, and write config.json and the card."""
    from export.build import build as run

    try:
        run(checkpoint, out, images, labels, not_lesions, threads)
    except SkinAppError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo(f"model folder: {out}")


if __name__ == "__main__":
    app()
