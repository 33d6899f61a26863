import json
import platform
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors.numpy import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn.functional import cross_entropy

from skinapp.labels import CODES, View
from train.data import dataset
from train.evaluate import metrics
from train.fit import curves
from train.fit import run as fit
from train.fit.teachers import SOFTENING, MapTranslation, TeacherAnswers, Teachers
from train.network import model

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
    """A run that nobody disturbed, with what it said on stderr."""
    out = tmp_path_factory.mktemp("finished")
    ran = subprocess.run(command(drawn, out), capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    (out / "stderr").write_text(ran.stderr, newline="")
    return out


def history(out) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]


def test_training_on_drawn_lesions_learns_their_colours(finished):
    found = history(finished)
    assert [line["step"] for line in found] == list(range(7, 85, 7))
    assert max(line["bacc"] for line in found) > 0.5
    assert found[-1]["loss"] < 0.8 * found[0]["loss"]
    about = json.loads((finished / "best" / "train.json").read_text())
    assert about["val"] == {name: max(found, key=metrics.score)[name] for name in ("bacc", "mel_auc")}
    assert about["recipe"]["epochs"] == 12 and about["transform"]["input_size"] == [3, 64, 64]


def test_the_history_tells_rate_and_time(finished):
    found = history(finished)
    assert found[0]["rate"] > 0.0049 and found[-1]["rate"] < 1e-5 and np.diff([line["rate"] for line in found]).max() < 0
    assert found[0]["seconds"] > 0 and np.diff([line["seconds"] for line in found]).min() > 0


def test_a_log_file_gets_a_plain_line_an_epoch_with_all_that_one_wants_to_know(finished):
    lines = [line for line in (finished / "stderr").read_text().split("\n") if line.startswith("epoch")]
    form = re.compile(
        r"epoch \d+/12, step \d+/84, \d:\d\d:\d\d left, loss \d\.\d{3}, bacc \d\.\d{3}, mel_auc \d\.\d{3}, \d+\.\d photos/s, rate \d\.\de-\d\d"
    )
    judged = [line for line in lines if re.search(r"step (\d+)", line)[1] in {str(step) for step in range(7, 85, 7)}]
    assert len(judged) == 12 and all(form.fullmatch(line) for line in judged), lines
    assert [line.split(", ")[0] for line in judged] == [f"epoch {epoch}/12" for epoch in range(1, 13)]
    assert "0:00:00 left" in judged[-1] and f"bacc {history(finished)[-1]['bacc']:.3f}" in judged[-1]


