import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

RECIPE = ["--model", "test_efficientnet", "--init", "", "--size", "64", "--eval-size", "64", "--epochs", "12", "--batch", "8", "--cpu",
          "--ema", "0.9", "--lr", "0.005", "--colour", "0"]  # fmt: skip


def command(drawn, out, *options: str, launcher=("-m", "train")) -> list[str]:
    where = ["--images", str(drawn), "--labels", str(drawn / "labels.csv"), "--out", str(out), "--workers", "0"]
    return [sys.executable, *launcher, "fit", *where, *RECIPE, *options]


def run(arguments: list[str]) -> str:
    ran = subprocess.run(arguments, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def finished(drawn, tmp_path_factory):
    """A run that nobody disturbed."""
    out = tmp_path_factory.mktemp("finished")
    run(command(drawn, out))
    return out


def history(out) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]


def test_training_on_drawn_lesions_learns_their_colours(finished):
    found = history(finished)
    assert [line["step"] for line in found] == list(range(7, 85, 7))
    assert max(line["bacc"] for line in found) > 0.5
    about = json.loads((finished / "best" / "train.json").read_text())
    assert about["val"]["bacc"] == max(line["bacc"] for line in found)
    assert about["recipe"]["epochs"] == 12 and about["transform"]["input_size"] == [3, 64, 64]


def test_the_weights_are_stored_as_fp16(finished):
    weights = load_file(finished / "best" / "model.safetensors")
    kinds = {str(value.dtype) for value in weights.values()}
    assert kinds == {"float16", "int64"} and all(np.isfinite(value).all() for value in weights.values())


def test_a_killed_run_goes_on_to_the_very_weights_of_an_undisturbed_one(drawn, finished, tmp_path):
    process = subprocess.Popen(command(drawn, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (tmp_path / "checkpoint.pt").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(history(tmp_path)) < 12, "the run was over before it could be killed"
    assert "going on from step " in run(command(drawn, tmp_path))
    assert history(tmp_path) == history(finished)
    for name, value in load_file(finished / "best" / "model.safetensors").items():
        np.testing.assert_array_equal(load_file(tmp_path / "best" / "model.safetensors")[name], value)


def test_going_on_with_other_options_is_refused(drawn, finished):
    ran = subprocess.run(command(drawn, finished, "--lr", "0.5"), capture_output=True, text=True, timeout=600)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1] == (
        f"{finished / 'checkpoint.pt'} was made with another lr (0.005); give the same options to go on, or another --out to start anew."
    )


WATCHED = """
import hashlib, pathlib, sys
sys.path.insert(0, ".")
import train.fit as fit
original = fit._train
def watched(run, loader, judge, recipe, accelerator, *rest):
    original(run, loader, judge, recipe, accelerator, *rest)
    weights = b"".join(weight.detach().numpy().tobytes() for weight in run.net.parameters())
    name = f"{accelerator.process_index} of {accelerator.num_processes}"
    pathlib.Path(__file__).with_name(name).write_text(hashlib.sha256(weights).hexdigest())
fit._train = watched
from train.__main__ import app
app(sys.argv[1:])
"""


def test_two_processes_share_the_work_and_keep_one_set_of_weights(drawn, finished, tmp_path):
    """Each sees its half of every batch: only if the gradients are averaged do both end with the same weights."""
    (tmp_path / "watched.py").write_text(WATCHED)
    # The launcher's own --cpu starts one process where there is no MPI; ours, of `fit`, keeps both off any GPU.
    launcher = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no",
                "--dynamo_backend", "no", "--main_process_port", "0", str(tmp_path / "watched.py"))  # fmt: skip
    run(command(drawn, tmp_path / "out", launcher=launcher))
    assert (tmp_path / "0 of 2").read_text() == (tmp_path / "1 of 2").read_text()
    assert [line["step"] for line in history(tmp_path / "out")] == list(range(7, 85, 7))
    assert max(line["bacc"] for line in history(tmp_path / "out")) > 0.4


def test_wrong_initial_weights_are_named(drawn, tmp_path):
    ran = subprocess.run(command(drawn, tmp_path, "--init", "/nowhere.safetensors"), capture_output=True, text=True, timeout=600)
    assert ran.returncode == 2
    assert "The initial weights /nowhere.safetensors are missing; give a safetensors file, 'hub' or ''." in ran.stderr
