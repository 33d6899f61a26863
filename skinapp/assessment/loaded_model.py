"""A model folder, loaded and ready to answer, whatever it answers; and the same as browsers run it."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import numpy as np

from skinapp.errors import ModelError, ProviderError
from skinapp.imaging import looks, preprocess
from skinapp.imaging.decode import Need, Photo
from skinapp.model import hub, session
from skinapp.model.batcher import Batcher
from skinapp.model.spec import Look, ModelSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelInfo:
    """Which model answered, and where it ran."""

    id: str
    revision: str
    file: str
    precision: str
    provider: str

    @property
    def name(self) -> str:
        """The model and as much of its revision as tells it from others."""
        return f"{self.id}@{self.revision[:12]}"

    @property
    def processor(self) -> str:
        """The provider in short, as CPU."""
        return self.provider.removesuffix("ExecutionProvider")


class LoadedModel:
    """A loaded model, whatever it answers; may be shared by threads."""

    def __init__(self, source: hub.LocalModel, runner: session.Runner, notices: Sequence[str]) -> None:
        file = source.spec.files[source.file]
        self.source, self.spec, self.session, self.notices = source, source.spec, runner, tuple(notices)
        self.model = ModelInfo(source.id, source.revision, source.file, file.precision, runner.provider)

    @classmethod
    def load(cls, model: str | None = None, provider: str = session.AUTO, threads: int = 0, pooled: bool = False) -> Self:
        """A model folder or Hub model on the best provider that really works; `pooled`: for many threads."""
        notices: list[str] = []
        for candidate in session.providers_to_try(provider):
            try:
                source = hub.fetch(model, partial(session.file_for, provider=candidate))
                loaded = session.Session(source.folder / source.file, source.spec, candidate, threads)
            except ProviderError as error:
                if provider != session.AUTO:
                    raise
                log.warning("%s", error)
                notices.append(str(error))
                continue
            runner = _for_many(loaded, source, candidate, threads) if pooled else loaded
            return cls(source, runner, [*notices, source.notice] if source.notice else notices)
        raise ProviderError(f"No execution provider works here ({' '.join(notices)}); install requirements.txt again.")

    @cached_property
    def need(self) -> Need:
        """The pixels that a photo needs to be answered and shown."""
        return preprocess.need(self.spec.transform)

    @cached_property
    def documents(self) -> Path:
        """The model's folder with what its makers measured and show: metrics.json, plots/ and examples/, where it has them."""
        return hub.documents(self.source)

    def forward(
        self, photos: Sequence[Photo], elapsed: dict[str, float], chosen_looks: Sequence[Look] = looks.PLAIN
    ) -> tuple[list[Photo], session.Outputs]:
        """One pass over all looks at all photos: what the network sees, photo by photo, and its answer; the milliseconds go into
        `elapsed`."""
        views = self.views(photos, elapsed, chosen_looks)
        return views, self.answer(views, elapsed)

    def views(self, photos: Sequence[Photo], elapsed: dict[str, float], chosen_looks: Sequence[Look]) -> list[Photo]:
        """What the network sees of all photos in all looks, photo by photo."""
        started = time.perf_counter()
        views = [view for photo in photos for view in looks.views(photo, self.spec.transform, chosen_looks)]
        elapsed["preprocess"] = milliseconds_since(started)
        return views

    def answer(self, views: Sequence[Photo], elapsed: dict[str, float]) -> session.Outputs:
        """What the network answers to what it sees, from one pass."""
        started = time.perf_counter()
        pixels = preprocess.normalize(views, self.spec.transform)
        elapsed["preprocess"] = elapsed.get("preprocess", 0.0) + milliseconds_since(started)
        started = time.perf_counter()
        outputs = self.session.run(pixels)
        if not all(np.isfinite(values).all() for values in vars(outputs).values()):
            # Nothing passes a threshold that is compared with nan: it would be a Low.
            raise ModelError(f"{self.model.file} answered with numbers that are not finite; fetch or export the model again.")
        elapsed["model"] = milliseconds_since(started)
        return outputs


def _for_many(loaded: session.Session, source: hub.LocalModel, provider: session.Provider, threads: int) -> Batcher:
    """A session for many callers: on a CPU of several cores beside it one of a single thread, for as many passes at once."""
    passes = threads or session.cores()
    if provider is not session.CPU or passes < 2:
        return Batcher(loaded)
    return Batcher(loaded, session.Session(source.folder / source.file, source.spec, provider, 1), passes)


@dataclass(frozen=True)
class BrowserModel:
    """A model folder with the one weight file that browsers run; `model` names no provider."""

    folder: Path
    spec: ModelSpec
    model: ModelInfo


def browser_model(name: str | None = None) -> BrowserModel:
    """The embedded model, a model folder or a Hub model, with the file that computes in float wherever it runs."""
    source = hub.fetch(name, session.portable_file)
    precision = source.spec.files[source.file].precision
    return BrowserModel(source.folder, source.spec, ModelInfo(source.id, source.revision, source.file, precision, ""))


def milliseconds_since(started: float) -> float:
    """Since a moment of `time.perf_counter`."""
    return (time.perf_counter() - started) * 1000
