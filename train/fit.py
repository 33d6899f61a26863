"""python -m train fit --images DIR --labels CSV --out runs/b0 --init hub

Fine-tunes a timm network on labelled photos. A run that is killed goes on from its last checkpoint when the same command is
given again; `accelerate launch -m train fit ...` spreads it over several GPUs, with --multi_gpu and our --cpu over processes.
"""

import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from timm.utils import ModelEmaV3
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

from skinapp import preprocess
from skinapp.image import Photo
from skinapp.labels import CODES
from skinapp.spec import WEIGHTS, Transform
from train import augment, data, metrics, model, splits

CHECKPOINT = "checkpoint.pt"
BEST = "best"
HISTORY = "history.jsonl"


@dataclass(frozen=True)
class Recipe:
    """All that decides a run's result, saved with it."""

    architecture: str
    init: str
    size: int
    eval_size: int
    short_side: int
    epochs: int
    batch: int
    lr: float
    weight_decay: float
    warmup: float
    smoothing: float
    drop: float
    drop_path: float
    ema: float
    sampling: float
    colour: float
    val_share: float
    seed: int
    labels_sha256: str


class Views(Dataset[tuple[torch.Tensor, int]]):
    """Random training views. An item is asked for by (draw, row): the draw's number alone seeds the randomness."""

    def __init__(self, photos: Sequence[Photo], targets: Sequence[int], transform: Transform, recipe: Recipe) -> None:
        self.photos, self.targets, self.transform, self.recipe = photos, targets, transform, recipe

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, item: tuple[int, int]) -> tuple[torch.Tensor, int]:
        draw, row = item
        rng = np.random.default_rng([self.recipe.seed, draw])
        seen = augment.random_view(self.photos[row], self.recipe.size, rng, self.recipe.colour)
        return torch.from_numpy(preprocess.normalize(seen[None], self.transform)[0]), self.targets[row]


class Batches(Sampler[list[tuple[int, int]]]):
    """Every step's batch, from step `first` on, this process's share of it. Rare lesions come oftener by count^-sampling."""

    def __init__(self, targets: Sequence[int], recipe: Recipe, steps: int, first: int, rank: int, processes: int) -> None:
        counts = np.bincount(targets, minlength=len(CODES))
        weights = counts[np.asarray(targets)].astype(float) ** -recipe.sampling
        self.odds = weights / weights.sum()
        self.recipe, self.steps, self.first, self.rank, self.processes = recipe, steps, first, rank, processes

    def __len__(self) -> int:
        return self.steps - self.first

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for step in range(self.first, self.steps):
            rng = np.random.default_rng([self.recipe.seed, step, 1])
            rows = rng.choice(len(self.odds), self.recipe.batch, p=self.odds)
            first = step * self.recipe.batch
            yield [(first + i, int(row)) for i, row in enumerate(rows)][self.rank :: self.processes]


@dataclass
class Run:
    """What a checkpoint holds: the networks, the optimizer, and how far they are."""

    net: torch.nn.Module
    ema: ModelEmaV3
    optimizer: torch.optim.Optimizer
    step: int = 0
    best: float = -1.0

    def save(self, path: Path, recipe: Recipe) -> None:
        """Written beside and renamed, so that a kill never leaves half a checkpoint."""
        state = {
            "recipe": asdict(recipe),
            "net": self.net.state_dict(),
            "ema": self.ema.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "best": self.best,
        }
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)

    def restore(self, path: Path, recipe: Recipe) -> None:
        state = torch.load(path, map_location="cpu", weights_only=True)
        changed = [key for key, value in asdict(recipe).items() if state["recipe"].get(key) != value]
        if changed:
            raise data.DataError(
                f"{path} was made with another {changed[0]} ({state['recipe'].get(changed[0])!r}); "
                "give the same options to go on, or another --out to start anew."
            )
        self.net.load_state_dict(state["net"])
        self.ema.module.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.best = state["step"], state["best"]


def fit(images: Path, labels: Path, out: Path, recipe: Recipe, *, cpu: bool, workers: int, save_minutes: float) -> Path:
    """Train to the end of the recipe; returns the folder of the best weights by balanced accuracy on val."""
    accelerator = Accelerator(mixed_precision=_precision(cpu), cpu=cpu)
    out.mkdir(parents=True, exist_ok=True)
    train_rows, val_rows = splits.train_and_val(data.read_rows(images, labels), recipe.val_share, recipe.seed)
    accelerator.print(f"{len(train_rows)} photos to train on, {len(val_rows)} to choose by, on {accelerator.device}")
    torch.manual_seed(recipe.seed)  # of the layers that the initial weights leave out
    net = model.create(recipe.architecture, recipe.init, recipe.drop, recipe.drop_path)
    shown = model.transform(net, recipe.eval_size)
    judge = Judge(val_rows, shown)
    run = _start(net, recipe, accelerator, out)
    loader = _loader(train_rows, shown, recipe, run, accelerator, workers)
    _train(run, loader, judge, recipe, accelerator, out, save_minutes)
    return out / BEST


def _precision(cpu: bool) -> str:
    """bf16 halves the time of a step on CPUs with AVX512-BF16 or AMX and on every recent GPU."""
    return "bf16" if cpu or not torch.cuda.is_available() or torch.cuda.is_bf16_supported() else "fp16"


