"""A workspace for each visitor who teaches: a folder, what lies in it, and the work that goes on. All of it goes when they go."""

import secrets
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from skinapp import scratch
from skinapp.errors import TeachError
from skinapp.i18n.messages import Message
from skinapp.teach import quotas
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.pipeline import Embeddings, TrainingResult
from skinapp.teach.progress import Progress

MAX_WORKSPACES = 16
"""Workspaces at the same time: each may hold 600 MB of disk and an open model."""
SWEEP_S = 60

T = TypeVar("T")


@dataclass
class Workspace:
    """One visitor's pictures and model. `folder` has a name that nobody guesses, because what lies there can be downloaded."""

    folder: Path
    visitor: str = ""
    """Whom it is counted for, who may have several: a class often comes from one address."""
    collection: Collection | None = None
    embeddings: Embeddings | None = None
    result: TrainingResult | None = None
    progress: Progress = field(default_factory=Progress)
    touched: float = field(default_factory=time.monotonic)
    looking: threading.Lock = field(default_factory=threading.Lock)
    """Held while a frame of the visitor's camera is looked at: one at a time."""
    tried: list[Path] = field(default_factory=list)
    """Photos that the visitor tried the model with, which lie elsewhere, each in a folder of its own."""

    def new_path(self, name: str) -> Path:
        """A path in a new folder of a random name."""
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir(0o700)
        return folder / name


class BackgroundTask(threading.Thread, Generic[T]):
    """Something long, done beside the page; `result` raises what it raised. Its priority is the server's: a thread of a lower one
    held Python's lock while it waited for the processor, and with it the whole page."""

    def __init__(self, task: Callable[[], T]) -> None:
        super().__init__(name="skinapp-teach", daemon=True)
        self._task, self._done, self._error = task, list[T](), list[BaseException]()
        self.start()

    def run(self) -> None:
        try:
            self._done.append(self._task())
        except BaseException as error:  # handed to who waits for the result
            self._error.append(error)

    def result(self) -> T:
        self.join()
        if self._error:
            raise self._error[0]
        return self._done[0]


class Workspaces:
    """All workspaces, by their visitors' sessions. `make` gives an empty folder of a name that nobody guesses, in one that goes
    with this process: no workspace outlives it, however it ends."""

    def __init__(self, make: Callable[[], Path]) -> None:
        self._make, self._workspaces, self._lock = make, dict[str, Workspace](), threading.Lock()
        self._undeleted = list[Path]()
        self._displaced = deque[str](maxlen=16 * MAX_WORKSPACES)
        threading.Thread(target=self._sweep, name="skinapp-sweep", daemon=True).start()

    def new(self, session: str, visitor: str = "") -> Workspace:
        """An empty workspace for a session, whose earlier one goes; where all are taken, one goes that can be spared."""
        self.close(session)
        self._make_space(visitor)
        with self._lock:
            if session in self._displaced:
                self._displaced.remove(session)
            if len(self._workspaces) >= MAX_WORKSPACES:
                raise TeachError(Message("taught.busy"))
            workspace = self._workspaces[session] = Workspace(self._make(), visitor)
        return workspace

    def of(self, session: str) -> Workspace:
        """A visitor's workspace."""
        with self._lock:
            workspace = self._workspaces.get(session)
        if workspace is None:
            raise TeachError(Message("taught.displaced" if self.is_displaced(session) else "taught.gone"))
        workspace.touched = time.monotonic()
        return workspace

    def close(self, session: str) -> None:
        """Stop a visitor's work and delete everything of it."""
        with self._lock:
            workspace = self._workspaces.pop(session, None)
        if workspace is not None:
            workspace.progress.stop()
            workspace.collection = workspace.embeddings = workspace.result = None
            for path in workspace.tried:
                scratch.discard(path)
            self._delete_folders(workspace.folder)

    def is_displaced(self, session: str) -> bool:
        """Whether a session's workspace had to go for another visitor's."""
        with self._lock:
            return session in self._displaced

    def _make_space(self, visitor: str) -> None:
        """Where all are taken, close the one that was unused the longest of those of the greediest visitor: if they have
        more than this one will have, or don't use it."""
        with self._lock:
            if len(self._workspaces) < MAX_WORKSPACES:
                return
            counts = Counter(workspace.visitor for workspace in self._workspaces.values())
            highest = max(counts.values())
            spare = min(
                (name for name in self._workspaces if counts[self._workspaces[name].visitor] == highest), key=self._touched
            )
            if highest <= counts[visitor] + 1 and time.monotonic() - self._touched(spare) < quotas.SPARE_S:
                return
            self._displaced.append(spare)
        self.close(spare)

    def _touched(self, session: str) -> float:
        return self._workspaces[session].touched

    def has(self, workspace: Workspace) -> bool:
        """Whether a workspace is still somebody's."""
        with self._lock:
            return any(other is workspace for other in self._workspaces.values())

    def _sweep(self) -> None:
        while True:
            time.sleep(SWEEP_S)
            now = time.monotonic()
            for session, workspace in list(self._workspaces.items()):
                if now - workspace.touched > quotas.IDLE_S:
                    self.close(session)
            self._delete_folders()

    def _delete_folders(self, *closed: Path) -> None:
        """Delete the folders of closed workspaces; one in which work was still writing is tried again at the next look."""
        with self._lock:
            folders, self._undeleted = [*self._undeleted, *closed], []
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._undeleted += [folder for folder in folders if folder.exists()]
