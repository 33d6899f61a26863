"""The networks that a run learns from beside its labels: it receives their answers and, where its recipe asks for it, the last
features that they were given from, of every view that it learns on or once of each photo as a whole."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import kl_div, log_softmax
from tqdm import tqdm

from skinapp.imaging import preprocess
from skinapp.imaging.decode import Photo
from skinapp.model.spec import Transform

SOFTENING = 2.0
"""What logits are divided by before a network learns from its teachers': unlikely lesions say something, too."""
BATCH = 32


class TeacherAnswers(NamedTuple):
    """What teachers say of n pictures: softened probabilities `[n, 7]`, the mean of theirs, and their last maps side by side
    `[n, channels, h, w]`; no channels where nobody learns from them."""

    chances: torch.Tensor
    maps: torch.Tensor

    def blended(self, rows: torch.Tensor, share: float) -> "TeacherAnswers":
        """What they say of these of the pictures, each of which is blended, by its `share`, with the one at the other end."""
        first, second = ([values[indices.cpu()].float() for values in self] for indices in (rows, rows.flip(0)))
        return TeacherAnswers(*(a.lerp(b, 1 - share).to(rows.device) for a, b in zip(first, second, strict=True)))


class Teachers(nn.Module):
    """Several networks as one teacher; `translation` is what the student learns with them: the layer that
    turns its maps into theirs."""

    once: TeacherAnswers | None = None
    """What they say of each photo as a whole, where they aren't asked about every view."""

    def __init__(
        self, nets: Sequence[nn.Module], student: nn.Module, features: float, precision: torch.dtype = torch.float32
    ) -> None:
        """`precision` is what the teachers compute in, whatever the student does."""
        super().__init__()
        self.precision = precision
        self.nets, self.features = nn.ModuleList(nets).requires_grad_(False), features
        self.translation: nn.Module = nn.Identity()
        self._nets: list[_Maps] = []
        if features:
            self._student, self._nets = _Maps(student), [_Maps(net.net) for net in nets]
            self.translation = MapTranslation(student.num_features, sum(net.net.num_features for net in nets))

    def forward(self, logits: torch.Tensor, pixels: torch.Tensor, rows: torch.Tensor, share: float) -> torch.Tensor:
        """How far a student's answers to views of these photos, blended so, are from the teachers', and the maps that it has just
        made from theirs; where these are of photos as a whole, its means over all places."""
        answers = self._ask(pixels) if self.once is None else self.once.blended(rows, share)
        distance = distillation_loss(logits, answers.chances)
        if not self.features:
            return distance
        maps = self._student.maps if self.once is None else self._student.maps.mean((2, 3), keepdim=True)
        return distance + self.features * self.translation(maps, answers.maps)

    def ask_once(self, photos: Sequence[Photo], transform: Transform, path: Path) -> None:
        """Have them look at each photo as a whole; kept in a file, so that a run that goes on needn't ask again."""
        if not path.exists():
            device, parts = next(self.nets.parameters()).device, []
            for start in tqdm(range(0, len(photos), BATCH), desc="ask teachers", unit="batch", disable=None):
                pixels = torch.from_numpy(preprocess.batch(photos[start : start + BATCH], transform)).to(device)
                answers = self._ask(pixels.contiguous(memory_format=torch.channels_last))
                parts.append((answers.chances.cpu(), answers.maps.mean((2, 3), keepdim=True).half().cpu()))
            torch.save([torch.cat(part) for part in zip(*parts, strict=True)], path)
        self.once = TeacherAnswers(*torch.load(path, weights_only=True))

    def _ask(self, pixels: torch.Tensor) -> TeacherAnswers:
        is_mixed = self.precision != torch.float32
        with torch.no_grad(), torch.autocast(pixels.device.type, self.precision if is_mixed else None, enabled=is_mixed):
            probabilities = [(net.eval()(pixels).float() / SOFTENING).softmax(1) for net in self.nets]
        maps = [net.maps for net in self._nets]
        return TeacherAnswers(
            torch.stack(probabilities).mean(0), torch.cat(maps, 1) if maps else pixels.new_empty(len(pixels), 0, 1, 1)
        )


class MapTranslation(nn.Module):
    """How far a student's maps are from its teachers' after one layer that turns the ones into the others (Romero et al., 2015).

    Each of theirs counts as much, however bright it is: by the share of its variance that is not explained.
    """

    def __init__(self, width: int, theirs: int) -> None:
        super().__init__()
        self.layer, self.evened = nn.Conv2d(width, theirs, 1), nn.BatchNorm2d(theirs, affine=False)

    def forward(self, maps: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            aim = self.evened(theirs.float())
        return (self.layer(maps).float() - aim).square().mean()


class _Maps:
    """The last feature maps that a timm network made, kept as they pass."""

    maps: torch.Tensor

    def __init__(self, net: nn.Module) -> None:
        net.global_pool.register_forward_pre_hook(self._keep)

    def _keep(self, _: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        (self.maps,) = inputs


def distillation_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """How far answers are from the softened probabilities that they should give (Hinton et al., 2015; Beyer et al., 2022)."""
    return SOFTENING**2 * kl_div(log_softmax(logits / SOFTENING, 1), targets, reduction="batchmean")
