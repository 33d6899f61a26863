"""Many photos in their order on all cores: each thread decodes a few, has them answered in one pass and judges them, while the
others do the same."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeAlias

from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.assessment.classifier import Classification, Classifier
from skinapp.assessment.loaded_model import milliseconds
from skinapp.errors import PhotoError
from skinapp.imaging import decode

PASS = 8
"""Photos a pass: where INT8 on a CPU is fastest (README, "How fast it is")."""
HELD_BYTES = 2**26
"""Of photos that one thread holds before it has them answered, however few they are."""

Answered: TypeAlias = Assessment | Classification | PhotoError
"""What is said of a photo, or why nothing can be."""


def cores() -> int:
    """The cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def assess(
    assessor: Assessor | Classifier, paths: Sequence[Path], *, careful: bool = False, centred: bool = False, threads: int = 0
) -> Iterator[tuple[Path, Answered]]:
    """The answer to each photo, in their order; some are answered ahead of what is asked for, no more than a few a thread."""
    threads = threads or cores()
    size = max(1, min(PASS, -(-len(paths) // threads)))
    parts = (paths[start : start + size] for start in range(0, len(paths), size))
    answer: Callable[[Sequence[Path]], list[Answered]] = partial(_together, assessor, careful=careful)
    if centred and isinstance(assessor, Assessor):
        answer = partial(_each_centred, assessor, careful=careful)
    begun = deque[tuple[Sequence[Path], Future[list[Answered]]]]()
    with ThreadPoolExecutor(threads, "skinapp-photos") as pool:
        try:
            for part in parts:
                begun.append((part, pool.submit(answer, part)))
                if len(begun) > 2 * threads:
                    yield from _next(begun)
            while begun:
                yield from _next(begun)
        finally:
            for _, future in begun:
                future.cancel()


def _next(begun: "deque[tuple[Sequence[Path], Future[list[Answered]]]]") -> Iterator[tuple[Path, Answered]]:
    part, future = begun.popleft()
    yield from zip(part, future.result(), strict=True)


def _together(assessor: Assessor | Classifier, paths: Sequence[Path], *, careful: bool) -> list[Answered]:
    """The answers to a few photos from as few passes as memory allows; their stages are those of a pass."""
    answers: dict[int, Answered] = {}
    held: dict[int, decode.Decoded] = {}
    began = time.perf_counter()
    for place, path in enumerate(paths):
        try:
            held[place] = decode.read_reduced(path, assessor.need)
        except PhotoError as error:
            answers[place] = error
        if place + 1 == len(paths) or sum(one.photo.nbytes for one in held.values()) > HELD_BYTES:
            spent = {"decode": milliseconds(began)}
            found = assessor.assess_decoded(list(held.values()), spent, careful=careful) if held else []
            answers.update(zip(held, found, strict=True))
            held.clear()
            began = time.perf_counter()
    return [answers[place] for place in range(len(paths))]


def _each_centred(assessor: Assessor, paths: Sequence[Path], *, careful: bool) -> list[Answered]:
    """The answers to the parts around the lesions of a few photos, one after the other."""
    return [_centred(assessor, path, careful) for path in paths]


def _centred(assessor: Assessor, path: Path, careful: bool) -> Answered:
    try:
        return assessor.read_and_assess(path, centred=True, careful=careful)[1]
    except PhotoError as error:
        return error
