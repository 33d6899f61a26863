"""python -m train fit --images DIR --labels CSV [--labels CSV ...] --out runs/b0 --init hub

Fine-tunes a timm network on labelled photos. A run that is killed goes on from its last checkpoint when the same command is
given again; `accelerate launch -m train fit ...` spreads it over several GPUs, with --multi_gpu and our --cpu over processes.
"""

import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from numpy.typing import NDArray
from timm.utils import ModelEmaV3
from torch.nn.functional import log_softmax
from torch.utils.data import DataLoader, Dataset, Sampler

from skinapp import malloc
from skinapp.imaging import preprocess
from skinapp.imaging.decode import Photo
from skinapp.labels import CODES, View
from skinapp.model.spec import WEIGHTS, Transform
from train.data import dataset, splits
from train.evaluate import metrics
from train.fit import augment, curves
from train.fit.progress import Progress, mean
from train.fit.teachers import Teachers
from train.network import model

CHECKPOINT = "checkpoint.pt"
BEST = "best"
HISTORY = "history.jsonl"
CURVES = "curves.png"
TEACHER_ANSWERS = "told.pt"
"""What teachers who are asked once say of each photo."""
LOGS = "tensorboard"
PRECISIONS = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""What accelerate's names of mixed precision compute in."""


@dataclass(frozen=True)
class Recipe:
    """All that decides a run's result, saved with it."""

    architecture: str
    activation: str
    init: str
    sizes: tuple[int, ...]
    eval_size: int
    short_side: int
    epochs: int
    batch: int
    lr: float
    weight_decay: float
    warmup: float
    smoothing: float
    mixup: float
    drop: float
    drop_path: float
    ema: float
    sampling: float
    adjust: float
    clinical: float
    scc: tuple[str, ...]
    area: float
    colour: float
    faults: float
    teachers: tuple[str, ...]
    taught: float
    features: float
    once: bool
    val_share: float
    seed: int
    labels_sha256: str


@dataclass(frozen=True)
class Stage:
    """A part of a run: the side of its views, and how strong its augmentation is, as a share of the recipe's."""

    size: int
    strength: float