def _start(net: torch.nn.Module, recipe: Recipe, accelerator: Accelerator, out: Path) -> Run:
    net = net.to(accelerator.device, memory_format=torch.channels_last)
    decayed = [weight for weight in net.parameters() if weight.ndim > 1]
    plain = [weight for weight in net.parameters() if weight.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    run = Run(net, ModelEmaV3(net, decay=recipe.ema, use_warmup=True), torch.optim.AdamW(groups, lr=recipe.lr, fused=True))
    if (out / CHECKPOINT).exists():
        run.restore(out / CHECKPOINT, recipe)
        if accelerator.is_main_process:
            _forget_after(run.step, out / HISTORY)
        accelerator.print(f"going on from step {run.step} of {out / CHECKPOINT}")
    return run


def _forget_after(step: int, history: Path) -> None:
    """Drop what a killed run noted after its last checkpoint: those steps are done again."""
    lines = history.read_text(encoding="utf-8").splitlines() if history.exists() else []
    kept = [line for line in lines if json.loads(line)["step"] <= step]
    history.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _loader(
    rows: Sequence[data.Row], shown: Transform, recipe: Recipe, run: Run, accelerator: Accelerator, workers: int
) -> DataLoader[Any]:
    photos = data.load(rows, recipe.short_side, max(1, workers))
    targets = [row.target for row in rows]
    steps = recipe.epochs * math.ceil(len(rows) / recipe.batch)
    batches = Batches(targets, recipe, steps, run.step, accelerator.process_index, accelerator.num_processes)
    views = Views(photos, targets, shown, recipe)
    return DataLoader(views, batch_sampler=batches, num_workers=workers)


def _rate(step: int, steps: int, recipe: Recipe) -> float:
    """The learning rate of a step: a straight rise, then half a cosine down to nothing."""
    rise = max(1.0, recipe.warmup * steps)
    if step < rise:
        return recipe.lr * (step + 1) / rise
    return recipe.lr * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))


def _train(
    run: Run,
    loader: DataLoader[Any],
    judge: "Judge",
    recipe: Recipe,
    accelerator: Accelerator,
    out: Path,
    save_minutes: float,
) -> None:
    steps, saved = run.step + len(loader), time.monotonic()
    epoch_steps = steps // recipe.epochs
    wrapped, optimizer = accelerator.prepare(run.net, run.optimizer)
    progress = tqdm(loader, total=steps, initial=run.step, unit="step", disable=not accelerator.is_main_process)
    figures: dict[str, float] = {}
    for pixels, targets in progress:
        for group in optimizer.param_groups:
            group["lr"] = _rate(run.step, steps, recipe)
        # Seeded by the step, so that a run that was killed goes on exactly as it would have.
        torch.manual_seed((recipe.seed * steps + run.step) * accelerator.num_processes + accelerator.process_index)
        loss = _step(wrapped, optimizer, pixels, targets, recipe, accelerator)
        run.step += 1
        run.ema.update(run.net, step=run.step)
        if run.step % epoch_steps == 0 and accelerator.is_main_process:
            figures = judge.figures(run.ema.module, accelerator)
            _keep(run, figures, recipe, out)
        if run.step % 10 == 0:
            progress.set_postfix(loss=f"{loss.item():.3f}", **{key: f"{value:.3f}" for key, value in figures.items()})
        if accelerator.is_main_process and (time.monotonic() - saved > save_minutes * 60 or run.step % epoch_steps == 0):
            run.save(out / CHECKPOINT, recipe)
            saved = time.monotonic()
    accelerator.wait_for_everyone()
    accelerator.end_training()


def _step(
    wrapped: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    pixels: torch.Tensor,
    targets: torch.Tensor,
    recipe: Recipe,
    accelerator: Accelerator,
) -> torch.Tensor:
    wrapped.train()
    pixels = pixels.to(accelerator.device, memory_format=torch.channels_last)
    with accelerator.autocast():
        logits = wrapped(pixels)
    loss = cross_entropy(logits.float(), targets.to(accelerator.device), label_smoothing=recipe.smoothing)
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(wrapped.parameters(), 5.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


class Judge:
    """Scores a network on the photos to choose by, shown as the app will show them."""

    def __init__(self, rows: Sequence[data.Row], shown: Transform) -> None:
        photos = data.load(rows, 10**6, threads=2)
        self.views = np.stack([preprocess.view(photo, shown) for photo in photos])
        self.truths, self.shown = np.array([row.target for row in rows]), shown

    def figures(self, net: torch.nn.Module, accelerator: Accelerator) -> dict[str, float]:
        """Balanced accuracy and melanoma AUC."""
        net.eval()
        parts = []
        with torch.inference_mode(), accelerator.autocast():
            for first in range(0, len(self.views), 64):
                pixels = torch.from_numpy(preprocess.normalize(self.views[first : first + 64], self.shown))
                parts.append(net(pixels.to(accelerator.device, memory_format=torch.channels_last)).float().cpu())
        probabilities = torch.cat(parts).softmax(1).double().numpy()
        return {
            "bacc": metrics.balanced_accuracy(probabilities, self.truths),
            "mel_auc": metrics.auc(probabilities[:, metrics.MELANOMA], self.truths == metrics.MELANOMA),
        }


def _keep(run: Run, figures: dict[str, float], recipe: Recipe, out: Path) -> None:
    """Append to the history; keep the averaged weights if they are the best so far."""
    with (out / HISTORY).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": run.step, **figures}) + "\n")
    if figures["bacc"] <= run.best:
        return
    run.best = figures["bacc"]
    best = out / BEST
    best.mkdir(exist_ok=True)
    model.save_half(run.ema.module, best / WEIGHTS)
    shown = model.transform(run.ema.module, recipe.eval_size)
    about = {
        "architecture": recipe.architecture,
        "transform": asdict(shown),
        "recipe": asdict(recipe),
        "val": figures,
    }
    (best / "train.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
