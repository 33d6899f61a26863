"""Near-duplicates are found and stay on one side; every class gets its share."""

import cv2
import numpy as np
import pytest

from skinapp.errors import TeachError
from skinapp.i18n.messages import Message
from skinapp.imaging import decode
from skinapp.teach.dataset import near_duplicates, sample, split
from skinapp.teach.progress import Progress, Stopped
from tests.support import drawings

RNG = np.random.default_rng(0)
PICTURES = [drawings.lesion(200, 200, colour=drawings.COLOURS[seed % 7], seed=seed) for seed in range(12)]


def grouped(pictures, embedding=None):
    """The groups of pictures, by their edges alone unless embeddings are given: each picture's own axis."""
    own = np.eye(len(pictures), dtype=np.float32) if embedding is None else embedding
    plain, mirror = (np.stack([of(picture) for picture in pictures]) for of in (near_duplicates.edges, near_duplicates.mirrored))
    return near_duplicates.groups(plain, mirror, own, Progress())


def compressed(picture):
    return decode.read(drawings.encoded(picture, "JPEG", quality=40))


@pytest.mark.parametrize(
    "edit",
    [
        compressed,
        lambda picture: cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        lambda picture: np.clip(picture * 1.1, 0, 255).astype(np.uint8),
        lambda picture: np.ascontiguousarray(picture[:, ::-1]),
        lambda picture: picture.copy(),
    ],
    ids=["jpeg", "half", "brighter", "mirror", "copy"],
)
def test_an_edited_copy_is_a_twin_and_another_picture_is_none(edit):
    pictures = [sample.draw(name, seed) for name in sample.PATTERNS for seed in range(3)]
    groups = grouped([*pictures, *map(edit, pictures)])
    assert (groups[:12] == groups[12:]).all()
    assert len(set(groups)) == 12


def test_alike_embeddings_make_twins_where_edges_dont():
    embedding = np.eye(12, dtype=np.float32)
    embedding[1] = embedding[0] + 0.01 * RNG.normal(size=12)
    groups = grouped([sample.draw("dots", seed) for seed in range(12)], embedding)
    assert groups[0] == groups[1] and len(set(groups)) == 11


def test_what_is_alike_in_a_chain_is_one_group_however_far_apart_its_ends_are(monkeypatch):
    monkeypatch.setattr(near_duplicates, "SAME_FEATURES", 0.4)
    rng, count = np.random.default_rng(0), 3 * near_duplicates.CHUNK
    embedding = np.zeros((count, count), np.float32)
    for place in range(count):  # each like its neighbours alone, but for two gaps
        embedding[place, place] = 1
        if place not in (0, 300, 500):
            embedding[place, place - 1] = 1
    order = rng.permutation(count)
    nothing = np.zeros((count, 4), np.uint64)
    groups = near_duplicates.groups(nothing, nothing, embedding[order], Progress())
    chain = np.searchsorted([300, 500], order, side="right")
    assert len(set(groups)) == 3 and all(len(set(groups[chain == one])) == 1 for one in range(3))


def test_thousands_of_copies_are_compared_without_holding_up_others_and_stop_when_nobody_waits():
    alike, progress = np.ones((4000, 4), np.uint64), Progress()
    embedding = np.random.default_rng(0).normal(size=(4000, 8)).astype(np.float32)
    assert set(near_duplicates.groups(alike, alike, embedding, progress)) == {0}
    assert (progress.stage, progress.done) == ("comparing", 4000)
    progress.step = lambda count=1: progress.stop() or Progress.step(progress, count)
    with pytest.raises(Stopped):
        near_duplicates.groups(alike, alike, embedding, progress)
    assert progress.done == near_duplicates.CHUNK


def test_pictures_of_one_colour_are_no_twins_by_their_edges():
    assert len(set(grouped([drawings.plain((seed * 20, 0, 90)) for seed in range(6)]))) == 6


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
def test_groups_stay_together_and_every_class_gets_its_share(share):
    targets = np.repeat([0, 1, 2], [60, 30, 12])
    groups = np.arange(102) // 3
    held = split.held_out(targets, groups, share)
    assert all(len(set(held[groups == group])) == 1 for group in np.unique(groups))
    for target, count in enumerate((60, 30, 12)):
        assert share * count <= held[targets == target].sum() <= share * count + 3


def test_folds_are_even_by_class_and_no_more_than_the_rarest_has_groups():
    targets = np.repeat([0, 1], [50, 4])
    fold = split.folds(targets, np.arange(54))
    assert fold.max() == 3
    assert [((targets == 1) & (fold == one)).sum() for one in range(4)] == [1, 1, 1, 1]
    assert all(abs(((targets == 0) & (fold == one)).sum() - 12.5) <= 1 for one in range(4))


def test_near_copies_of_a_test_folders_pictures_are_not_learned_from():
    targets, groups = np.array([0, 0, 0, 1, 1, 1, 0, 1]), np.array([0, 1, 2, 3, 4, 5, 2, 6])
    is_test = np.array([False] * 6 + [True] * 2)
    found = split.split(("a", "b"), targets, groups, is_test, 0.2)
    assert found.train.tolist() == [0, 1, 3, 4, 5] and found.test.tolist() == [6, 7]
    assert found.dropped == 1 and found.is_given


def test_a_class_whose_pictures_are_all_alike_is_named():
    targets, groups = np.repeat([0, 1], 6), np.array([0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6])
    with pytest.raises(TeachError) as caught:
        split.split(("cat", "dog"), targets, groups, np.zeros(12, bool), 0.2)
    assert caught.value.message == Message("taught.alike", label="dog")
