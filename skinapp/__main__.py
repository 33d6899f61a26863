"""python -m skinapp PHOTO|FOLDER ... [--json] [--overlay OUT.png] [--model FOLDER|OWNER/NAME[@REVISION]]

Assesses photos in the terminal: a row a photo, or with --json one JSON object a line.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from skinapp import explain, image, settings, wording
from skinapp.assessor import Assessment, Assessor
from skinapp.errors import PhotoError, SkinAppError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, 1 if any photo failed, 2 if nothing could start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        paths = list(_paths(options.photos))
        if options.overlay and len(paths) != 1:
            raise SkinAppError(f"--overlay takes one photo, but {len(paths)} were given; leave it out or give one.")
        if options.overlay and not options.overlay.absolute().parent.is_dir():
            raise SkinAppError(f"--overlay {options.overlay} lies in no folder that exists; make the folder first.")
        chosen = settings.read(os.environ)
        assessor = Assessor.load(options.model or chosen.model, chosen.provider, chosen.threads)
    except SkinAppError as error:
        print(error, file=sys.stderr)
        return 2
    failed = 0
    for path in tqdm(paths, unit="photo", disable=len(paths) < 2, file=sys.stderr):
        failed += not _one(path, assessor, options)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m skinapp", description=wording.DISCLAIMER.en)
    parser.add_argument("photos", nargs="+", metavar="PHOTO|FOLDER", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--overlay", metavar="OUT.png", type=Path, help="write the photo with the evidence drawn on it")
    parser.add_argument("--model", metavar="FOLDER|OWNER/NAME[@REV]", help="default: $SKINAPP_MODEL, else the embedded model")
    return parser


def _paths(given: Sequence[Path]) -> Iterator[Path]:
    """Photos as they are; folders as the pictures below them, sorted."""
    for path in given:
        if not path.is_dir():
            yield path
            continue
        found = sorted(entry for entry in path.rglob("*") if entry.suffix.lower() in image.SUFFIXES)
        if not found:
            raise SkinAppError(f"{path} holds no pictures ({', '.join(sorted(image.SUFFIXES))}); give another folder.")
        yield from found


def _one(path: Path, assessor: Assessor, options: argparse.Namespace) -> bool:
    """Assess and print one photo; False if it can't be read."""
    try:
        photo, assessment = assessor.read_and_assess(path)
    except PhotoError as error:
        _print({"file": str(path), "error": str(error)} if options.json else f"{path}  error: {error}")
        return False
    _print({"file": str(path), **assessment.to_dict()} if options.json else _row(path, assessment))
    if options.overlay:
        options.overlay.write_bytes(explain.png(assessment.overlay(photo)))
    return True


def _row(path: Path, assessment: Assessment) -> str:
    priority = wording.PRIORITIES[assessment.priority].en
    top = assessment.top
    return f"{path}  {priority}  {top.code} {assessment.chances.max():.3f}  {assessment.advice()}"


def _print(line: str | dict[str, Any]) -> None:
    tqdm.write(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False), file=sys.stdout)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