def stage(recipe: Recipe, step: int, steps: int) -> Stage:
    """A run's sizes have equal parts of it, and views change the more the larger they are (Tan & Le, 2021): from half of the
    recipe's strength to all of it."""
    count = len(recipe.sizes)
    part = min(count - 1, step * count // steps)
    return Stage(recipe.sizes[part], 1.0 if count == 1 else 0.5 + 0.5 * part / (count - 1))


@dataclass(frozen=True)
class Truths:
    """What a run's photos show: `sets` `[n, 7]`, 1 for each lesion that a photo may be of; `sources` `[n]`, the index of its
    collection and view in `names`; and `odds` `[n]`, how often it is drawn."""

    sets: metrics.Floats
    sources: NDArray[np.int64]
    names: tuple[str, ...]
    odds: metrics.Floats

    @classmethod
    def of(cls, rows: Sequence[dataset.Row], recipe: Recipe) -> Self:
        """Within a source, rare lesions are drawn oftener by count^-sampling, and so are rare sources within a view; clinical
        photos are `recipe.clinical` of all, where there are both views."""
        names, sources = np.unique([row.source for row in rows], return_inverse=True)
        _, kinds = np.unique([f"{row.source} {row.target} {row.outside}" for row in rows], return_inverse=True)
        odds = np.bincount(kinds)[kinds] ** -recipe.sampling
        odds *= (np.bincount(sources) ** (1 - recipe.sampling) / np.bincount(sources, odds))[sources]
        is_clinical = np.array([row.view is View.CLINICAL for row in rows])
        if 0 < is_clinical.sum() < len(rows):
            for part, share in ((is_clinical, recipe.clinical), (~is_clinical, 1 - recipe.clinical)):
                odds[part] *= share / odds[part].sum()
        return cls(np.stack([_set(row, recipe) for row in rows]), sources, tuple(names.tolist()), odds / odds.sum())


def _set(row: dataset.Row, recipe: Recipe) -> metrics.Floats:
    """The lesions that a photo may be of `[7]`: its own, or for a squamous cell carcinoma those it is taught as."""
    return np.isin(CODES, recipe.scc if row.outside else CODES[row.target]).astype(float)


class Views(Dataset[tuple[torch.Tensor, torch.Tensor, int, int]]):
    """Random training views, what they show, their source and their photo's row. An item is asked for by (draw, row): the draw's
    number alone seeds the randomness."""

    def __init__(self, photos: Sequence[Photo], truths: Truths, transform: Transform, recipe: Recipe, steps: int) -> None:
        self.photos, self.truths, self.transform, self.recipe, self.steps = photos, truths, transform, recipe, steps

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, item: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor, int, int]:
        draw, row = item
        rng = np.random.default_rng([self.recipe.seed, draw])
        recipe, current = self.recipe, stage(self.recipe, draw // self.recipe.batch, self.steps)
        view = augment.random_view(
            self.photos[row],
            current.size,
            rng,
            area=recipe.area,
            colour=current.strength * recipe.colour,
            faults=current.strength * recipe.faults,
        )
        pixels = torch.from_numpy(preprocess.normalize(view[None], self.transform)[0])
        return pixels, torch.from_numpy(self.truths.sets[row]).float(), int(self.truths.sources[row]), row


class Batches(Sampler[list[tuple[int, int]]]):
    """Every step's batch, from step `first` on, this process's share of it."""

    def __init__(self, truths: Truths, recipe: Recipe, steps: int, first: int, rank: int, processes: int) -> None:
        self.odds = truths.odds
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
    teachers: Teachers | None
    optimizer: torch.optim.Optimizer
    step: int = 0
    best: float = -1.0
    losses: list[torch.Tensor] = field(default_factory=list)
    """Of the last steps, an epoch of them at most, on this process's share of the photos."""
    seconds: float = 0.0
    """Spent on these steps, judging included."""

    def save(self, path: Path, recipe: Recipe) -> None:
        """Written beside and renamed, so that a kill never leaves half a checkpoint."""
        state = {
            "recipe": asdict(recipe),
            "net": self.net.state_dict(),
            "ema": self.ema.module.state_dict(),
            "learned_with": self._learned_with().state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "best": self.best,
            "losses": torch.stack(self.losses),
            "seconds": self.seconds,
        }
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)

    def _learned_with(self) -> torch.nn.Module:
        """What learns beside the network, and is left behind when a run ends."""
        return torch.nn.Identity() if self.teachers is None else self.teachers.translation

    def restore(self, path: Path, recipe: Recipe) -> None:
        state = torch.load(path, map_location="cpu", weights_only=True)
        changed = [key for key, value in asdict(recipe).items() if state["recipe"].get(key) != value]
        if changed:
            raise dataset.DataError(
                f"{path} was made with another {changed[0]} ({state['recipe'].get(changed[0])!r}); "
                "give the same options to go on, or another --out to start anew."
            )
        self.net.load_state_dict(state["net"])
        self.ema.module.load_state_dict(state["ema"])
        self._learned_with().load_state_dict(state.get("learned_with", {}))  # older checkpoints have none
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.best = state["step"], state["best"]
        losses = state.get("losses", torch.empty(0))  # older checkpoints have neither
        self.losses, self.seconds = list(losses.to(next(self.net.parameters()).device)), state.get("seconds", 0.0)


