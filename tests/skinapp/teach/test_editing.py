"""Classes and pictures are changed after they were looked at, and what was seen of the others stays."""

from pathlib import Path

import numpy as np
import pytest

from skinapp.assessment.assessor import Assessor
from skinapp.errors import TeachError
from skinapp.model.spec import ModelSpec
from skinapp.teach import pipeline
from skinapp.teach.dataset import dataset
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.networks import Kind, Networks
from skinapp.teach.progress import Progress
from tests import TINY_MODEL
from tests.support import zip_files

TRANSFORM = ModelSpec.read(TINY_MODEL).transform


@pytest.fixture
def kept(tmp_path: Path) -> Collection:
    return gathered(tmp_path / "one", zip_files.drawn(("dots", "rings", "stripes"), 6))


def gathered(place: Path, files: dict[str, bytes], *, is_addition: bool = False) -> Collection:
    place.mkdir()
    zipped = zip_files.zipped(place / "a.zip", files)
    return dataset.gather(zipped, TRANSFORM, place, Progress(), is_addition=is_addition)


def test_a_class_gets_another_name_and_its_pictures_stay(kept: Collection) -> None:
    other = kept.renamed("dots", "  zebra  crossing ")
    assert other.labels == ("rings", "stripes", "zebra crossing")
    assert [other.labels[target] for target in other.targets] == ["zebra crossing"] * 6 + ["rings"] * 6 + ["stripes"] * 6
    assert np.array_equal(other.views, kept.views) and other.names == kept.names


def test_two_classes_of_one_name_are_one(kept: Collection) -> None:
    other = kept.renamed("dots", "rings")
    assert other.counts() == [("rings", 12, 0), ("stripes", 6, 0)]


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_a_name_that_is_none_is_refused(kept: Collection, name: str) -> None:
    with pytest.raises(TeachError) as caught:
        kept.renamed("dots", name)
    assert caught.value.message.key == "taught.class_name"


def test_a_class_that_is_gone_meanwhile_is_said_to_be(kept: Collection) -> None:
    with pytest.raises(TeachError) as caught:
        kept.without(kept.class_members("rings")).class_members("rings")
    assert caught.value.message.key == "taught.changed"


def test_pictures_that_are_taken_away_are_gone_from_the_disk_too(kept: Collection) -> None:
    expected = np.array(kept.views[1:])
    fewer = kept.without(np.array([0]))
    assert fewer.counts()[0] == ("dots", 5, 0) and np.array_equal(fewer.views, expected)
    assert Path(fewer.views.filename).stat().st_size == expected.nbytes  # type: ignore[attr-defined]
    without = fewer.without(fewer.class_members("dots"))
    assert without.labels == ("rings", "stripes") and without.targets.tolist() == [0] * 6 + [1] * 6


def test_more_pictures_come_behind_those_that_are_there(kept: Collection, tmp_path: Path) -> None:
    more = gathered(
        tmp_path / "two", {**zip_files.drawn(("dots",), 2, 30), **zip_files.drawn(("checks",), 1, 5)}, is_addition=True
    )
    both = kept.joined(more)
    assert both.labels == ("checks", "dots", "rings", "stripes")
    assert both.counts() == [("checks", 1, 0), ("dots", 8, 0), ("rings", 6, 0), ("stripes", 6, 0)]
    assert len(both.views) == 21 and np.array_equal(both.views[18:], more.views)
    with pytest.raises(TeachError) as caught:
        both.check()
    assert caught.value.message.key == "taught.few_classes"
    kept.check()


def test_what_was_looked_at_is_not_looked_at_again(tmp_path: Path) -> None:
    class Counted:
        provider = "CPUExecutionProvider"

        def __init__(self, runner: object) -> None:
            self.runner, self.pictures = runner, 0

        def run(self, pixels: np.ndarray) -> object:
            self.pictures += len(pixels)
            return self.runner.run(pixels)  # type: ignore[attr-defined]

    base = Assessor.load(str(TINY_MODEL), "cpu")
    base.session = counted = Counted(base.session)  # type: ignore[assignment]
    networks, kept = Networks(base, lambda: None), gathered(tmp_path / "one", zip_files.drawn(("dots", "rings"), 6))
    seen = pipeline.embed(networks, kept, Progress())
    assert counted.pictures == 12
    fewer, left = kept.without(np.array([3])), np.setdiff1d(np.arange(12), [3])
    whole = fewer.joined(gathered(tmp_path / "two", zip_files.drawn(("dots",), 2, 40), is_addition=True))
    again = pipeline.embed(networks, whole, Progress(), seen.take(left))
    assert counted.pictures == 14
    fresh = pipeline.embed(networks, whole, Progress())
    assert np.allclose(again.seen[Kind.SERVED, False], fresh.seen[Kind.SERVED, False], atol=1e-5)
    assert np.array_equal(again.hashes, fresh.hashes) and np.array_equal(again.mirror_hashes, fresh.mirror_hashes)
