"""A folder of this process's own for what visitors send and get: its user alone may look into it, and it goes with the process.

A note in it proves that it was made here, and a lock on it that its process lives: one that nobody holds was left by a process
that was killed, and whoever starts next deletes it. Nothing else is ever deleted, no link followed, no wall clock asked.
"""

import atexit
import logging
import os
import secrets
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOENT, ENOTDIR
from functools import partial
from pathlib import Path
from types import FrameType

from skinapp.errors import SkinAppError, StorageError
from skinapp.i18n.messages import Message

if sys.platform == "win32":
    from skinapp.scratch.windows import OpenFolder
else:
    from skinapp.scratch.posix import OpenFolder

PREFIX = "skinapp-"
MARKER = ".made-by-skinapp"
NOTE = b"skinapp keeps here what visitors send and get, for minutes, and deletes this folder with all that is in it.\n"
TRIES = 100
"""How often a folder is emptied into which others still write while it is deleted."""

log = logging.getLogger("skinapp.scratch")


class Scratch:
    """Such a folder in `base`, or in the system's for temporary files. What it holds lies on a shelf, in a folder there whose
    name nobody guesses."""

    def __init__(self, base: str | None = None) -> None:
        self._lock, self._closed = threading.RLock(), False
        self._filling, self._first_seen = set[str](), dict[str, float]()
        try:
            self.path = Path(base or tempfile.gettempdir()).resolve() / f"{PREFIX}{secrets.token_hex(16)}"
            self._folder = self._make()
        except OSError as error:
            folder = base or "The system's folder for temporary files"
            raise SkinAppError(
                f"{folder} can't hold photos ({error.strerror}); name a folder that can as GRADIO_TEMP_DIR, or as TMPDIR."
            ) from None
        self.sweep()

    def new(self, shelf: str) -> Path:
        """An empty folder on a shelf; StorageError where there can be none."""
        with stored():
            folder = self._shelf(shelf) / secrets.token_hex(16)
            folder.mkdir(0o700)
        return folder

    @contextmanager
    def filling(self, shelf: str) -> Iterator[Path]:
        """A new folder while something is written into it: until then it doesn't age, and if that fails it goes."""
        folder = self.new(shelf)
        self._filling.add(folder.name)
        try:
            with stored():
                yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._filling.discard(folder.name)

    def write(self, shelf: str, name: str, content: bytes) -> Path:
        """A new file, which is whole as soon as it has its name."""
        with self.filling(shelf) as folder:
            part, path = folder / f".{name}", folder / name
            _create(part, content)
            part.rename(path)
        return path

    def expire(self, shelf: str, age_s: float) -> None:
        """Delete what has been on a shelf for longer, counted from the first look that found it there."""
        with suppress(OSError):  # there is no such folder
            now, present = time.monotonic(), set(os.listdir(self.path / shelf)) - self._filling
            self._first_seen = {name: self._first_seen.get(name, now) for name in present}
            with OpenFolder(self.path / shelf) as folder:
                folder.delete({name for name, since in self._first_seen.items() if now - since > age_s})

    def sweep(self) -> None:
        """Delete what killed processes left beside this folder."""
        with suppress(OSError):
            for path in self.path.parent.glob(f"{PREFIX}*"):
                with suppress(OSError):  # somebody else's, or alive, or another process was faster
                    _delete_if_dead(path)

    def close(self) -> None:
        """Delete the folder and all that lies in it; from now on there is none."""
        self._closed = True
        with suppress(OSError):
            if self._folder.is_in_place():
                _delete(self._folder)

    def close_at_the_end(self) -> None:
        """Close it however the process ends, but where it is killed: also at SIGTERM, which every container sends."""
        atexit.register(self.close)
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
                number = getattr(signal, name, None)  # Windows has no SIGHUP, and it alone has SIGBREAK
                if number and signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, partial(_stop, self))

    def _shelf(self, name: str) -> Path:
        """A shelf in the folder, both made anew where somebody has deleted them."""
        with self._lock:
            if self._closed:
                raise FileNotFoundError(ENOENT, "The folder is closed", str(self.path))
            if not self._folder.is_in_place():
                previous, self._folder = self._folder, self._make()
                previous.close()
            shelf = self.path / name
            with suppress(FileExistsError):
                shelf.mkdir(0o700)
            if not stat.S_ISDIR(shelf.lstat().st_mode):
                raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(shelf))
            return shelf

    def _make(self) -> OpenFolder:
        """The folder, open and locked as long as the process lives, and then its marker: what has none is deleted by nobody."""
        self.path.parent.mkdir(0o700, parents=True, exist_ok=True)
        self.path.mkdir(0o700)
        try:
            folder = OpenFolder(self.path)
            with suppress(OSError):  # a file system without locks: then nobody can take this one either
                folder.lock()
            _create(self.path / MARKER, NOTE)
        except OSError:
            shutil.rmtree(self.path, ignore_errors=True)
            raise
        return folder


def discard(path: Path) -> None:
    """Delete a file, and the folder that it had for itself."""
    with suppress(OSError):  # it has gone before, or isn't alone
        path.unlink()
        path.parent.rmdir()


@contextmanager
def stored() -> Iterator[None]:
    """A disk that is full, read-only or gone, in the words that a visitor gets."""
    try:
        yield
    except OSError as error:
        log.error("A visitor's file can't be kept: %s", error.strerror)  # its name is nobody's business
        raise StorageError(Message("requests.no_storage")) from error


def _stop(scratch: Scratch, number: int, _: FrameType | None) -> None:
    """Close, and end by the signal as if nobody had heard it."""
    scratch.close()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the first process of a container, which no signal ends


def _delete_if_dead(path: Path) -> None:
    with OpenFolder(path) as folder:
        if folder.is_private(MARKER, NOTE):
            folder.lock()
            _delete(folder)


def _delete(folder: OpenFolder) -> None:
    """Delete a folder, its marker last: until then whoever comes next knows what it is."""
    for _ in range(TRIES):
        folder.delete(folder.names() - {MARKER})
        if folder.names() <= {MARKER}:
            folder.delete({MARKER})
            folder.remove()
            break


def _create(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
