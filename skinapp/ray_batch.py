"""Scores more photos than one process can: Ray Data's actors, each with a session of its own, write Parquet parts.

The only importer of ray and pyarrow, which the app never needs. A part is written whole or not at all, and nothing else is kept
of a run: a photo that stands in a part is done, so a run that was killed goes on where it was.
"""

import hashlib
import logging
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

import pyarrow as pa
from pyarrow import dataset, parquet
from pyarrow.fs import FileSelector, FileSystem, FileType, LocalFileSystem
from tqdm import tqdm

import skinapp
from skinapp.assessment import quality
from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.assessment.classifier import Classification, Classifier
from skinapp.assessment.loaded_model import ModelInfo
from skinapp.errors import ModelError, PhotoError, SkinAppError
from skinapp.i18n.messages import Message
from skinapp.imaging import decode
from skinapp.labels import CODES
from skinapp.model import hub

PART = 256
"""Photos a Parquet part, and what a worker that dies has to do again: 7 s of work at 28 ms a photo."""
TRIES_AGAIN = 3
"""Times that a part is given to a new worker before the run stops: a photo that kills its worker would kill them for ever."""
STARTS = 4
"""Times that Ray is started before it counts as one that can't be."""
STORE_BYTES = 80 * 2**20
"""Ray's shared memory; it refuses less than 75 MiB, and only names of photos go through it."""
NAME = "answers-"
"""What the parts' names begin with; readers of Parquet folders pass over the dot that precedes it while one is written."""

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_worker_niceness": "0",  # as the process that starts them; 15 otherwise
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # else it tells of a worker that died among the answers, on stdout
    # Workers see the GPUs that a single process sees; without it Ray hides them, and they would answer on the CPU.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Named for other systems, but on Linux too the one switch that keeps every process of Ray on 127.0.0.1."""

NUMBERS = {int: pa.int64(), float: pa.float64()}
SCHEMA = pa.schema(
    {
        "file": pa.string(),
        "error": pa.string(),
        "schema": pa.int64(),
        "status": pa.string(),
        "priority": pa.string(),
        "top": pa.struct({"code": pa.string(), "name": pa.string(), "probability": pa.float64()}),
        "probabilities": pa.struct(dict.fromkeys(CODES, pa.float64())),
        "set": pa.list_(pa.string()),
        "reason": pa.struct({"code": pa.string(), "probability": pa.float64(), "threshold": pa.float64()}),
        "view": pa.string(),
        "careful": pa.bool_(),
        "quality": pa.struct(
            {"ok": pa.bool_(), "issues": pa.list_(pa.string()), "warnings": pa.list_(pa.string())}
            | {figure.name: NUMBERS[figure.type] for figure in fields(quality.Figures)}  # type: ignore[index]  # no strings here
            | {"box": pa.list_(pa.int64())}
        ),
        "advice": pa.string(),
        "disclaimer": pa.string(),
        "model": pa.struct({field.name: pa.string() for field in fields(ModelInfo)}),
        "elapsed_ms": pa.struct(dict.fromkeys(("decode", "preprocess", "model", "judge", "total"), pa.float64())),
    }
)
"""A row a photo: the report as it is, nested, with `file` and `error`; where one of report and error is, the other is null."""


@dataclass(frozen=True)
class Job:
    """What every worker does: which model on which provider, `batch` photos a pass, `threads` a session, parts into `out`.

    `folder` is where relative paths begin; `answering` the model that must answer.
    """

    answering: ModelInfo
    model: str
    provider: str
    out: str
    folder: str
    workers: int
    batch: int
    threads: int


@dataclass(frozen=True)
class Summary:
    """How many photos were given, how many of them were answered by an earlier run, and how many can't be read."""

    photos: int
    before: int
    failed: int


def pinned_model(loaded_as: str, model: ModelInfo) -> str:
    """The name by which every worker loads the very model that was loaded here under the name `loaded_as`."""
    if hub.COMMIT.fullmatch(model.revision):
        return f"{model.id}@{model.revision}"
    folder = Path(loaded_as).expanduser()
    return str(folder.absolute()) if loaded_as and folder.is_dir() else ""


def pictures(bucket: str) -> list[str]:
    """The URIs of the pictures below a URI, sorted, or of the one picture that it names."""
    scheme, _, rest = bucket.partition("://")
    _, mark, query = rest.partition("?")  # a bucket's region or endpoint, which every one of its photos needs
    try:
        files, path = FileSystem.from_uri(bucket)
        entries = [files.get_file_info(path)]
        if entries[0].type == FileType.Directory:
            entries = files.get_file_info(FileSelector(path, recursive=True))
    except (OSError, ValueError) as error:
        raise SkinAppError(f"{bucket} can't be listed ({_first_line(error)}); check the URI and the right to read it.") from None
    uris = sorted(
        f"{scheme}://{quote(entry.path)}{mark}{query}"
        for entry in entries
        if entry.type not in (FileType.Directory, FileType.NotFound) and entry.path.lower().endswith(decode.SUFFIXES)
    )
    if not uris:
        raise SkinAppError(f"{bucket} holds no pictures ({', '.join(sorted(decode.SUFFIXES))}); give another URI.")
    return uris


