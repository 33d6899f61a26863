"""python -m skinapp PHOTO|FOLDER ... [--json] [--overlay OUT.png] [--model FOLDER|OWNER/NAME[@REVISION]]
python -m skinapp PHOTO|FOLDER|URI ... --engine ray --out FOLDER|URI [--workers N] [--batch-size N] [--threads N]

Assesses photos in the terminal: a row a photo, or with --json one JSON object a line; many photos with Ray, into Parquet files.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tqdm import tqdm

import skinapp
from skinapp import blas, malloc, settings
from skinapp.assessment import loading, pipeline
from skinapp.assessment.classifier import Classification, Classifier
from skinapp.errors import PhotoError, SkinAppError
from skinapp.i18n.messages import text
from skinapp.imaging import decode, encode
from skinapp.model import session


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, 1 if any photo failed, 2 if nothing could start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        _check_engine(options)
        if options.engine == "ray":
            return _score_with_ray(options)
        paths = list(_paths(map(Path, options.photos)))
        if options.careful is None:
            options.careful = len(paths) == 1
        if options.overlay and len(paths) != 1:
            raise SkinAppError(f"--overlay takes one photo, but {len(paths)} were given; leave it out or give one.")
        if options.overlay and not options.overlay.absolute().parent.is_dir():
            raise SkinAppError(f"--overlay {options.overlay} lies in no folder that exists; make the folder first.")
        environment = settings.read(os.environ)
        blas.compute_alone()
        malloc.bound_heaps()
        malloc.reuse_freed()
        # Many photos are answered side by side: a session of several threads would only be in its own way.
        threads = environment.threads or (1 if len(paths) > 1 else 0)
        model = skinapp.load(options.model or environment.model, environment.provider, threads)
        if options.centred and isinstance(model.assessor, Classifier):
            raise SkinAppError("--centred looks for a lesion, but this model has classes of its own; leave it out.")
    except SkinAppError as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if _assess_all(paths, model, options) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="skinapp", description=text("disclaimer", "en"))
    parser.add_argument("photos", nargs="+", metavar="PHOTO|FOLDER", help="with --engine ray also a URI, as s3://bucket/folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--overlay", metavar="OUT.png", type=Path, help="write the photo with the evidence drawn on it")
    parser.add_argument(
        "--careful",
        action=argparse.BooleanOptionalAction,
        help="answer from several looks at a photo, or from one; default: several if one photo is given",
    )
    parser.add_argument("--centred", action="store_true", help="find the lesion and answer the part around it")
    parser.add_argument("--model", metavar="FOLDER|OWNER/NAME[@REV]", help="default: $SKINAPP_MODEL, else the embedded model")
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="default: local, this process alone")
    many = parser.add_argument_group("with --engine ray (requirements-ray.txt)")
    many.add_argument("--out", metavar="FOLDER|URI", help="where the Parquet files go; what they hold isn't assessed again")
    many.add_argument("--workers", metavar="N", type=_count, help="processes with a session each; default: one a core")
    many.add_argument("--batch-size", metavar="N", type=_count, help="photos a pass; default: 1")
    many.add_argument("--threads", metavar="N", type=_count, help="threads a session; default: $SKINAPP_THREADS, else 1")
    return parser


def _count(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and int(value)):
        raise argparse.ArgumentTypeError(f"{value!r} is no number from 1 on")
    return int(value)


def _check_engine(options: argparse.Namespace) -> None:
    """Refuse what belongs to the other engine."""
    if options.engine == "ray":
        if not options.out:
            raise SkinAppError("--engine ray writes Parquet files; say where with --out FOLDER.")
        local_options = {
            "--json": options.json,
            "--overlay": options.overlay,
            "--centred": options.centred,
            "--careful": options.careful,
        }
        if name := next((name for name, value in local_options.items() if value), None):
            raise SkinAppError(f"{name} belongs to --engine local, and --engine ray writes Parquet files; leave one of them out.")
        return
    for name in ("out", "workers", "batch_size", "threads"):
        if getattr(options, name) is not None:
            raise SkinAppError(f"--{name.replace('_', '-')} belongs to --engine ray; add that or leave it out.")


def _score_with_ray(options: argparse.Namespace) -> int:
    """Have workers answer all photos into Parquet files; the exit status."""
    if missing := [name for name in ("ray", "pyarrow") if find_spec(name) is None]:
        raise SkinAppError(
            f"--engine ray needs {' and '.join(missing)}, which isn't installed; run 'pip install -r requirements-ray.txt'."
        )
    from skinapp import ray_batch

    environment = settings.read(os.environ)
    photos: list[str] = []
    for argument in options.photos:
        photos += ray_batch.pictures(argument) if "://" in argument else map(ray_batch.name, _paths([Path(argument)]))
    model_name = options.model or environment.model
    model = loading.load(model_name, environment.provider, environment.threads).model
    summary = ray_batch.score(
        photos,
        ray_batch.Job(
            answering=model,
            model=ray_batch.pinned_model(model_name, model),
            provider=environment.provider,
            out=options.out,
            folder=os.getcwd(),
            workers=options.workers or session.cores(),
            batch=options.batch_size or 1,
            threads=options.threads or environment.threads or 1,
        ),
    )
    _print(
        f"{options.out}  {summary.photos} photos, {summary.before} of them answered before, {summary.failed} that can't be read"
    )
    return 1 if summary.failed else 0


def _paths(arguments: Iterable[Path]) -> Iterator[Path]:
    """Photos as they are; folders as the pictures below them, sorted."""
    for path in arguments:
        if not path.is_dir():
            yield path
            continue
        pictures = sorted(entry for entry in path.rglob("*") if entry.suffix.lower() in decode.SUFFIXES and not entry.is_dir())
        if not pictures:
            raise SkinAppError(f"{path} holds no pictures ({', '.join(sorted(decode.SUFFIXES))}); give another folder.")
        yield from pictures


def _assess_all(paths: Sequence[Path], model: skinapp.Model, options: argparse.Namespace) -> int:
    """Assess and print all photos; gives how many can't be read."""
    if len(paths) == 1:
        answers: Iterable[tuple[Path, pipeline.Answered]] = [(paths[0], _assess_one(paths[0], model, options))]
    else:
        answers = pipeline.assess(model.assessor, paths, careful=options.careful, centred=options.centred)
    failed = 0
    for path, answer in tqdm(answers, total=len(paths), unit="photo", disable=len(paths) < 2, file=sys.stderr):
        failed += isinstance(answer, PhotoError)
        _print(_json(path, answer) if options.json else _row(path, answer))
    return failed


