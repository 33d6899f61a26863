"""The networks that look at a visitor's pictures: the one that the page answers with, and one that knows more than skin.

Where both look at a photo in the same way (its size, its part and how it is scaled), what was learned may rest on either, or on
both together.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment.classifier import Classifier
from skinapp.assessment.loaded_model import LoadedModel
from skinapp.model import hub
from skinapp.model.hub import GENERAL
from skinapp.model.spec import Transform


class Kind(StrEnum):
    """What a head is learned on: the embedding of the page's own network, of the general one, or of both together."""

    SERVED = "served"
    GENERAL = "general"
    BOTH = "both"


@dataclass(frozen=True)
class Networks:
    """The page's network, and how the general one is had, which is loaded when somebody first teaches."""

    served: LoadedModel
    load_general: Callable[[], LoadedModel | None]

    @classmethod
    def of(cls, served: LoadedModel, general: str = "", provider: str = "auto", threads: int = 0) -> Self:
        """With the general network of a folder or of the Hub, or the embedded one."""
        return cls(served, lambda: Classifier.load(general or str(GENERAL), provider, threads))

    @cached_property
    def general(self) -> LoadedModel | None:
        """None where it can't stand beside the page's: it looks at photos otherwise, or is the same network."""
        general = self.load_general()
        if general is None or _geometry(general.spec.transform) != _geometry(self.served.spec.transform):
            return None
        return None if general.source.folder.resolve() == self.served.source.folder.resolve() else general

    @cached_property
    def by_kind(self) -> dict[Kind, LoadedModel]:
        """The single networks that there are."""
        return {Kind.SERVED: self.served, **({Kind.GENERAL: self.general} if self.general else {})}

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What can be learned on."""
        return tuple(Kind) if self.general else (Kind.SERVED,)

    def parts(self, kind: Kind) -> tuple[Kind, ...]:
        """The single networks of a kind, in the order of their features."""
        return (Kind.SERVED, Kind.GENERAL) if kind is Kind.BOTH else (kind,)

    def is_rooted(self, part: Kind) -> bool:
        """Whether a single network's features are learned on by their roots: those of the general one, which has ReLUs."""
        return part is Kind.GENERAL

    def background(self, part: Kind) -> NDArray[np.float32]:
        """What a single network sees in all sorts of things `[n, d]`, or in none `[0, d]` where its folder doesn't say."""
        network = self.by_kind[part]
        if hub.BACKGROUND not in network.spec.files or not (network.source.folder / hub.BACKGROUND).is_file():
            return np.zeros((0, 0), np.float32)
        path = network.spec.verify(network.source.folder, hub.BACKGROUND)
        return np.asarray(np.load(path, allow_pickle=False), np.float32)

    def likeness_kind(self, kind: Kind) -> Kind:
        """The network of a kind by which unlike pictures are told: it should know many things."""
        return Kind.GENERAL if kind is Kind.BOTH else kind


def _geometry(transform: Transform) -> Transform:
    """How a photo is scaled and cut, whatever its numbers are then divided by."""
    return replace(transform, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