def fit(
    images: Path,
    labels: dataset.Labels,
    out: Path,
    recipe: Recipe,
    *,
    cpu: bool,
    workers: int,
    save_minutes: float,
    fp32: bool = False,
) -> Path:
    """Train to the end of the recipe; returns the folder of the weights with the best score on val."""
    malloc.keep_freed()
    quickest = _precision(cpu)
    accelerator = Accelerator(mixed_precision="no" if fp32 else quickest, cpu=cpu)
    out.mkdir(parents=True, exist_ok=True)
    rows = [row for row in dataset.read_all(images, labels) if not row.outside or (row.outside == "scc" and recipe.scc)]
    train_rows, val_rows = splits.train_and_val(rows, recipe.val_share, recipe.seed)
    val_rows = [row for row in val_rows if not row.outside]
    accelerator.print(f"{len(train_rows)} photos to train on, {len(val_rows)} to choose by, on {accelerator.device}")
    torch.manual_seed(recipe.seed)  # of the layers that the initial weights leave out
    net = model.create(recipe.architecture, recipe.init, recipe.activation, recipe.drop, recipe.drop_path)
    if accelerator.mixed_precision == "bf16":
        model.speed_up_training(net)
    transform = model.transform(net, recipe.eval_size)
    teachers = [model.load_for_views(Path(folder), transform) for folder in recipe.teachers]
    judge = Judge(val_rows, transform, accelerator)
    run = _start(net, teachers, recipe, accelerator, out, PRECISIONS[quickest])
    truths, photos = Truths.of(train_rows, recipe), dataset.load(train_rows, recipe.short_side, max(1, workers))
    if run.teachers and recipe.once:
        with accelerator.main_process_first():
            run.teachers.ask_once(photos, transform, out / TEACHER_ANSWERS)
    loader = _loader(photos, truths, transform, recipe, run, accelerator, workers)
    _train(run, loader, truths, judge, recipe, accelerator, out, save_minutes)
    return out / BEST


def _precision(cpu: bool) -> str:
    """bf16 halves a step where a CPU or GPU computes it; on other CPUs it takes ten times as long as FP32."""
    if not cpu and torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    capabilities = torch.cpu.get_capabilities()
    return "bf16" if any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")) else "no"


def _start(
    net: torch.nn.Module,
    teachers: Sequence[torch.nn.Module],
    recipe: Recipe,
    accelerator: Accelerator,
    out: Path,
    teachers_precision: torch.dtype,
) -> Run:
    net = net.to(accelerator.device, memory_format=torch.channels_last)
    ema = ModelEmaV3(net, decay=recipe.ema, use_warmup=True)
    teacher = None
    if teachers:
        teacher = Teachers(teachers, net, recipe.features, teachers_precision)
        teacher.to(accelerator.device, memory_format=torch.channels_last)
    weights = [*net.parameters(), *(teacher.translation.parameters() if teacher else ())]
    groups = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    run = Run(net, ema, teacher, torch.optim.AdamW(groups, lr=recipe.lr, fused=True))
    if (out / CHECKPOINT).exists():
        run.restore(out / CHECKPOINT, recipe)
        if accelerator.is_main_process:
            _forget_after(run.step, out / HISTORY)
        accelerator.print(f"going on from step {run.step} of {out / CHECKPOINT}")
    return run


def _forget_after(step: int, history: Path) -> None:
    """Drop what a killed run noted after its last checkpoint: those steps are done again."""
    lines = history.read_text(encoding="utf-8").splitlines() if history.exists() else []
    remaining = [line for line in lines if json.loads(line)["step"] <= step]
    history.write_text("".join(f"{line}\n" for line in remaining), encoding="utf-8")


