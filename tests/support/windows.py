"""python -m tests.support.windows app.py ARGUMENTS, or -c CODE

Runs a program on this system as skinapp's own modules would find Windows: without what it lacks of POSIX, with stand-ins for what
it has instead. Not Windows: its paths, its file system and its builds of the libraries are this system's.
"""

import builtins
import fcntl
import os
import runpy
import shutil
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

LACKING = {"fcntl", "resource", "pwd", "grp", "termios", "posix", "crypt", "syslog", "readline"}


class Altered(ModuleType):
    """A module without some of its names, and with others in their place."""

    def __init__(self, module: ModuleType, lacks: set[str], has: dict[str, Any]) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(has, _module=module, _lacks=lacks)

    def __getattr__(self, name: str) -> Any:
        if name in self._lacks:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on Windows")
        return getattr(self._module, name)


def opened(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    """As there: no folder, and no place but by its path."""
    if dir_fd is not None:
        raise NotImplementedError("dir_fd unavailable on this platform")
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", str(path))
    return os.open(path, flags, mode)


def placeless(call: Any) -> Any:
    def called(path: Any, *given: Any, dir_fd: int | None = None, **ways: Any) -> Any:
        if dir_fd is not None or isinstance(path, int):
            raise NotImplementedError("dir_fd unavailable on this platform")
        return call(path, *given, **ways)

    return called


def kept_while_open(call: Any) -> Any:
    """Nobody deletes or renames a file there that somebody has open; here at least none of this process's."""

    def called(path: Any, *given: Any, **ways: Any) -> Any:
        place = os.path.realpath(os.fsdecode(path))
        if not os.path.islink(path) and any(os.path.realpath(link) == place for link in Path("/proc/self/fd").iterdir()):
            raise PermissionError(13, "The process cannot access the file because it is being used", str(path))
        return call(path, *given, **ways)

    return called


def locking(opened: int, mode: int, count: int) -> None:
    fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)


def install() -> None:
    """Have it so from now on, in this process."""
    msvcrt = ModuleType("msvcrt")
    msvcrt.__dict__.update(locking=locking, LK_NBLCK=2)
    names = {"geteuid", "getuid", "getgid", "fork", "chown", "sched_getaffinity", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK"}
    stand_ins = {
        "msvcrt": msvcrt,
        "os": Altered(
            os,
            names,
            {"open": opened, "stat": placeless(os.stat), "listdir": placeless(os.listdir), "unlink": placeless(os.unlink)},
        ),
        "signal": Altered(signal, {"SIGHUP", "SIGKILL", "SIGALRM"}, {}),
        "sys": Altered(sys, set(), {"platform": "win32"}),
    }
    importing = builtins.__import__

    def imported(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> ModuleType:
        if str((globals or {}).get("__name__")).partition(".")[0] in ("skinapp", "app"):
            if name in LACKING:
                raise ModuleNotFoundError(f"No module named {name!r} on Windows")
            if name in stand_ins:
                return stand_ins[name]
        return importing(name, globals, locals, fromlist, level)

    builtins.__import__ = imported
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    os.unlink, os.rename = kept_while_open(os.unlink), kept_while_open(os.rename)


if __name__ == "__main__":
    install()
    if sys.argv[1] == "-c":
        code, sys.argv = sys.argv[2], ["-c", *sys.argv[3:]]
        exec(compile(code, "<string>", "exec"), {"__name__": "skinapp.windows_program"})
    else:
        sys.argv = sys.argv[1:]
        sys.path.insert(0, os.getcwd())
        runpy.run_path(sys.argv[0], run_name="__main__")
