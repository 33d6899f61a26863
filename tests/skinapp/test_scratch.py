"""A process's own folder: what it holds is its user's alone, and nothing is deleted that wasn't made here."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from skinapp import scratch
from skinapp.errors import SkinAppError, StorageError
from skinapp.i18n.messages import Message
from skinapp.scratch import MARKER, NOTE, PREFIX, Scratch
from tests.support.app_server import ROOT

KILLED = """
import os, sys
from skinapp.scratch import Scratch
print(Scratch(sys.argv[1]).write("uploads", "spot.png", b"a photo"), flush=True)
sys.stdin.read()
os._exit(9)
"""
NAME = f"{PREFIX}{'0123456789abcdef' * 2}"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(str(tmp_path))
    yield made
    made.close()


@contextmanager
def another(base: Path) -> Iterator[Path]:
    """A photo in the folder of another process, which ends without a word when the block does."""
    command = [sys.executable, "-c", KILLED, str(base)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Path(process.stdout.readline().strip())
        process.stdin.close()


def test_what_a_killed_process_left_goes_and_what_a_living_one_holds_stays(tmp_path: Path, own: Scratch) -> None:
    with another(tmp_path) as living:
        with another(tmp_path) as dead:
            pass
        own.sweep()
        assert living.read_bytes() == b"a photo" and not dead.exists()
        assert {path.name for path in tmp_path.iterdir()} == {living.parents[2].name, own.path.name}
    Scratch(str(tmp_path)).close()
    assert [path.name for path in tmp_path.iterdir()] == [own.path.name], "whoever starts next deletes it"


def test_all_of_it_is_its_users_alone_whatever_the_mask_is(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        own = Scratch(str(tmp_path / "made" / "for it"))
        own.write("uploads", "spot.png", b"a photo")
        own.new("lessons")
    finally:
        os.umask(mask)
    modes = {path.stat().st_mode & 0o777 for path in (own.path, *own.path.rglob("*"))}
    assert modes == {0o700, 0o600}
    own.close()


def test_names_have_nothing_to_do_with_what_is_in_them(own: Scratch) -> None:
    paths = {own.write("uploads", "spot.png", b"the same photo") for _ in range(10)}
    assert len({path.parent for path in paths}) == 10
    assert all(path.name == "spot.png" and len(path.parent.name) == 32 for path in paths)


def a_folder_of_that_name(place: Path) -> None:
    (place / NAME).mkdir(0o700)


def a_link_to_a_marked_folder(place: Path) -> None:
    marked = place / "elsewhere"
    marked.mkdir(0o700)
    (marked / MARKER).write_bytes(NOTE)
    (place / NAME).symlink_to(marked)


def a_marker_that_is_a_link(place: Path) -> None:
    a_folder_of_that_name(place)
    (place / "note").write_bytes(NOTE)
    (place / NAME / MARKER).symlink_to(place / "note")


def a_marker_that_says_something_else(place: Path) -> None:
    a_folder_of_that_name(place)
    (place / NAME / MARKER).write_bytes(NOTE + b"?")


def a_marker_that_never_ends(place: Path) -> None:
    a_folder_of_that_name(place)
    os.mkfifo(place / NAME / MARKER)


def a_folder_open_to_others(place: Path) -> None:
    a_folder_of_that_name(place)
    (place / NAME / MARKER).write_bytes(NOTE)
    (place / NAME).chmod(0o755)


def somebody_elses_folder(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder that is somebody else's")
    a_folder_of_that_name(place)
    (place / NAME / MARKER).write_bytes(NOTE)
    os.chown(place / NAME, 12345, 12345)


@pytest.mark.parametrize(
    "plant",
    [
        a_folder_of_that_name,
        a_link_to_a_marked_folder,
        a_marker_that_is_a_link,
        a_marker_that_says_something_else,
        a_marker_that_never_ends,
        a_folder_open_to_others,
        somebody_elses_folder,
    ],
)
def test_nothing_is_deleted_that_was_not_made_here(tmp_path: Path, own: Scratch, plant: Callable[[Path], None]) -> None:
    plant(tmp_path)
    (tmp_path / NAME / "mine.jpg").write_bytes(b"mine")
    own.sweep()
    assert (tmp_path / NAME / "mine.jpg").read_bytes() == b"mine"


def test_of_a_link_in_a_dead_folder_the_link_alone_goes(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "photo.jpg").write_bytes(b"mine")
    with another(tmp_path) as photo:
        (photo.parents[2] / "link").symlink_to(mine)
        (photo.parent / "link").symlink_to(mine)
    Scratch(str(tmp_path)).close()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"] and (mine / "photo.jpg").read_bytes() == b"mine"


def test_age_counts_from_the_first_look_whatever_the_clock_says(own: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "time", lambda: pytest.fail("a clock that may be set back was asked"))
    early = own.write("uploads", "spot.png", b"a photo")
    os.utime(early, (0, 0))
    own.expire("uploads", 100)
    now, late = 90.0, own.write("uploads", "spot.png", b"a photo")
    os.utime(late, (2**33, 2**33))
    with own.filling("uploads") as slow:
        own.expire("uploads", 100)
        now = 150.0
        own.expire("uploads", 100)
        assert not early.parent.exists() and late.exists() and slow.exists()
        now = 350.0
        own.expire("uploads", 100)
        assert not late.parent.exists() and slow.exists(), "what is being sent doesn't age"
    own.expire("uploads", 100)
    now = 500.0
    own.expire("uploads", 100)
    assert not slow.exists()


def test_what_cant_be_written_whole_leaves_nothing(own: Scratch) -> None:
    own.write("uploads", "spot.png", b"a photo")
    before, limits = sorted(own.path.rglob("*")), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageError) as caught:
            own.write("uploads", "spot.png", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.message == Message("requests.no_storage") and sorted(own.path.rglob("*")) == before
    assert own.write("uploads", "spot.png", bytes(100_000)).stat().st_size == 100_000


def test_a_folder_that_was_removed_is_made_anew_and_is_as_safe(tmp_path: Path, own: Scratch) -> None:
    for gone in (own.path / "uploads", own.path, tmp_path):
        own.write("uploads", "spot.png", b"a photo")
        scratch.shutil.rmtree(gone)
        assert own.write("uploads", "spot.png", b"a photo").read_bytes() == b"a photo"
    with another(tmp_path) as other:
        assert own.write("uploads", "spot.png", b"a photo").exists() and other.exists(), "the other one left it alone"


@pytest.mark.parametrize("place", ["", "uploads"])
def test_what_stands_in_its_place_is_neither_used_nor_deleted(own: Scratch, tmp_path: Path, place: str) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    own.new("uploads")
    scratch.shutil.rmtree(own.path / place)
    for plant in (lambda path: path.write_bytes(b"mine"), lambda path: path.symlink_to(mine)):
        plant(own.path / place)
        with pytest.raises(StorageError):
            own.write("uploads", "spot.png", b"a photo")
        own.expire("uploads", -1)
        assert (own.path / place).is_symlink() or (own.path / place).read_bytes() == b"mine"
        (own.path / place).unlink()
        assert list(mine.iterdir()) == []
    assert own.write("uploads", "spot.png", b"a photo").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into what is read-only")
def test_a_read_only_folder_is_told_and_works_again_afterwards(own: Scratch) -> None:
    own.new("uploads")
    (own.path / "uploads").chmod(0o500)
    with pytest.raises(StorageError):
        own.write("uploads", "spot.png", b"a photo")
    (own.path / "uploads").chmod(0o700)
    assert own.write("uploads", "spot.png", b"a photo").exists()


def test_where_there_is_no_place_the_program_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SkinAppError) as caught:
        Scratch(str(tmp_path / "file"))
    assert str(caught.value) == (
        f"{tmp_path / 'file'} can't hold photos (File exists); name a folder that can as GRADIO_TEMP_DIR, or as TMPDIR."
    )


def test_once_closed_nothing_is_left_and_nothing_comes_again(own: Scratch, tmp_path: Path) -> None:
    own.write("uploads", "spot.png", b"a photo")
    with pytest.raises(StorageError), own.filling("uploads") as folder:
        own.close()
        (folder / "late.png").write_bytes(b"a photo")
    with pytest.raises(StorageError):
        own.write("uploads", "spot.png", b"a photo")
    assert list(tmp_path.iterdir()) == []