def points(out) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a run."""
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    return {tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_tensorboard_shows_loss_and_rate_every_ten_steps_and_the_figures_of_every_epoch(finished):
    found = points(finished)
    assert [step for step, _ in found["train/loss"]] == [step for step, _ in found["train/rate"]] == list(range(10, 85, 10))
    for name in ("bacc", "mel_auc"):
        assert found[f"val/{name}"] == [(line["step"], pytest.approx(line[name], abs=1e-6)) for line in history(finished)]


def test_the_curves_lie_beside_the_checkpoint(finished, tmp_path):
    with Image.open(finished / "curves.png") as picture:
        assert picture.size == (800, 600) and len(picture.getcolors(10**6)) > 10
    lines = [{"step": 7, "bacc": 0.5, "mel_auc": 0.5}, {"step": 14, "loss": 1.0, "bacc": 0.6, "mel_auc": float("nan")}]
    curves.draw(lines, 7, 14, tmp_path / "gaps.png")  # of a run that an older version began, without melanomas on val
    assert (tmp_path / "gaps.png").stat().st_size > 5000


def test_the_weights_are_stored_as_fp16(finished):
    weights = load_file(finished / "best" / "model.safetensors")
    kinds = {str(value.dtype) for value in weights.values()}
    assert kinds == {"float16", "int64"} and all(np.isfinite(value).all() for value in weights.values())


def kill(arguments: list[str], out) -> None:
    """Start a run and kill it at its first checkpoint."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (out / "checkpoint.pt").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_killed_run_goes_on_to_the_very_weights_of_an_undisturbed_one(drawn, finished, tmp_path):
    kill(command(drawn, tmp_path), tmp_path)
    assert len(history(tmp_path)) < 12, "the run was over before it could be killed"
    assert "going on from step " in run(command(drawn, tmp_path))
    for one, other in zip(history(tmp_path), history(finished), strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert {tag: [step for step, _ in found] for tag, found in points(tmp_path).items()} == {
        tag: [step for step, _ in found] for tag, found in points(finished).items()
    }
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
import train.fit.run as fit
original = fit._train
def watched(run, loader, truths, judge, recipe, accelerator, *rest):
    original(run, loader, truths, judge, recipe, accelerator, *rest)
    kept = [*run.net.parameters(), *run.ema.module.state_dict().values()]
    state = b"".join(tensor.detach().numpy().tobytes() for tensor in kept)
    name = f"{accelerator.process_index} of {accelerator.num_processes}"
    pathlib.Path(__file__).with_name(name).write_text(hashlib.sha256(state).hexdigest())
fit._train = watched
from train.__main__ import app
app(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def shared(drawn, tmp_path_factory):
    """A run in two processes, each of which wrote the digest of its weights beside `out`."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "watched.py").write_text(WATCHED)
    # The launcher's own --cpu starts one process where there is no MPI; ours, of `fit`, keeps both off any GPU.
    launcher = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no",
                "--dynamo_backend", "no", "--main_process_port", "0", str(folder / "watched.py"))  # fmt: skip
    run(command(drawn, folder / "out", launcher=launcher))
    return folder


def test_two_processes_share_the_work_and_keep_one_set_of_weights(shared):
    """Each sees its half of every batch: only if the gradients are averaged do both end with the same weights. The averaged
    network's batch norms are the main process's in both when it is judged."""
    assert (shared / "0 of 2").read_text() == (shared / "1 of 2").read_text()
    assert [line["step"] for line in history(shared / "out")] == list(range(7, 85, 7))
    assert max(line["bacc"] for line in history(shared / "out")) > 0.4


def test_two_processes_judge_as_one_does(drawn, shared):
    net = model.create("test_efficientnet", activation="relu")  # as `fit` makes it by default
    net.load_state_dict(torch.load(shared / "out" / "checkpoint.pt", weights_only=True)["ema"])
    rows = dataset.read_rows(drawn, drawn / "labels.csv", "val")
    judge = fit.Judge(rows, model.transform(net, 64), Accelerator(mixed_precision=fit._precision(cpu=True), cpu=True))
    alone, last = judge.figures(net.to(memory_format=torch.channels_last)), history(shared / "out")[-1]
    assert alone == {name: last[name] for name in alone}


def test_a_mobilenet_is_trained(drawn, tmp_path):
    run(command(drawn, tmp_path, "--model", "mobilenetv3_small_100", "--epochs", "1"))
    about = json.loads((tmp_path / "best" / "train.json").read_text())
    assert (
        about["architecture"] == "mobilenetv3_small_100"
        and load_file(tmp_path / "best" / "model.safetensors")["conv_head.weight"].shape[0] == 1024
    )


ROWS = torch.arange(3)
STEADY = [word for name in ("drop", "drop-path", "mixup", "faults") for word in (f"--{name}", "0")]


def test_a_run_learns_from_teachers_where_the_labels_say_nothing(drawn, finished, tmp_path):
    run(command(drawn, tmp_path, "--teacher", str(finished / "best"), "--taught", "1", *STEADY))
    found = history(tmp_path)
    assert max(line["bacc"] for line in found) > 0.5
    assert found[-1]["loss"] < 0.5 * found[0]["loss"], "nothing but the distance from the teacher"


@pytest.mark.parametrize("asked", [[], ["--once"]], ids=["about every view", "once"])
def test_a_run_that_learns_its_teachers_maps_goes_on_where_it_was_killed(drawn, finished, tmp_path, asked):
    """The layer between their maps is in the checkpoint, and in none of the weights that are kept."""
    teacher = ["--teacher", str(finished / "best"), "--features", "2", "--epochs", "4", *STEADY, *asked]
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    run(command(drawn, whole, *teacher))
    kill(command(drawn, parted, *teacher), parted)
    assert len(history(parted)) < 4, "the run was over before it could be killed"
    run(command(drawn, parted, *teacher))
    losses = [[line["loss"] for line in history(out)] for out in (whole, parted)]
    assert losses[0] == losses[1] and losses[0][-1] < losses[0][0]
    one, other = (load_file(out / "best" / "model.safetensors") for out in (whole, parted))
    assert one.keys() == other.keys() == load_file(finished / "best" / "model.safetensors").keys()
    assert all(np.array_equal(one[key], other[key]) for key in one)


def test_teachers_who_are_asked_once_say_of_blended_photos_the_blend_of_what_they_say_of_each():
    answers = TeacherAnswers(torch.rand(5, 7).softmax(1), torch.rand(5, 3, 1, 1))
    rows = torch.tensor([4, 0, 2])
    blended = answers.blended(rows, 0.75)
    torch.testing.assert_close(blended.chances, 0.75 * answers.chances[[4, 0, 2]] + 0.25 * answers.chances[[2, 0, 4]])
    torch.testing.assert_close(blended.maps[0], 0.75 * answers.maps[4] + 0.25 * answers.maps[2])


def test_the_distance_from_teachers_is_nothing_for_one_that_answers_as_they_do_in_the_mean():
    pixels, nets = torch.rand(len(ROWS), 4), [torch.nn.Linear(4, 7), torch.nn.Linear(4, 7)]
    teachers = Teachers(nets, torch.nn.Identity(), 0.0)
    answers = torch.stack([(net(pixels) / SOFTENING).softmax(1) for net in nets]).mean(0)
    assert teachers(SOFTENING * answers.log(), pixels, ROWS, 1.0).item() == pytest.approx(0, abs=1e-6)
    assert teachers(nets[0](pixels), pixels, ROWS, 1.0).item() > 1e-4


def test_maps_that_one_layer_can_tell_from_the_students_are_no_distance_away():
    """A student with the very maps of its teacher, but scaled: least squares find the layer."""
    maps, translation = torch.rand(16, 5, 4, 4), MapTranslation(5, 3)
    theirs = maps[:, :3] * torch.tensor([1.0, 10.0, 0.1])[:, None, None] + 3
    mean, deviation = theirs.mean((0, 2, 3)), theirs.var((0, 2, 3), correction=0).add(translation.evened.eps).sqrt()
    assert translation(maps, theirs).item() > 0.5
    with torch.no_grad():
        exact = torch.zeros(3, 5, 1, 1)
        exact[range(3), range(3), 0, 0] = torch.tensor([1.0, 10.0, 0.1]) / deviation
        translation.layer.weight.copy_(exact)
        translation.layer.bias.copy_((3 - mean) / deviation)
    assert translation(maps, theirs).item() == pytest.approx(0, abs=1e-8)


def recipe(**changes: object) -> fit.Recipe:
    plain = fit.Recipe(
        architecture="test_efficientnet", activation="", init="", sizes=(64,), eval_size=64, short_side=64, epochs=1, batch=8, lr=1e-3, weight_decay=0.05,
        warmup=0.05, smoothing=0.05, mixup=0.0, drop=0.0, drop_path=0.0, ema=0.9, sampling=0.5, adjust=1.0, clinical=0.4, scc=("akiec", "bcc"), area=0.5, colour=0.0, faults=0.0,
        teachers=(), taught=0.5, features=0.0, once=False, val_share=0.2, seed=0, labels_sha256="",
    )  # fmt: skip
    return replace(plain, **changes)


def lean(counts: dict[str, int], **changes: object) -> dict[str, float]:
    """What is added to each lesion's logit where there are so many photos of each."""
    found = fit._lean(fit.Truths.of(photos(counts), recipe(**changes)), recipe(**changes))
    return dict(zip(CODES, found[0].tolist(), strict=True))


def photos(counts: dict[str, int], collection: str = "ham", view: View = View.DERMOSCOPIC) -> list[dataset.Row]:
    """So many rows of each lesion; `scc` is outside of the seven."""
    return [
        dataset.Row(Path(f"{code}{number}.jpg"), CODES.index(code) if code in CODES else -1, f"{code}{number}", "", "",
                 view=view, collection=collection, outside="" if code in CODES else code)
        for code, count in counts.items() for number in range(count)
    ]  # fmt: skip


COUNTS = {"nv": 64, "mel": 16, "bcc": 4, "akiec": 1, "bkl": 1, "df": 1, "vasc": 1}


@pytest.mark.parametrize(
    ("sampling", "adjust", "shares"),
    [
        (0.0, 1.0, {"nv": 64 / 88, "mel": 16 / 88, "bcc": 4 / 88, "df": 1 / 88}),
        (0.5, 1.0, {"nv": 8 / 18, "mel": 4 / 18, "bcc": 2 / 18, "df": 1 / 18}),  # drawn by the root of the count
        (1.0, 1.0, dict.fromkeys(CODES, 1 / 7)),
        (0.5, 0.0, dict.fromkeys(CODES, 1.0)),
    ],
)
def test_logits_lean_by_the_log_of_how_often_a_lesion_is_drawn(sampling, adjust, shares):
    found = lean(COUNTS, sampling=sampling, adjust=adjust)
    for code, share in shares.items():
        assert found[code] == pytest.approx(np.log(share), abs=1e-5)
    assert adjust == 0 or sum(np.exp(list(found.values()))) == pytest.approx(1, abs=1e-5)


def test_every_source_has_a_lean_of_its_own_and_clinical_photos_their_share():
    """Where a collection is half carcinomas, a carcinoma's look there must weigh no more than a nevus's elsewhere."""
    rows = (
        photos({"nv": 90, "bcc": 10})
        + photos({"nv": 10, "bcc": 90}, "milk")
        + photos({"nv": 10, "bcc": 90}, "milk", View.CLINICAL)
    )
    truths = fit.Truths.of(rows, recipe(sampling=0.0))
    assert truths.names == ("ham dermoscopic", "milk clinical", "milk dermoscopic")
    shares = [truths.odds[truths.sources == source].sum() for source in range(3)]
    assert shares == pytest.approx([0.3, 0.4, 0.3])
    found = fit._lean(truths, recipe(sampling=0.0)).exp()
    nv, bcc = CODES.index("nv"), CODES.index("bcc")
    assert found[:, nv].tolist() == pytest.approx([0.9, 0.1, 0.1], rel=1e-5)
    assert found[:, bcc].tolist() == pytest.approx([0.1, 0.9, 0.9], rel=1e-5)


def test_a_rare_source_is_drawn_by_the_root_of_its_count():
    truths = fit.Truths.of(photos({"nv": 64}) + photos({"nv": 16}, "milk"), recipe(sampling=0.5))
    assert truths.odds[truths.sources == 0].sum() == pytest.approx(8 / 12)


def test_a_squamous_cell_carcinoma_is_right_as_any_lesion_it_is_taught_as():
    sets = torch.from_numpy(fit.Truths.of(photos({"scc": 1, "nv": 1}), recipe()).sets)
    assert [CODES[place] for place in torch.nonzero(sets[0]).flatten()] == ["akiec", "bcc"] and sets[1].sum() == 1
    logits = torch.full((1, 7), -20.0)
    for lesion in ("akiec", "bcc"):
        sure = logits.clone()
        sure[0, CODES.index(lesion)] = 20
        assert fit.set_cross_entropy(sure, sets[:1], smoothing=0.0).item() == pytest.approx(0, abs=1e-6)
    halves = logits.clone()
    halves[0, :2] = 20
    assert fit.set_cross_entropy(halves, sets[:1], smoothing=0.0).item() == pytest.approx(0, abs=1e-6)
    assert fit.set_cross_entropy(halves, sets[1:], smoothing=0.0).item() > 30


def test_for_a_single_lesion_surprise_is_cross_entropy():
    logits, targets = torch.randn(5, 7), torch.tensor([0, 3, 6, 3, 1])
    found = fit.set_cross_entropy(logits, torch.nn.functional.one_hot(targets, 7), smoothing=0.1)
    assert found.item() == pytest.approx(cross_entropy(logits, targets, label_smoothing=0.1).item(), rel=1e-5)


def test_sizes_share_the_steps_and_views_change_more_from_one_to_the_next():
    plan = [fit.stage(recipe(sizes=(32, 48, 64)), step, 9) for step in range(9)]
    assert [now.size for now in plan] == [32] * 3 + [48] * 3 + [64] * 3
    assert [now.strength for now in plan] == [0.5] * 3 + [0.75] * 3 + [1.0] * 3
    assert fit.stage(recipe(), 0, 9).strength == 1.0


def test_a_lesion_without_photos_is_never_named_however_smooth_the_labels():
    """Logits free to move settle where the loss is least: far below for the lesion that was never seen."""
    counts = {code: count for code, count in COUNTS.items() if code != "vasc"}
    added = torch.tensor(list(lean(counts).values()))
    logits, target = torch.zeros(2, 7, requires_grad=True), torch.tensor([CODES.index("nv"), CODES.index("mel")])
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(300):
        loss = cross_entropy(logits + added, target, label_smoothing=0.05)
        assert torch.isfinite(loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert logits.argmax(1).tolist() == target.tolist()
    assert (logits.argmin(1) == CODES.index("vasc")).all()


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"bacc": 0.80, "mel_auc": 0.93}, {"bacc": 0.81, "mel_auc": 0.91}),
        ({"bacc": 0.82, "mel_auc": 0.92}, {"bacc": 0.81, "mel_auc": 0.92}),
        ({"bacc": 0.82, "mel_auc": float("nan")}, {"bacc": 0.81, "mel_auc": float("nan")}),
    ],
)
def test_the_best_weights_are_those_of_the_highest_sum_of_balanced_accuracy_and_melanoma_auc(better, worse):
    assert metrics.score(better) > metrics.score(worse)