def _loader(
    photos: Sequence[Photo],
    truths: Truths,
    transform: Transform,
    recipe: Recipe,
    run: Run,
    accelerator: Accelerator,
    workers: int,
) -> DataLoader[Any]:
    steps = recipe.epochs * math.ceil(len(photos) / recipe.batch)
    batches = Batches(truths, recipe, steps, run.step, accelerator.process_index, accelerator.num_processes)
    views = Views(photos, truths, transform, recipe, steps)
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
    truths: Truths,
    judge: "Judge",
    recipe: Recipe,
    accelerator: Accelerator,
    out: Path,
    save_minutes: float,
) -> None:
    steps, started = run.step + len(loader), time.monotonic() - run.seconds
    epoch_steps = steps // recipe.epochs
    adjustment = _lean(truths, recipe).to(accelerator.device)
    wrapped, optimizer = accelerator.prepare(run.net, run.optimizer)
    teachers = accelerator.prepare(run.teachers) if recipe.features and run.teachers else run.teachers
    record = Record(out, recipe, epoch_steps, run.step, save_minutes) if accelerator.is_main_process else None
    for views in loader:
        rate = _rate(run.step, steps, recipe)
        for group in optimizer.param_groups:
            group["lr"] = rate
        # Seeded by the step, so that a run that was killed goes on exactly as it would have.
        torch.manual_seed((recipe.seed * steps + run.step) * accelerator.num_processes + accelerator.process_index)
        run.losses.append(
            _step(wrapped, teachers, optimizer, views, adjustment, recipe, stage(recipe, run.step, steps), accelerator)
        )
        del run.losses[:-epoch_steps]
        run.step += 1
        run.ema.update(run.net, step=run.step)
        figures = judge.figures(run.ema.module) if run.step % epoch_steps == 0 else {}
        run.seconds = time.monotonic() - started
        if record is not None:
            record.after_step(run, rate, figures)
    if record is not None:
        record.progress.close()
    accelerator.wait_for_everyone()
    accelerator.end_training()


