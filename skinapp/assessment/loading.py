"""Which of the two a model folder is: a model of the seven lesions, or of classes of somebody's own."""

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Classifier
from skinapp.assessment.loaded_model import LoadedModel
from skinapp.model import session
from skinapp.model.spec import CUSTOM


def load(model: str | None = None, provider: str = session.AUTO, threads: int = 0, pooled: bool = False) -> Assessor | Classifier:
    """What a model folder or Hub model is, by its config: a model of the seven lesions, or of classes of its own."""
    loaded = LoadedModel.load(model, provider, threads, pooled)
    kind = Classifier if loaded.spec.subject == CUSTOM else Assessor
    return kind(loaded.source, loaded.session, loaded.notices)
