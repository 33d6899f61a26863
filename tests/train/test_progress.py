"""The live line on a real terminal, and TensorBoard's points after a kill."""

import os
import pty
import select
import sys

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from train.fit.progress import Progress

LOSSES = [torch.tensor(value) for value in (4.0, 2.0, 3.0)]


def everything(terminal: int) -> bytes:
    """What a terminal shows up to the end of its line; the kernel hands it over in pieces."""
    shown = b""
    while not shown.endswith(b"\n") and select.select([terminal], [], [], 10)[0]:
        shown += os.read(terminal, 4096)
    return shown


def test_a_terminal_gets_one_line_that_is_written_over_and_never_wraps(tmp_path, monkeypatch):
    ours, theirs = pty.openpty()
    monkeypatch.setenv("COLUMNS", "60")
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        progress = Progress(tmp_path, first=0, epochs=2, epoch_steps=4, batch=8, figures={})
        for step in range(1, 9):
            progress.after_step(step, LOSSES, 1e-3, {"bacc": 0.5, "mel_auc": 0.75} if step % 4 == 0 else {})
        progress.close()
        shown = everything(ours).decode()
    os.close(ours)
    assert shown.endswith("\r\n") and shown.count("\n") == 1
    lines = shown.rstrip().split("\r\x1b[K")[1:]
    steps = [line.split(", ")[1] for line in lines]  # at least the first and those that were judged, on a slow machine more
    assert steps[0] == "step 1/8" and steps[-1] == "step 8/8" and "step 4/8" in steps
    assert all(len(line) <= 59 for line in lines) and "loss 3.000, bacc 0.5" in lines[-1]


def test_what_was_logged_beyond_the_checkpoint_is_struck_out_when_a_run_goes_on(tmp_path):
    killed = Progress(tmp_path, first=0, epochs=1, epoch_steps=50, batch=8, figures={})
    for step in range(1, 35):
        killed.after_step(step, [torch.tensor(1.0)], 1e-3, {"bacc": 0.1} if step in (20, 30) else {})
    killed.flush()
    again = Progress(tmp_path, first=20, epochs=1, epoch_steps=50, batch=8, figures={"bacc": 0.1})
    for step in range(21, 51):
        again.after_step(step, [torch.tensor(2.0)], 1e-3, {"bacc": 0.2} if step in (30, 50) else {})
    again.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(point.step, point.value) for point in events.Scalars("train/loss")] == [(10, 1), (20, 1), (30, 2), (40, 2), (50, 2)]
    assert [(point.step, round(point.value, 3)) for point in events.Scalars("val/bacc")] == [(20, 0.1), (30, 0.2), (50, 0.2)]