def name(path: Path) -> str:
    """A photo of this machine as the workers know it: its path, and where that is no text, which Parquet needs, its URI."""
    is_text = os.fsencode(path).decode(errors="replace") == str(path)
    return str(path) if is_text else path.absolute().as_uri()


def score(photos: Sequence[str], job: Job) -> Summary:
    """Answer every photo that no part in `job.out` holds yet."""
    before = _read_answered(job)
    photos = list(dict.fromkeys(photos))
    remaining = [photo for photo in photos if photo not in before]
    summary = Summary(len(photos), len(photos) - len(remaining), sum(before.get(photo, False) for photo in photos))
    if not remaining:
        return summary
    failed = summary.failed
    with tqdm(total=len(photos), initial=summary.before, unit="photo") as progress:
        for part in _score_parts(remaining, job):
            progress.update(part["photos"])
            failed += part["failed"]
    return Summary(summary.photos, summary.before, failed)


class Worker:
    """One of the workers: a loaded session that answers part after part."""

    def __init__(self, job: Job) -> None:
        os.chdir(job.folder)
        self.job = job
        self.assessor = skinapp.load(job.model, job.provider, job.threads).assessor
        loaded, expected = self.assessor.model, job.answering
        if (loaded.id, loaded.revision) != (expected.id, expected.revision):
            raise ModelError(
                f"A worker loaded {loaded.id}@{loaded.revision}, not {expected.id}@{expected.revision}; "
                "give a model that every machine can reach and that nobody changes meanwhile."
            )

    def __call__(self, part: pa.Table) -> pa.Table:
        """Answer the photos of a part and write them; gives how many, and how many of them can't be read."""
        (photos,), size = part["photos"].to_pylist(), self.job.batch
        rows = [row for start in range(0, len(photos), size) for row in answers(self.assessor, photos[start : start + size])]
        _write(rows, self.job.out)
        return pa.table({"photos": [len(rows)], "failed": [sum("error" in row for row in rows)]})


def answers(assessor: Assessor | Classifier, photos: Sequence[str]) -> list[dict[str, Any]]:
    """What `--json` says of each photo, from one pass over all of them: `elapsed_ms` is that of the pass."""
    started = time.perf_counter()
    decoded, errors = dict[str, decode.Decoded](), dict[str, str]()
    for photo in photos:
        try:
            decoded[photo] = decode.read_reduced(_source(photo), assessor.need)
        except PhotoError as error:
            errors[photo] = str(error)
    elapsed = {"decode": (time.perf_counter() - started) * 1000}
    assessed: Sequence[Assessment | Classification] = assessor.assess_decoded(list(decoded.values()), elapsed) if decoded else []
    reports = {photo: assessment.to_dict() for photo, assessment in zip(decoded, assessed, strict=True)}
    return [{"file": photo, **(reports.get(photo) or {"error": errors[photo]})} for photo in photos]


def _source(photo: str) -> str | bytes:
    """A path as it is; the bytes that a URI names, of a huge one only so many that it is refused."""
    if "://" not in photo:
        return photo
    uri, mark, query = photo.partition("?")
    folder, _, name = uri.rpartition("/")
    try:
        unquote(uri, errors="strict")
    except UnicodeDecodeError:  # a file of this machine, as `name` says it
        return os.fsdecode(unquote_to_bytes(urlsplit(photo).path))
    files, path = _folder(f"{folder}{mark}{query}")
    try:
        with files.open_input_file(f"{path}/{unquote(name)}") as stream:
            return bytes(stream.read(decode.MAX_BYTES + 1))
    except FileNotFoundError:
        raise PhotoError(Message("unreadable.closed", path=photo, reason="No such file or directory")) from None
    # Not this photo's fault: a right that ran out or a network that is gone would make rows of errors of all that follow.
    except OSError as error:
        raise SkinAppError(f"{photo} can't be read ({_first_line(error)}); check the network and the right to read it.") from None


@lru_cache(maxsize=16)
def _folder(uri: str) -> tuple[FileSystem, str]:
    """The file system of a URI and the path in it; kept, because opening a bucket asks its host."""
    resolved: tuple[FileSystem, str] = FileSystem.from_uri(uri)
    return resolved


