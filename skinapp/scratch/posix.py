"""An open folder on Linux and macOS: by its descriptor, so that it stays the same one wherever its name leads meanwhile.

Held by a lock on the folder itself. Follows no link, and deletes nothing that is another user's.
"""

import fcntl
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Self

OPEN_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class OpenFolder:
    """A folder that is open until `close`; OSError where there is none, or a link."""

    def __init__(self, path: Path) -> None:
        self.path, self._descriptor = path, os.open(path, OPEN_FLAGS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lock(self) -> None:
        """Hold it until it is closed or this process ends, however that does; OSError where another process holds it."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_in_place(self) -> bool:
        """Whether what stands at its path, if anything, is this folder."""
        try:
            return os.path.samestat(self.path.lstat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def is_private(self, marker: str, note: bytes) -> bool:
        """Whether it is this user's, closed to others, and carries the note in a file of this name; OSError where it has none."""
        status = os.fstat(self._descriptor)
        descriptor = os.open(marker, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._descriptor)
        with os.fdopen(descriptor, "rb") as file:
            is_own = _is_own(status) and _is_own(os.fstat(descriptor)) and stat.S_ISREG(os.fstat(descriptor).st_mode)
            return is_own and not status.st_mode & 0o077 and file.read(len(note) + 1) == note

    def names(self) -> set[str]:
        """What it holds."""
        return set(os.listdir(self._descriptor))

    def delete(self, names: set[str]) -> None:
        """Delete what has these names and is this user's; of a link the link alone."""
        for name in names:
            with suppress(OSError):  # another was faster
                status = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
                if _is_own(status) and stat.S_ISDIR(status.st_mode):
                    shutil.rmtree(name, ignore_errors=True, dir_fd=self._descriptor)
                elif _is_own(status):
                    os.unlink(name, dir_fd=self._descriptor)

    def remove(self) -> None:
        """Delete the empty folder itself."""
        self.path.rmdir()

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)


def _is_own(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid()
