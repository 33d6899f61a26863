"""How was a photo taken: through a dermatoscope or with a plain camera? The network's embedding tells."""

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment.quality import evidence
from skinapp.labels import View
from skinapp.model.spec import Clinical


def of(embedding: NDArray[np.float32], clinical: Clinical | None) -> View:
    """The view of a photo from its embedding `[d]`; a model that has seen no plain camera photos takes every photo for one
    through a dermatoscope."""
    is_clinical = clinical is not None and evidence(embedding, clinical.view_head) > 0
    return View.CLINICAL if is_clinical else View.DERMOSCOPIC
