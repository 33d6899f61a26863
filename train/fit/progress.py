"""What a run shows while it goes: a live line on stderr (plain lines where that is no terminal), and TensorBoard logs."""

import math
import shutil
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import torch
from torch.utils.tensorboard import SummaryWriter

LOG_EVERY = 10
"""Steps between two points in TensorBoard, each the mean loss of the steps between."""

SMOOTH_OVER = 100
"""Steps whose mean loss the line shows."""


class Progress:
    """Of a run that goes on after step `first`; what it logged beyond that step before it was killed is struck out."""

    def __init__(self, logs: Path, first: int, epochs: int, epoch_steps: int, batch: int, figures: Mapping[str, float]) -> None:
        """`figures` are those on val of the last epoch, where there was one."""
        self.writer = SummaryWriter(str(logs), purge_step=first + 1)
        self.first, self.epochs, self.epoch_steps, self.batch = first, epochs, epoch_steps, batch
        self.is_live = sys.stderr.isatty()
        self.figures = figures
        self.started, self.shown = time.monotonic(), 0.0
        self.ends: deque[float] = deque(maxlen=SMOOTH_OVER)

    def after_step(self, step: int, losses: Sequence[torch.Tensor], rate: float, figures: Mapping[str, float]) -> None:
        """After every step, with the losses of the last ones, and the figures on val where it ended an epoch."""
        now = time.monotonic()
        if step % LOG_EVERY == 0:
            self.writer.add_scalar("train/loss", mean(losses[-LOG_EVERY:]), step)
            self.writer.add_scalar("train/rate", rate, step)
        for name, value in figures.items():
            self.writer.add_scalar(f"val/{name}", value, step)
        self.figures = figures or self.figures
        if figures or now - self.shown > (1 if self.is_live else 60):
            self._show(self._line(step, mean(losses[-SMOOTH_OVER:]), rate, now))
            self.shown = now
        self.ends.append(now)
        if figures:
            self.ends.clear()  # judging is none of the training's speed

    def flush(self) -> None:
        """Put all points on disk: a checkpoint's run goes on after them."""
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()
        if self.is_live:
            sys.stderr.write("\n")
            sys.stderr.flush()

    def _line(self, step: int, loss: float, rate: float, now: float) -> str:
        """What is wanted most comes first: a narrow terminal cuts the rest off."""
        steps = self.epochs * self.epoch_steps
        remaining_s = (steps - step) * (now - self.started) / (step - self.first)
        parts = [f"epoch {math.ceil(step / self.epoch_steps)}/{self.epochs}", f"step {step}/{steps}"]
        parts += [f"{timedelta(seconds=round(remaining_s))} left", f"loss {loss:.3f}"]
        parts += [f"{name} {value:.3f}" for name, value in self.figures.items()]
        if len(self.ends) > 1:
            speed = self.batch * (len(self.ends) - 1) / (self.ends[-1] - self.ends[0])
            parts.append(f"{speed:.1f} photos/s")
        return ", ".join([*parts, f"rate {rate:.1e}"])

    def _show(self, line: str) -> None:
        if self.is_live:  # a line that the terminal wraps couldn't be written over
            line = f"\r\033[K{line[: shutil.get_terminal_size().columns - 1]}"
        sys.stderr.write(line if self.is_live else f"{line}\n")
        sys.stderr.flush()


def mean(losses: Sequence[torch.Tensor]) -> float:
    """The mean of losses, which may still be on their way on a GPU."""
    return float(torch.stack(list(losses)).mean())
