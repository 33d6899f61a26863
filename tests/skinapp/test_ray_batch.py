"""Many photos with Ray: real workers in real processes, one of them killed; then the whole run killed and taken up again.

A photo that is a named pipe holds up the worker that reads it, so a test knows where a run stands and needs no clock.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from pyarrow import parquet

from skinapp import __main__ as cli
from skinapp import ray_batch
from skinapp.assessment.assessor import Assessor
from tests import TINY_MODEL
from tests.support import drawings
from tests.support.app_server import ROOT

MODEL = ["--model", str(TINY_MODEL)]
RUN = "import sys; from skinapp import ray_batch, __main__ as cli; ray_batch.PART = 4; sys.exit(cli.main(sys.argv[1:]))"
"""The command line, with parts of 4 photos."""
PHOTOS = 14
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
"""127.0.0.1, ::1 and ::ffff:127.0.0.1."""
PATIENCE_S = 600
"""Until a run that hangs is a failure; a run takes 10 on an idle machine."""


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where a run keeps its temporary files; not pytest's folder, because a socket's path has room for 107 letters."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def quiet(environment: dict[str, str], scratch: Path) -> dict[str, str]:
    """The environment of a run."""
    return {**environment, "TMPDIR": str(scratch)}


def photos(folder: Path) -> Path:
    """A folder of drawn photos and a broken one; `a.png`, the first, is yet to be made."""
    folder.mkdir()
    for number in range(PHOTOS):
        photo = drawings.lesion(120, 90, colour=drawings.COLOURS[number % 7], seed=number)
        (folder / f"b{number:02}.png").write_bytes(drawings.encoded(photo))
    (folder / "c.jpg").write_bytes(b"broken")
    (folder / "notes.txt").write_text("not a photo")
    return folder


def first() -> bytes:
    return drawings.encoded(drawings.lesion(seed=99))


def until(reached: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Wait for something, as long as the process lives that brings it about."""
    end = time.monotonic() + PATIENCE_S
    while not reached():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def running(folder: Path, out: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, with two workers."""
    ray = ["--engine", "ray", "--out", str(out), "--workers", "2"]
    command = [sys.executable, "-c", RUN, str(folder), *MODEL, *ray]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def held_up(pipe: Path, process: subprocess.Popen[str]) -> Iterator[int]:
    """The process of the worker that reads the pipe, and gets nothing to read until the block ends."""
    ends: list[int] = []

    def opened() -> bool:
        with suppress(OSError):  # there is no reader yet
            ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(ends)

    until(opened, process)
    until(lambda: bool(readers(pipe)), process)
    (worker,) = readers(pipe)
    try:
        yield worker
    finally:
        os.close(*ends)


def readers(pipe: Path) -> list[int]:
    """The other processes that have the pipe open."""
    links = [link for link in Path("/proc").glob("[0-9]*/fd/*") if target(link) == str(pipe)]
    return [pid for link in links if (pid := int(link.parts[2])) != os.getpid()]


def target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:  # its process has ended meanwhile
        return ""


def family(root: int) -> set[int]:
    """A process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parts[2])] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {root}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def addresses(root: int) -> set[str]:
    """The addresses that a process and its descendants listen on or speak from, as the kernel writes them."""
    sockets = {target(link) for pid in family(root) for link in Path(f"/proc/{pid}/fd").glob("*")}
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if f"socket:[{row[9]}]" in sockets}


def rows(out: Path) -> list[dict[str, object]]:
    """All rows of a Parquet folder by file, without what is null and without the time taken."""
    table = parquet.read_table(out).drop_columns(["elapsed_ms"]).sort_by("file")
    return [{key: value for key, value in row.items() if value is not None} for row in table.to_pylist()]


def alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """What the single process prints, without what is null and without the time taken."""
    assert cli.main([str(folder), "--json", *MODEL]) == 1
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [{key: value for key, value in row.items() if key != "elapsed_ms" and value is not None} for row in said]


