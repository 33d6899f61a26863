"""The seven lesions, in the order every model answers them, and the medical priority of each. Nothing else knows them."""

from dataclasses import dataclass
from enum import StrEnum


class Priority(StrEnum):
    """How soon a clinician should look, most severe first; `UNCLEAR` is the answer to a photo that can't be judged."""

    URGENT = "urgent"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNCLEAR = "unclear"


SEVERITY = (Priority.URGENT, Priority.HIGH, Priority.MEDIUM, Priority.LOW)
"""The priorities a readable photo can get, most severe first."""


class View(StrEnum):
    """How a photo was taken: through a dermatoscope, or with a plain camera (a clinical close-up)."""

    DERMOSCOPIC = "dermoscopic"
    CLINICAL = "clinical"


@dataclass(frozen=True)
class Lesion:
    """One of the seven answers: HAM10000's code for it, its medical name, its priority, and whether it is a cancer or a
    precursor of one."""

    code: str
    name: str
    priority: Priority
    malignant: bool = False


LESIONS = (
    Lesion("akiec", "Actinic keratoses / intraepithelial carcinoma", Priority.MEDIUM, malignant=True),
    Lesion("bcc", "Basal cell carcinoma", Priority.HIGH, malignant=True),
    Lesion("bkl", "Benign keratosis", Priority.LOW),
    Lesion("df", "Dermatofibroma", Priority.LOW),
    Lesion("mel", "Melanoma", Priority.URGENT, malignant=True),
    Lesion("nv", "Melanocytic nevus", Priority.LOW),
    Lesion("vasc", "Vascular lesion", Priority.MEDIUM),
)

CODES = tuple(lesion.code for lesion in LESIONS)
ALARMING = tuple(lesion.code for lesion in LESIONS if lesion.priority is not Priority.LOW)
"""The codes that need a threshold: everything that is not Low."""
MALIGNANT = tuple(lesion.code for lesion in LESIONS if lesion.malignant)
"""The codes that an answer of two words, malignant or benign, calls malignant: the two cancers and the precursor."""
NEAR = "near_mel"
"""The threshold of melanoma that nothing may reach and be Low."""
THRESHOLDS = (*ALARMING, NEAR)
"""What a model that knows lesions has thresholds of."""
TOGETHER = "malignant"
"""The threshold of all malignant lesions taken together that nothing may reach and be Low: a lesion that is none of the seven may
look a little like each of several. Models of format 1 have none."""
