"""An open folder on Windows, which opens no folders and knows no users by number: by its path and its identity.

Held by a locked file in it, which nobody can delete meanwhile. The system's folder for temporary files is its user's alone there.
Not run on Windows: tests run it on Linux, on stand-ins for what Windows has and without what it lacks.
"""

import os
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

if sys.platform == "win32":
    import msvcrt

LOCK = ".lock"


class OpenFolder:
    """A folder until `close`; OSError where there is none, or a link."""

    def __init__(self, path: Path) -> None:
        self.path, self._identity, self._lock = path, path.lstat(), -1
        if not _is_folder(self._identity):
            raise NotADirectoryError(f"{path} is no folder")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lock(self) -> None:
        """Hold it until it is closed or this process ends, however that does; OSError where another process holds it."""
        descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "win32":  # that it is, mypy must be told
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            os.close(descriptor)
            raise
        self._lock = descriptor

    def is_in_place(self) -> bool:
        """Whether what stands at its path, if anything, is this folder."""
        try:
            return os.path.samestat(self.path.lstat(), self._identity)
        except FileNotFoundError:
            return False

    def is_private(self, marker: str, note: bytes) -> bool:
        """Whether it carries the note in a file of this name; OSError where it has none."""
        path = self.path / marker
        return stat.S_ISREG(path.lstat().st_mode) and path.stat().st_size == len(note) and path.read_bytes() == note

    def names(self) -> set[str]:
        """What it holds but for its lock."""
        return set(os.listdir(self.path)) - {LOCK}

    def delete(self, names: set[str]) -> None:
        """Delete what has these names; of a link the link alone."""
        for name in names:
            path = self.path / name
            with suppress(OSError):  # another was faster, or it is open
                if _is_folder(path.lstat()):
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()

    def remove(self) -> None:
        """Delete the empty folder itself."""
        self.close()
        (self.path / LOCK).unlink(missing_ok=True)
        self.path.rmdir()

    def close(self) -> None:
        """Let go of it."""
        descriptor, self._lock = self._lock, -1
        if descriptor != -1:
            os.close(descriptor)


def _is_folder(status: os.stat_result) -> bool:
    """A folder of its own, and no link or junction to another."""
    return stat.S_ISDIR(status.st_mode) and not getattr(status, "st_reparse_tag", 0)