def test_wrong_initial_weights_are_named(drawn, tmp_path):
    ran = subprocess.run(command(drawn, tmp_path, "--init", "/nowhere.safetensors"), capture_output=True, text=True, timeout=600)
    assert ran.returncode == 2
    assert "The initial weights /nowhere.safetensors are missing; give a safetensors file, 'hub' or ''." in ran.stderr


def test_weights_of_a_run_and_others_are_averaged(finished, tmp_path):
    own = load_file(finished / "best" / "model.safetensors")
    save_file(
        {key: value + 1 if value.dtype == np.float16 else value for key, value in own.items()}, tmp_path / "other.safetensors"
    )
    command_line = [sys.executable, "-m", "train", "average", str(finished / "best"), str(tmp_path / "other.safetensors")]
    run([*command_line, "--out", str(tmp_path / "averaged")])
    for key, value in load_file(tmp_path / "averaged" / "model.safetensors").items():
        shift = 0.5 if value.dtype == np.float16 else 0
        np.testing.assert_allclose(value.astype(float), own[key].astype(float) + shift, rtol=2e-3, atol=2e-3)
    answers = json.loads((tmp_path / "averaged" / "train.json").read_text())
    assert answers["recipe"]["averaged"] == ["other.safetensors"] and answers["architecture"] == "test_efficientnet"


def test_weights_of_another_network_are_not_averaged(finished, tmp_path):
    save_file({"weight": np.zeros(3, np.float16)}, tmp_path / "other.safetensors")
    command_line = [sys.executable, "-m", "train", "average", str(finished / "best"), str(tmp_path / "other.safetensors")]
    ran = subprocess.run([*command_line, "--out", str(tmp_path / "averaged")], capture_output=True, text=True, timeout=600)
    assert ran.returncode == 2 and "other.safetensors holds other tensors than" in ran.stderr


FAULTS = """
import resource
import torch
from skinapp import malloc
malloc.keep_freed()
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(25_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc, which keeps or gives back as it likes")
def test_memory_that_a_step_frees_is_there_for_the_next_one():
    """A tensor of 100 MB that is freed and made ten times over costs no page faults, where it would cost 244,000."""
    assert int(run([sys.executable, "-c", FAULTS])) < 1000
