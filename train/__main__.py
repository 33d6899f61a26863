"""python -m train fit|average|evaluate|pack: see each command's --help."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from train.cli_errors import clear_errors

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, help=__doc__, pretty_exceptions_enable=False)

Images = Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of photos.")]
Labels = Annotated[
    list[Path],
    typer.Option(exists=True, dir_okay=False, help="CSV with the columns file (or image_id) and dx; may be given several times."),
]

Activation = Annotated[str, typer.Option(help="timm's name of one to use in place of the network's own; '' for its own.")]
Sizes = Annotated[
    list[int], typer.Option(help="Side of the training views, pixels; given several times, each has an equal part of the run.")
]
Scc = Annotated[
    str, typer.Option(help="Lesions of which a squamous cell carcinoma is taught to be one, with commas; '' leaves them out.")
]
Teachers = Annotated[
    list[Path],
    typer.Option(
        file_okay=False, help="The folder best of a run, or a model folder, to learn from too; may be given several times."
    ),
]

Features = Annotated[float, typer.Option(help="Weight of the teachers' last maps beside their answers; 0 for not.")]
Once = Annotated[bool, typer.Option("--once", help="Ask teachers once about each photo, not about every view: far faster.")]


class Precision(StrEnum):
    """The weights to score."""

    INT8 = "int8"
    INT8_TRT = "int8_trt"
    W8 = "w8"
    FP32 = "fp32"


@app.callback()
def main() -> None:
    """Train and evaluate networks on labelled photos of skin lesions."""


@app.command()
def fit(
    images: Images,
    labels: Labels,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, history, curves, logs and the best weights.")],
    model: Annotated[str, typer.Option(help="A timm EfficientNetV2 or MobileNetV3.")] = "tf_efficientnetv2_b0",
    activation: Activation = "relu",
    init: Annotated[str, typer.Option(help="'hub' (timm's own weights), a safetensors file, or '' (random).")] = "hub",
    size: Sizes = [192],  # noqa: B006
    eval_size: Annotated[int, typer.Option(help="Side of the views that are judged and served, pixels.")] = 224,
    short_side: Annotated[int, typer.Option(help="Photos are kept in memory at this short side, pixels.")] = 256,
    epochs: Annotated[int, typer.Option(help="Passes over the photos.")] = 24,
    batch: Annotated[int, typer.Option(help="Photos a step, over all processes together.")] = 64,
    lr: Annotated[float, typer.Option(help="Highest learning rate of AdamW.")] = 6e-4,
    weight_decay: Annotated[float, typer.Option(help="Of the weights of convolutions and of the last layer.")] = 0.05,
    warmup: Annotated[float, typer.Option(help="Share of the steps in which the rate rises.")] = 0.05,
    smoothing: Annotated[float, typer.Option(help="Label smoothing.")] = 0.05,
    mixup: Annotated[float, typer.Option(help="How evenly pairs of views are blended (Beta's parameter); 0 for not.")] = 0.2,
    drop: Annotated[float, typer.Option(help="Dropout before the last layer.")] = 0.2,
    drop_path: Annotated[float, typer.Option(help="Stochastic depth.")] = 0.1,
    ema: Annotated[float, typer.Option(help="Decay of the averaged weights, a step.")] = 0.998,
    sampling: Annotated[float, typer.Option(help="A lesion is drawn count^-sampling times as often; 1 balances fully.")] = 0.5,
    adjust: Annotated[float, typer.Option(help="Logit adjustment: at 1 all lesions count as equally common.")] = 1.0,
    clinical: Annotated[float, typer.Option(help="Share of plain camera photos among those drawn, where there are both.")] = 0.4,
    scc: Scc = "akiec,bcc",
    area: Annotated[float, typer.Option(help="Smallest share of a photo's centre square that a view shows.")] = 0.4,
    colour: Annotated[float, typer.Option(help="Strength of the colour changes; 0 for none.")] = 1.0,
    faults: Annotated[float, typer.Option(help="Share of views with a fault of cameras (train/fit/augment.py).")] = 0.3,
    teacher: Teachers = [],  # noqa: B006
    taught: Annotated[float, typer.Option(help="Share of the loss that the teachers have; the labels have the rest.")] = 0.5,
    features: Features = 0.0,
    once: Once = False,
    val_share: Annotated[float, typer.Option(help="Lesions held out where the CSV has no split column.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    cpu: Annotated[bool, typer.Option(help="Stay on the CPU even where there is a GPU.")] = False,
    fp32: Annotated[bool, typer.Option(help="Learn in FP32 where there is bf16, too: MobileNetV3 is faster so on CPUs.")] = False,
    workers: Annotated[int, typer.Option(help="Processes that prepare photos, per training process.")] = 1,
    save_minutes: Annotated[float, typer.Option(help="Minutes between checkpoints within an epoch.")] = 5.0,
) -> None:
    """Fine-tune a network; the same command again goes on where a killed run was."""
    from train.data import dataset
    from train.fit import run

    recipe = run.Recipe(
        model, activation, init, tuple(size), eval_size, short_side, epochs, batch, lr, weight_decay, warmup,
        smoothing, mixup, drop, drop_path, ema, sampling, adjust, clinical, tuple(filter(None, scc.split(","))), area, colour,
        faults, tuple(map(str, teacher)), taught, features, once, val_share, seed, dataset.fingerprint(labels),
    )  # fmt: skip
    with clear_errors():
        best = run.fit(images, labels, out, recipe, cpu=cpu, workers=workers, save_minutes=save_minutes, fp32=fp32)
    typer.echo(f"best weights: {best}")


@app.command()
def average(
    best: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder best of a run.")],
    others: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Safetensors files of the same network.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder to write, as best is.")],
) -> None:
    """Average the weights of a run and of others that it descends from."""
    from train.fit.average import average as run

    with clear_errors():
        run(best, others, out)
    typer.echo(f"averaged weights: {out}")


@app.command()
def evaluate(
    model: Annotated[str, typer.Option(help="A model folder, or OWNER/NAME[@REVISION].")],
    images: Images,
    labels: Labels,
    json: Annotated[
        Path, typer.Option(dir_okay=False, help="Where to write the figures; the plots go to a folder plots beside it.")
    ],
    split: Annotated[str, typer.Option(help="Only the rows of this split; '' for all.")] = "",
    precision: Annotated[Precision, typer.Option(help="Which weights: an ONNX file, or fp32 in torch.")] = Precision.INT8,
    threads: Annotated[int, typer.Option(help="Of ONNX Runtime; 0 leaves it the choice.")] = 0,
    robustness: Annotated[bool, typer.Option(help="Also score the photos with mild faults of cameras: twelve passes.")] = True,
    careful: Annotated[
        bool, typer.Option(help="Answer from several looks at each photo, as the app does by default; or from one.")
    ] = True,
) -> None:
    """Score a model folder on any folder of photos and CSV, through the app's own code.

    Every figure comes with a 95% interval by resampling lesions: photos that the CSV's column group or lesion_id ties together;
    without either, each photo is a lesion. Where the CSV has sex, age or localization, the figures are also given by them, and
    always by the skin's tone in the photo; with a column view, by how photos were taken. Lesions outside of the seven (scc,
    inflammation, other_benign, other_malignant) are counted by the priority that they are given.
    """
    from train.evaluate.run import Options, write
    from train.evaluate.run import evaluate as run

    with clear_errors():
        evaluation = run(Options(model, images, labels, split, precision.value, threads, robustness, careful))
    write(evaluation, json)
    figures = evaluation.report
    typer.echo(
        f"balanced accuracy {figures['balanced_accuracy']['value']}, melanoma AUC {figures['melanoma']['auc']['value']} "
        f"on {figures['n']} photos: {json}"
    )


@app.command()
def pack(
    images: Images,
    labels: Labels,
    out: Annotated[Path, typer.Option(dir_okay=False, help="The zip to write.")],
    each: Annotated[int, typer.Option(help="Photos of each of the splits train and test, spread evenly over the classes.")] = 400,
    two: Annotated[bool, typer.Option("--two", help="Two classes, malignant and benign, instead of the seven.")] = False,
) -> None:
    """Pack photos of a CSV with a column split as a zip for `python -m skinapp.teach` and the page's Teach tab."""
    from train.data.zip_dataset import pack as run

    with clear_errors():
        counts = run(images, labels, out, each, two)
    typer.echo(", ".join(f"{folder} {count}" for folder, count in counts.items()))


if __name__ == "__main__":
    app()
