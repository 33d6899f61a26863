"""The lesions among which, nine times in ten, the true one is: a conformal prediction set, whose limits are those of the view."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from skinapp.labels import CODES

COVERAGE = 0.9
"""How often the true lesion is to be among them, whichever it is."""


def of(chances: NDArray[np.float64], limits: Mapping[str, float]) -> tuple[str, ...] | None:
    """The codes of the lesions that reach their limits, likeliest first, or the likeliest alone where none does; None where the
    model states no limits."""
    if not limits:
        return None
    ranked = [CODES[index] for index in np.argsort(-chances, kind="stable")]
    reached = tuple(code for code in ranked if chances[CODES.index(code)] >= limits[code])
    return reached or (ranked[0],)