def _step(
    wrapped: torch.nn.Module,
    teachers: torch.nn.Module | None,
    optimizer: torch.optim.Optimizer,
    views: Sequence[torch.Tensor],
    adjustment: torch.Tensor,
    recipe: Recipe,
    current: Stage,
    accelerator: Accelerator,
) -> torch.Tensor:
    wrapped.train()
    pixels, sets, sources, rows = (tensor.to(accelerator.device) for tensor in views)
    # Mixup: every view is blended with another one of the batch, and answers for both.
    evenness = current.strength * recipe.mixup
    share = torch.distributions.Beta(evenness, evenness).sample().item() if evenness else 1.0
    mixed = pixels.lerp(pixels.flip(0), 1 - share) if evenness else pixels
    mixed = mixed.contiguous(memory_format=torch.channels_last)
    with accelerator.autocast():
        logits = wrapped(mixed)
    truths = ((share, sets, sources), (1 - share, sets.flip(0), sources.flip(0)))
    loss = sum(
        weight * set_cross_entropy(logits.float() + adjustment[source], truth, recipe.smoothing)
        for weight, truth, source in truths
    )
    if teachers is not None:
        with accelerator.autocast():
            distance = teachers(logits.float(), mixed, rows, share)
        loss = (1 - recipe.taught) * loss + recipe.taught * distance
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(wrapped.parameters(), 5.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def set_cross_entropy(logits: torch.Tensor, sets: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Cross entropy with smoothed labels, where a photo may be of any lesion of its set `[n, 7]`: which of them is left open."""
    logs = log_softmax(logits, 1)
    in_set = torch.where(sets > 0, logs, -torch.inf).logsumexp(1)
    return -((1 - smoothing) * in_set + smoothing * logs.mean(1)).mean()


def _lean(truths: Truths, recipe: Recipe) -> torch.Tensor:
    """What is added to the logits in training, `[sources, 7]`: `adjust` times the log of how often each lesion is drawn among the
    photos of a source. At 1 the network answers as though all lesions were equally common, which is what balanced accuracy asks
    for (Menon et al., 2021); by source, so that it doesn't learn to expect one collection's lesions wherever it sees its look.

    A lesion without photos gets nothing: the log of a tiny share would make the smoothed labels push its logit up by as much,
    and it would be named on every photo.
    """
    shares = truths.odds[:, None] * truths.sets / truths.sets.sum(1, keepdims=True)
    frequencies = np.stack([shares[truths.sources == source].sum(0) for source in range(len(truths.names))])
    frequencies /= frequencies.sum(1, keepdims=True)
    return torch.from_numpy(recipe.adjust * np.log(np.where(frequencies > 0, frequencies, 1))).float()


class Judge:
    """Scores a network on the photos to choose by, as the app will feed them to it; each process takes its share of them."""

    def __init__(self, rows: Sequence[dataset.Row], transform: Transform, accelerator: Accelerator) -> None:
        own_rows = rows[accelerator.process_index :: accelerator.num_processes]
        self.views = np.stack([preprocess.view(photo, transform) for photo in dataset.load(own_rows, 10**6, threads=2)])
        self.truths, self.transform, self.accelerator = np.array([row.target for row in rows]), transform, accelerator
        self.sources = np.array([row.source for row in rows])

    def figures(self, net: torch.nn.Module) -> dict[str, float]:
        """Balanced accuracy and melanoma AUC, where there are several sources as the mean over them and of each, of one network:
        the main process's, whose batch norms saw other photos than those of the other processes."""
        broadcast(list(net.buffers()))
        logits = []
        with torch.inference_mode(), self.accelerator.autocast():
            for first in range(0, len(self.views), 64):
                pixels = torch.from_numpy(preprocess.normalize(self.views[first : first + 64], self.transform))
                logits.append(net.eval()(pixels.to(self.accelerator.device, memory_format=torch.channels_last)).float())
        chances = self._gather(torch.cat(logits)).softmax(1).double().numpy()
        by_source = {
            name: metrics.standing(chances[is_in_source], self.truths[is_in_source])
            for name in np.unique(self.sources).tolist()
            for is_in_source in [self.sources == name]
        }
        if len(by_source) == 1:
            return next(iter(by_source.values()))
        means = {
            figure: float(np.mean([of_source[figure] for of_source in by_source.values()])) for figure in ("bacc", "mel_auc")
        }
        return means | {f"{figure} {name}": value for name, of_source in by_source.items() for figure, value in of_source.items()}

    def _gather(self, logits: torch.Tensor) -> torch.Tensor:
        """All processes' answers, in the order of the photos."""
        gathered = torch.zeros(len(self.truths), logits.shape[1], device=logits.device)
        gathered[self.accelerator.process_index :: self.accelerator.num_processes] = logits
        return self.accelerator.reduce(gathered).cpu()


class Record:
    """What the main process writes down of a run: its progress, history, curves, best weights and checkpoints."""

    def __init__(self, out: Path, recipe: Recipe, epoch_steps: int, first: int, save_minutes: float) -> None:
        self.out, self.recipe, self.epoch_steps = out, recipe, epoch_steps
        self.save_seconds, self.saved = save_minutes * 60, time.monotonic()
        last = {name: line[name] for line in self._history()[-1:] for name in ("bacc", "mel_auc")}
        self.progress = Progress(out / LOGS, first, recipe.epochs, epoch_steps, recipe.batch, last)

    def after_step(self, run: Run, rate: float, figures: dict[str, float]) -> None:
        """After every step; `figures` are those on val where it ended an epoch."""
        self.progress.after_step(run.step, run.losses, rate, figures)
        if figures:
            self._keep(run, rate, figures)
        if figures or time.monotonic() - self.saved > self.save_seconds:
            self.progress.flush()
            run.save(self.out / CHECKPOINT, self.recipe)
            self.saved = time.monotonic()

    def _keep(self, run: Run, rate: float, figures: dict[str, float]) -> None:
        """Append to the history and draw it; keep the averaged weights if they are the best so far."""
        line = {"step": run.step, "loss": mean(run.losses), "rate": rate, **figures, "seconds": round(run.seconds, 1)}
        with (self.out / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if metrics.score(figures) > run.best:
            run.best = metrics.score(figures)
            self._keep_best(run, figures)
        history = self._history()
        curves.draw(history, self.epoch_steps, max(history, key=metrics.score)["step"], self.out / CURVES)

    def _history(self) -> list[dict[str, float]]:
        path = self.out / HISTORY
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def _keep_best(self, run: Run, figures: dict[str, float]) -> None:
        best = self.out / BEST
        best.mkdir(exist_ok=True)
        model.save_half(run.ema.module, best / WEIGHTS)
        description = {
            "architecture": self.recipe.architecture,
            "activation": self.recipe.activation,
            "transform": asdict(model.transform(run.ema.module, self.recipe.eval_size)),
            "recipe": asdict(self.recipe),
            "val": figures,
        }
        (best / "train.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
