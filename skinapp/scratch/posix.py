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

OPENS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class OpenFolder:
    """A folder that is open until `close`; OSError where there is none, or a link."""

    def __init__(self, path: Path) -> None:
        self.path, self._opened = path, os.open(path, OPENS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lock(self) -> None:
        """Hold it until it is closed or this process ends, however that does; OSError where another process holds it."""
        fcntl.flock(self._opened, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_in_place(self) -> bool:
        """Whether what stands at its path, if anything, is this folder."""
        try:
            return os.path.samestat(self.path.lstat(), os.fstat(self._opened))
        except FileNotFoundError:
            return False

    def is_private(self, marker: str, note: bytes) -> bool:
        """Whether it is this user's, closed to others, and carries the note in a file of this name; OSError where it has none."""
        found = os.fstat(self._opened)
        opened = os.open(marker, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._opened)
        with os.fdopen(opened, "rb") as file:
            own = _is_own(found) and _is_own(os.fstat(opened)) and stat.S_ISREG(os.fstat(opened).st_mode)
            return own and not found.st_mode & 0o077 and file.read(len(note) + 1) == note

    def names(self) -> set[str]:
        """What it holds."""
        return set(os.listdir(self._opened))

    def delete(self, names: set[str]) -> None:
        """Delete what has these names and is this user's; of a link the link alone."""
        for name in names:
            with suppress(OSError):  # another was faster
                found = os.stat(name, dir_fd=self._opened, follow_symlinks=False)
                if _is_own(found) and stat.S_ISDIR(found.st_mode):
                    shutil.rmtree(name, ignore_errors=True, dir_fd=self._opened)
                elif _is_own(found):
                    os.unlink(name, dir_fd=self._opened)

    def remove(self) -> None:
        """Delete the empty folder itself."""
        self.path.rmdir()

    def close(self) -> None:
        """Let go of it."""
        os.close(self._opened)


def _is_own(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid()