def _assess_one(path: Path, model: skinapp.Model, options: argparse.Namespace) -> pipeline.Answered:
    """The answer to a photo, whose overlay is written where it is wanted."""
    try:
        answer = model.assess(path, careful=options.careful, centred=options.centred)
    except PhotoError as error:
        return error
    if options.overlay:
        options.overlay.write_bytes(encode.png(answer.overlay()))
    return answer.assessment


def _json(path: Path, answer: pipeline.Answered) -> dict[str, Any]:
    return {"file": str(path), **({"error": str(answer)} if isinstance(answer, PhotoError) else answer.to_dict())}


def _row(path: Path, assessment: pipeline.Answered) -> str:
    if isinstance(assessment, PhotoError):
        return f"{path}  error: {assessment}"
    if isinstance(assessment, Classification):
        unlike = "  (none of these, it seems)" if assessment.is_none else ""
        return f"{path}  {assessment.top} {assessment.chances.max():.3f}{unlike}"
    priority = text(f"priorities.{assessment.priority}", "en")
    top = assessment.top
    return f"{path}  {priority}  {top.code} {assessment.chances.max():.3f}  {assessment.advice()}"


def _print(line: str | dict[str, Any]) -> None:
    text = line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
    # A file's name need not be text; written like this it is what JSON says of such letters.
    tqdm.write(text.encode(errors="backslashreplace").decode(), file=sys.stdout)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
