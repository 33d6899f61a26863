"""An answer with the photo that it answers."""

from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from skinapp.i18n.messages import Language
from skinapp.imaging.decode import Photo


class Assessed(Protocol):
    """What a model of lesions or of other classes says of a photo."""

    def to_dict(self, language: Language = "en") -> dict[str, Any]: ...

    def overlay(self, photo: Photo, code: str | None = None, /) -> Photo: ...


A_co = TypeVar("A_co", bound=Assessed, covariant=True)


class Answer(NamedTuple, Generic[A_co]):
    """`photo` is upright, and the part of it that was answered; `assessment` holds what was found, as numbers and words."""

    photo: Photo
    assessment: A_co

    def to_dict(self, language: Language = "en") -> dict[str, Any]:
        """The report, as the page, the API and the command line give it (docs/api.md)."""
        return self.assessment.to_dict(language)

    def overlay(self, code: str | None = None) -> Photo:
        """The photo with the evidence on it, at most 1024 pixels a side: RGB, uint8, `[height, width, 3]`. For one lesion or
        class by its code, or for what decides the answer."""
        return self.assessment.overlay(self.photo, code)
