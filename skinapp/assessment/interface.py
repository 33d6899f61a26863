"""The Python interface: `load` gives a Model, whose `assess` gives an Answer. Thin: an Assessor or Classifier answers."""

from os import PathLike

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import loading
from skinapp.assessment.answer import Answer
from skinapp.assessment.assessor import Assessment, Assessor
from skinapp.assessment.classifier import Classification, Classifier
from skinapp.assessment.loaded_model import ModelInfo
from skinapp.errors import SkinAppError
from skinapp.model import session


class Model:
    """A model that is loaded and ready, of the seven lesions or of somebody's own classes; may be shared by threads."""

    def __init__(self, assessor: Assessor | Classifier) -> None:
        self.assessor = assessor

    @property
    def info(self) -> ModelInfo:
        """Which model answers, in what precision and on what provider."""
        return self.assessor.model

    def assess(
        self, photo: str | PathLike[str] | bytes | NDArray[np.generic], *, careful: bool = True, centred: bool = False
    ) -> Answer[Assessment] | Answer[Classification]:
        """The answer to a file by its path, to a file's bytes, or to an array (grey, RGB or RGBA, 8 or 16 bit).

        `careful` takes the mean of several looks where the model states them, in about their number of times the time; `centred`
        answers the part around the lesion. PhotoError says what is wrong with a photo that can't be read.
        """
        if isinstance(self.assessor, Assessor):
            return self.assessor.read_and_assess(photo, careful=careful, centred=centred)
        if centred:
            raise SkinAppError("centred looks for a lesion, but this model has classes of its own; leave it out.")
        return self.assessor.read_and_assess(photo, careful=careful)


def load(
    model: str | PathLike[str] | None = None, provider: str = session.AUTO, threads: int = 0, *, pooled: bool = False
) -> Model:
    """A model folder, a Hub model OWNER/NAME[@REVISION], or without a name the embedded model.

    `provider` is "auto", which takes the best that works here, or one of "tensorrt", "cuda", "cpu", which then must be there.
    `threads` of a pass: 0 leaves them to ONNX Runtime. `pooled`: photos of many threads share passes.
    """
    return Model(loading.load(None if model is None else str(model), provider, threads, pooled))
