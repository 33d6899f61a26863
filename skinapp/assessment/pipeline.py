"""Many photos in their order on all cores: each thread decodes a few, has them answered in one pass and judges them, while the
others do the same."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeAlias

from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.assessment.classifier import Classification, Classifier
from skinapp.assessment.loaded_model import milliseconds_since
from skinapp.errors import PhotoError
from skinapp.imaging import decode
from skinapp.model.session import cores

MAX_PASS = 8
"""Photos a pass: where INT8 on a CPU is fastest (README, "How fast it is")."""
MAX_DECODED_BYTES = 2**26
"""Of photos that one thread holds before it has them answered, however few they are."""

Answered: TypeAlias = Assessment | Classification | PhotoError
"""What is said of a photo, or why nothing can be."""


def assess(
    assessor: Assessor | Classifier, paths: Sequence[Path], *, careful: bool = False, centred: bool = False, threads: int = 0
) -> Iterator[tuple[Path, Answered]]:
    """The answer to each photo, in their order; some are answered ahead of what is asked for, no more than a few a thread."""
    threads = threads or cores()
    batch_size = max(1, min(MAX_PASS, -(-len(paths) // threads)))
    batches = (paths[start : start + batch_size] for start in range(0, len(paths), batch_size))
    answer: Callable[[Sequence[Path]], list[Answered]] = partial(_assess_batch, assessor, careful=careful)
    if centred and isinstance(assessor, Assessor):
        answer = partial(_assess_centred, assessor, careful=careful)
    pending = deque[tuple[Sequence[Path], Future[list[Answered]]]]()
    with ThreadPoolExecutor(threads, "skinapp-photos") as pool:
        try:
            for batch in batches:
                pending.append((batch, pool.submit(answer, batch)))
                if len(pending) > 2 * threads:
                    yield from _next_answers(pending)
            while pending:
                yield from _next_answers(pending)
        finally:
            for _, future in pending:
                future.cancel()


def _next_answers(pending: "deque[tuple[Sequence[Path], Future[list[Answered]]]]") -> Iterator[tuple[Path, Answered]]:
    batch, future = pending.popleft()
    yield from zip(batch, future.result(), strict=True)


def _assess_batch(assessor: Assessor | Classifier, paths: Sequence[Path], *, careful: bool) -> list[Answered]:
    """The answers to a few photos from as few passes as memory allows; their stages are those of a pass."""
    answers: dict[int, Answered] = {}
    decoded: dict[int, decode.Decoded] = {}
    started = time.perf_counter()
    for index, path in enumerate(paths):
        try:
            decoded[index] = decode.read_reduced(path, assessor.need)
        except PhotoError as error:
            answers[index] = error
        if index + 1 == len(paths) or sum(photo.photo.nbytes for photo in decoded.values()) > MAX_DECODED_BYTES:
            elapsed = {"decode": milliseconds_since(started)}
            assessments = assessor.assess_decoded(list(decoded.values()), elapsed, careful=careful) if decoded else []
            answers.update(zip(decoded, assessments, strict=True))
            decoded.clear()
            started = time.perf_counter()
    return [answers[index] for index in range(len(paths))]


def _assess_centred(assessor: Assessor, paths: Sequence[Path], *, careful: bool) -> list[Answered]:
    """The answers to the parts around the lesions of a few photos, one after the other."""
    return [_centred(assessor, path, careful) for path in paths]


def _centred(assessor: Assessor, path: Path, careful: bool) -> Answered:
    try:
        return assessor.read_and_assess(path, centred=True, careful=careful)[1]
    except PhotoError as error:
        return error