def test_a_run_whose_worker_is_killed_answers_every_photo_once_and_as_a_single_process_does(
    tmp_path: Path, quiet: dict[str, str], scratch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = photos(tmp_path / "photos"), tmp_path / "out"
    os.mkfifo(pipe := folder / "a.png")
    (tmp_path / "a.png").write_bytes(first())
    with running(folder, out, quiet) as process:
        with held_up(pipe, process) as worker:
            seen = addresses(process.pid)
            os.replace(tmp_path / "a.png", pipe)
            os.kill(worker, signal.SIGKILL)
        said, complaints = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (1, f"{out}  16 photos, 0 of them answered before, 1 that can't be read\n"), complaints
    assert rows(out) == alone(folder, capsys)
    assert seen and seen <= LOOPBACK and list(scratch.glob("skinapp-*")) == []
    assert [line for line in complaints.splitlines() if line.strip() and "/16 [" not in line] == []


def test_a_run_that_was_killed_goes_on_where_it_was(
    tmp_path: Path, quiet: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = photos(tmp_path / "photos"), tmp_path / "out"
    os.mkfifo(pipe := folder / "a.png")
    with running(folder, out, quiet) as process, held_up(pipe, process):
        until(lambda: len(list(out.glob("*.parquet"))) == 3, process)
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: not readers(pipe))
    written = {part: part.stat().st_mtime_ns for part in out.glob("*.parquet")}
    os.unlink(pipe)
    pipe.write_bytes(first())
    (out / ".answers-0.parquet").write_bytes(b"half a part")
    with running(folder, out, quiet) as process:
        said, complaints = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (1, f"{out}  16 photos, 12 of them answered before, 1 that can't be read\n"), complaints
    assert rows(out) == alone(folder, capsys)
    assert {part: part.stat().st_mtime_ns for part in written} == written
    assert len(list(out.iterdir())) == 4
    assert cli.main([str(folder), *MODEL, "--engine", "ray", "--out", str(out)]) == 1
    assert capsys.readouterr().out == f"{out}  16 photos, 16 of them answered before, 1 that can't be read\n"


def test_a_bucket_is_listed_and_read_by_uri(tmp_path: Path, assessor: Assessor) -> None:
    """A local file system is a bucket too, where it is named by a URI."""
    (tmp_path / "in it").mkdir()
    (tmp_path / "in it" / "é 1%.png").write_bytes(first())
    (tmp_path / "b.JPG").write_bytes(b"broken")
    (tmp_path / "notes.txt").write_text("not a photo")
    found = ray_batch.pictures(tmp_path.as_uri())
    assert found == [(tmp_path / "b.JPG").as_uri(), (tmp_path / "in it" / "é 1%.png").as_uri()]
    assert ray_batch.pictures(found[1]) == [found[1]]
    broken, answered, gone = ray_batch.answers(assessor, [*found, f"{tmp_path.as_uri()}/none.png"])
    report = assessor.read_and_assess(first())[1].to_dict()
    assert {**answered, "elapsed_ms": 0} == {"file": found[1], **report, "elapsed_ms": 0}
    assert broken["error"].startswith("The file is not a picture") and broken.keys() == gone.keys() == {"file", "error"}
    assert gone["error"] == f"{tmp_path.as_uri()}/none.png can't be opened (No such file or directory); check the path."


def test_a_name_that_is_no_text_gets_a_row_under_its_uri(tmp_path: Path, assessor: Assessor) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff 1%.png"))
    odd.write_bytes(first())
    (tmp_path / "plain.png").write_bytes(first())
    assert ray_batch.name(tmp_path / "plain.png") == str(tmp_path / "plain.png")
    named = ray_batch.name(odd)
    assert named == f"{tmp_path.as_uri()}/%FF%201%25.png"
    (row,) = ray_batch.answers(assessor, [named])
    assert (row["file"], row["status"]) == (named, assessor.read_and_assess(first())[1].to_dict()["status"])
    assert pa.Table.from_pylist([row], ray_batch.SCHEMA)["file"].to_pylist() == [named]


def test_a_buckets_region_is_kept_with_each_of_its_photos(tmp_path: Path, assessor: Assessor) -> None:
    (tmp_path / "a?b.png").write_bytes(first())
    query = "?region=eu-west-1&endpoint_override=http://localhost:9000/"
    found = ray_batch.pictures(tmp_path.as_uri() + query)
    assert found == [f"{tmp_path.as_uri()}/a%3Fb.png{query}"]
    (row,) = ray_batch.answers(assessor, found)
    assert (row["file"], "error" in row) == (found[0], False)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("file:///none", "file:///none holds no pictures (.avif, .bmp, .gif, .heic, .heif, .jpeg, .jpg, .png, .tif, .tiff, .webp); give another URI."),
        ("nowhere://photos", "nowhere://photos can't be listed (Unrecognized filesystem type in URI: nowhere://photos); check the URI and the right to read it."),
    ],
)  # fmt: skip
def test_a_bucket_that_is_not_there_is_said_in_one_line(uri: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([uri, *MODEL, "--engine", "ray", "--out", "o"]) == 2
    assert capsys.readouterr().err == said + "\n"


def test_photos_in_one_pass_get_the_answers_that_each_gets_alone(tmp_path: Path, assessor: Assessor) -> None:
    names = [str(path) for path in sorted(photos(tmp_path / "photos").iterdir()) if path.suffix != ".txt"]
    together, alone = ray_batch.answers(assessor, names), [ray_batch.answers(assessor, [name])[0] for name in names]
    assert [row["file"] for row in together] == names and "error" in together[-1]
    for ours, exact in zip(together, alone, strict=True):
        assert ours.get("probabilities") == pytest.approx(exact.get("probabilities"), abs=1e-6)
        assert [ours.get(key) for key in ("priority", "advice", "error")] == [
            exact.get(key) for key in ("priority", "advice", "error")
        ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--engine", "ray"], "--engine ray writes Parquet files; say where with --out FOLDER."),
        (["--engine", "ray", "--out", "o", "--json"], "--json belongs to --engine local, and --engine ray writes Parquet files; leave one of them out."),
        (["--out", "o"], "--out belongs to --engine ray; add that or leave it out."),
        (["--batch-size", "2"], "--batch-size belongs to --engine ray; add that or leave it out."),
        (["--engine", "ray", "--out", "nowhere://o"], "--out nowhere://o is no place to write to (Unrecognized filesystem type in URI: nowhere://o); give a folder or a URI."),
        (["--engine", "ray", "--out", "{file}"], "--out {file} can't be used (Cannot create directory '{file}': non-directory entry exists); give another folder."),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_one_line_before_any_photo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (file := tmp_path / "a.png").write_bytes(first())
    assert cli.main([str(file), *MODEL, *(argument.format(file=file) for argument in arguments)]) == 2
    assert capsys.readouterr().err == said.format(file=file) + "\n"


@pytest.mark.parametrize("value", ["0", "-1", "two", ""])
def test_a_number_of_workers_is_one_or_more(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["a.png", "--engine", "ray", f"--workers={value}"])
    assert ended.value.code == 2 and f"{value!r} is no number from 1 on" in capsys.readouterr().err


def test_answers_of_two_models_are_never_mixed(tmp_path: Path, capsys: pytest.CaptureFixture[str], assessor: Assessor) -> None:
    (photo := tmp_path / "a.png").write_bytes(first())
    (answer,) = ray_batch.answers(assessor, [str(photo)])
    answer["model"] = {**answer["model"], "revision": "0" * 40}
    (tmp_path / "out").mkdir()
    ray_batch._write([answer], str(tmp_path / "out"))
    assert cli.main([str(photo), *MODEL, "--engine", "ray", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        f"--out {tmp_path}/out holds answers of the model revision 000000000000, not of tiny_model@{assessor.model.revision}; "
        "give another folder, or that model.\n"
    )


@pytest.mark.parametrize("library", ["ray", "pyarrow"])
def test_without_ray_it_says_what_to_install(
    library: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    assert cli.main(["a.png", "--engine", "ray", "--out", "o"]) == 2
    assert capsys.readouterr().err == (
        f"--engine ray needs {library}, which isn't installed; run 'pip install -r requirements-ray.txt'.\n"
    )


def test_the_page_and_the_single_process_load_no_ray(tmp_path: Path, environment: dict[str, str]) -> None:
    (photo := tmp_path / "a.png").write_bytes(first())
    code = (
        "import sys, app, skinapp.__main__ as cli; cli.main(sys.argv[1:]); print({'ray', 'skinapp.ray_batch'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(photo), *MODEL]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "set()"
