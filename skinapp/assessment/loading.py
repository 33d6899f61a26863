"""Which of the two a model folder is: a model of the seven lesions, or of classes of somebody's own."""

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Namer
from skinapp.assessment.loaded_model import Served
from skinapp.model import session
from skinapp.model.spec import OWN


def load(model: str | None = None, provider: str = session.AUTO, threads: int = 0, pooled: bool = False) -> Assessor | Namer:
    """What a model folder or Hub model is, by its config: a model of the seven lesions, or of classes of its own."""
    served = Served.load(model, provider, threads, pooled)
    kind = Namer if served.spec.subject == OWN else Assessor
    return kind(served.source, served.session, served.notices)
