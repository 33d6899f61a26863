"""The embedded model for phones and browsers: small, whole, and answering as the contract says."""

import pytest

from skinapp.assessment.assessor import Assessor
from skinapp.model.hub import EMBEDDED, EMBEDDED_PHONE
from skinapp.model.spec import ModelSpec
from tests.support import drawings

SPEC = ModelSpec.read(EMBEDDED_PHONE)


@pytest.fixture(scope="module")
def assessor() -> Assessor:
    return Assessor.load(str(EMBEDDED_PHONE), provider="cpu")


def test_every_file_has_the_hash_that_config_json_states():
    for name in SPEC.files:
        SPEC.verify(EMBEDDED_PHONE, name)


def test_all_of_it_is_small_enough_for_a_phone():
    assert sum(path.stat().st_size for path in EMBEDDED_PHONE.rglob("*")) < 5e6


def test_it_knows_all_that_the_large_one_knows():
    large = ModelSpec.read(EMBEDDED)
    assert SPEC.architecture.startswith("mobilenetv3_") and SPEC.labels == large.labels
    assert SPEC.looks == large.looks and SPEC.sets.keys() == large.sets.keys()
    assert SPEC.frame_head.weights and SPEC.clinical and SPEC.lesion_head.weights
    assert SPEC.provenance["recipe"]["teachers"]


@pytest.mark.parametrize("colour", [16, 80, 144, 208, (236, 200, 175), (190, 140, 110), (70, 50, 40)])
def test_a_picture_of_one_colour_is_sent_back(assessor, colour):
    assert assessor.assess([drawings.plain(colour)], careful=True)[0].to_dict()["status"] == "retake"
