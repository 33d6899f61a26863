"""python -m skinapp.teach PICTURES.zip OUT [--share 0.2] [--on served|general|both] [--model FOLDER|OWNER/NAME[@REVISION]]
python -m skinapp.teach push FOLDER OWNER/NAME [--private]

Teaches as the page does, in a terminal: a zip with one folder a class in, a model folder out, with its figures on the way. A
folder that was taught here or in the page goes to the Hub with one's own token (HF_TOKEN).
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
from skinapp.model import hub
from skinapp.scratch import Scratch
from skinapp.teach import pipeline
from skinapp.teach.dataset import dataset
from skinapp.teach.networks import Kind, Networks
from skinapp.teach.pipeline import TrainingResult
from skinapp.teach.progress import Progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Teach and print the figures; the exit status is 2 if nothing could be learned."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["push"]:
        return _push(arguments[1:])
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        if options.out.exists():
            raise SkinAppError(f"{options.out} exists; name a folder that doesn't.")
        configured = settings.read(os.environ)
        base = loading.load(options.model or configured.model, configured.provider, configured.threads)
        networks = Networks.of(base, options.general or configured.general, configured.provider, configured.threads)
        started = time.monotonic()
        with closing(Scratch()) as scratch:
            scratch.close_at_the_end()
            collection = dataset.gather(options.pictures, base.spec.transform, scratch.new("lesson"), Progress())
            for refusal in collection.refused:
                print(f"{refusal.name}: {refusal.message.to('en')}", file=sys.stderr)
            embeddings = pipeline.embed(networks, collection, Progress())
            wanted = Kind(options.on) if options.on else None
            result = pipeline.teach(networks, collection, embeddings, options.share, options.out, Progress(), wanted)
            _print_summary(result, collection, time.monotonic() - started)
    except SkinAppError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _push(arguments: Sequence[str]) -> int:
    """Upload a taught folder; the exit status is 2 if it couldn't be."""
    parser = argparse.ArgumentParser(prog="python -m skinapp.teach push", description="A taught folder goes to the Hub.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the model folder")
    parser.add_argument("repo", metavar="OWNER/NAME", help="the model on the Hub, which is made where there is none")
    parser.add_argument("--private", action="store_true", help="make it private, where it has to be made")
    options = parser.parse_args(arguments)
    try:
        print(f"uploaded as {hub.push(options.folder, options.repo, options.private)}")
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
    parser.add_argument("--on", choices=list(Kind), help="what to learn on; default: what cross-validation finds best")
    parser.add_argument("--general", metavar="FOLDER|OWNER/NAME[@REV]", help="the network of all things; default: embedded")
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
    chosen = result.chosen
    compared = ", ".join(f"{kind} {balanced:.3f}" for kind, balanced in chosen.balanced.items())
    print(f"learned on {chosen.kind}{f' (balanced accuracy in cross-validation: {compared})' if compared else ''}")
    print(f"told as none of these, of the pictures held out {result.own_as_none:.3f}")
    for flaw in result.flaws:
        print(flaw.message.to("en"), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