def _output_folder(out: str) -> tuple[FileSystem, str]:
    try:
        return _folder(out) if "://" in out else (LocalFileSystem(), str(Path(out).absolute()))
    except (OSError, ValueError) as error:
        raise SkinAppError(f"--out {out} is no place to write to ({_first_line(error)}); give a folder or a URI.") from None


def _write(rows: list[dict[str, Any]], out: str) -> None:
    """One part, by a name that its photos decide: whoever answers them again replaces it."""
    files, folder = _output_folder(out)
    name = NAME + hashlib.sha256("\n".join(row["file"] for row in rows).encode()).hexdigest()[:16] + ".parquet"
    parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), f"{folder}/.{name}", filesystem=files)
    files.move(f"{folder}/.{name}", f"{folder}/{name}")


def _read_answered(job: Job) -> dict[str, bool]:
    """The photos that the parts in `out` hold, and whether they couldn't be read; makes the folder where there is none."""
    files, folder = _output_folder(job.out)
    try:
        files.create_dir(folder)
        entries = files.get_file_info(FileSelector(folder))
        for entry in entries:
            if entry.base_name.startswith(f".{NAME}"):
                files.delete_file(entry.path)
        parts = [entry.path for entry in entries if entry.base_name.startswith(NAME)]
        columns = {"file": dataset.field("file"), "error": dataset.field("error"), "by": dataset.field("model", "revision")}
        rows = dataset.dataset(parts, SCHEMA, "parquet", files).to_table(columns).to_pylist() if parts else []
    except (OSError, ValueError) as error:
        raise SkinAppError(f"--out {job.out} can't be used ({_first_line(error)}); give another folder.") from None
    for row in rows:
        if row["by"] not in (None, job.answering.revision):
            raise SkinAppError(
                f"--out {job.out} holds answers of the model revision {row['by'][:12]}, not of "
                f"{job.answering.name}; give another folder, or that model."
            )
    return {row["file"]: row["error"] is not None for row in rows}


def _score_parts(photos: Sequence[str], job: Job) -> Iterator[dict[str, int]]:
    """The summary of each part as it is written."""
    parts = [{"photos": photos[start : start + PART]} for start in range(0, len(photos), PART)]
    workers, cpus = min(job.workers, len(parts)), max(1, job.threads)
    try:
        with _ray(workers * cpus) as ray, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of max_task_retries, which has no other name yet
            written = ray.data.from_items(parts, override_num_blocks=len(parts)).map_batches(
                Worker,
                fn_constructor_args=(job,),
                batch_size=1,
                batch_format="pyarrow",
                # One part at a time, or parts would wait behind a slow one while other workers are idle.
                compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
                num_cpus=cpus,
                max_task_retries=TRIES_AGAIN,
            )
            yield from written.iter_rows()
    except SkinAppError:
        raise
    except Exception as error:  # what Ray raises shares no narrower base
        raise _as_skinapp_error(error, job) from error


@contextmanager
def _ray(cpus: int) -> Iterator[Any]:
    """Ray on this machine's loopback address until the block ends, or the cluster that RAY_ADDRESS names."""
    address = os.environ.get("RAY_ADDRESS")
    os.environ.update(QUIET if address else QUIET | LOOPBACK)  # before Ray is imported, which reads them
    import ray
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with TemporaryDirectory(prefix="skinapp-", ignore_cleanup_errors=True) as scratch:
        local: dict[str, Any] = {
            "num_cpus": cpus,
            "object_store_memory": STORE_BYTES,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
            "_temp_dir": scratch,
        }
        try:
            _start(ray, address=address or "local", **({} if address else local))
            yield ray
        finally:
            ray.shutdown()


def _start(ray: Any, **settings: Any) -> None:
    for tries_left in reversed(range(STARTS)):
        try:
            with _silenced():
                ray.init(**settings, logging_level=logging.CRITICAL, log_to_driver=False)
            return
        except Exception:  # the class that Ray raises where a node takes longer than its fixed 30 s, as on a busy machine
            if not tries_left:
                raise
            ray.shutdown()


@contextmanager
def _silenced() -> Iterator[None]:
    """Nothing reaches the terminal: Ray's core writes past Python's stderr that it was told to write nothing."""
    with open(os.devnull, "wb") as nowhere:
        stderr = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _as_skinapp_error(error: BaseException, job: Job) -> SkinAppError:
    """The complaint of ours that a worker raised, or what Ray says, in one sentence."""
    raised: BaseException | None = error
    while raised is not None:
        if isinstance(cause := getattr(raised, "cause", raised), SkinAppError):
            return cause
        raised = raised.__cause__
    return SkinAppError(
        f"The workers stopped ({_first_line(error)}); {job.out} keeps what was answered: give the same command again to go on."
    )


def _first_line(error: BaseException) -> str:
    """What an error says, in one line; pyarrow tells the system's error twice."""
    text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return str(text).splitlines()[0].partition(". Detail:")[0]
