"""python -m skinapp.teach PICTURES.zip OUT [--share 0.2] [--model FOLDER|OWNER/NAME[@REVISION]]

Teaches as the page does, in a terminal: a zip with one folder a class in, a model folder out, with its figures on the way.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from skinapp import settings
from skinapp.assessment import loading
from skinapp.errors import SkinAppError
from skinapp.scratch import Scratch
from skinapp.teach import pipeline
from skinapp.teach.dataset import dataset
from skinapp.teach.pipeline import TrainingResult
from skinapp.teach.progress import Progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Teach and print the figures; the exit status is 2 if nothing could be learned."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        if options.out.exists():
            raise SkinAppError(f"{options.out} exists; name a folder that doesn't.")
        configured = settings.read(os.environ)
        base = loading.load(options.model or configured.model, configured.provider, configured.threads)
        started = time.monotonic()
        with closing(Scratch()) as scratch:
            scratch.close_at_the_end()
            collection = dataset.gather(options.pictures, base.spec.transform, scratch.new("lesson"), Progress())
            for refusal in collection.refused:
                print(f"{refusal.name}: {refusal.message.to('en')}", file=sys.stderr)
            embeddings = pipeline.embed(base, collection, Progress())
            result = pipeline.teach(base, collection, embeddings, options.share, options.out, Progress())
            _print_summary(result, collection, time.monotonic() - started)
    except SkinAppError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m skinapp.teach", description="A zip of pictures becomes a model folder.")
    parser.add_argument("pictures", type=Path, metavar="PICTURES.zip", help="one folder a class, and one named test if you like")
    parser.add_argument("out", type=Path, metavar="OUT", help="the model folder; its zip lies beside it")
    parser.add_argument("--share", type=float, default=0.2, help="held out where there is no test folder; default: 0.2")
    parser.add_argument("--model", metavar="FOLDER|OWNER/NAME[@REV]", help="whose features; default: $SKINAPP_MODEL, or embedded")
    return parser


def _print_summary(result: TrainingResult, collection: dataset.Collection, seconds: float) -> None:
    figures, labels = result.trained.figures, collection.labels
    print(f"{len(result.split.train)} pictures learned from, {figures['n']} held out, {seconds:.1f} s")
    for name in ("accuracy", "balanced_accuracy"):
        figure = figures[name]
        print(f"{name} {figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})")
    print(f"ece {figures['ece']:.3f}, strength {result.trained.strength:g}, temperature {result.trained.temperature:.2f}")
    for label, recall in zip(labels, figures["recall"], strict=True):
        print(f"recall {label} {'–' if recall is None else f'{recall:.3f}'}")


if __name__ == "__main__":
    sys.exit(main())
