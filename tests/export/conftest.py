import pytest

from tests import drawings


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A folder of drawn photos and its labels.csv."""
    return drawings.labelled(tmp_path_factory.mktemp("drawn"))
