import csv

import numpy as np
import pytest

from tests import drawings, mutations
from train import data, splits
from train.data import DataError, Row


@pytest.fixture
def table(tmp_path):
    """Writes a CSV and returns its path."""

    def write(*records: dict[str, str]):
        path = tmp_path / "labels.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, records[0])
            writer.writeheader()
            writer.writerows(records)
        return path

    return write


def test_our_own_layout_is_read_and_a_split_is_chosen(table, tmp_path):
    path = table(
        {"file": "a/x.jpg", "dx": "mel", "split": "train", "group": "g1", "lesion_id": "l1", "subset": "ham10000"},
        {"file": "a/y.jpg", "dx": "nv", "split": "test", "group": "g2", "lesion_id": "l2", "subset": "ham10000"},
    )
    assert data.read_rows(tmp_path, path, "test") == [Row(tmp_path / "a/y.jpg", 5, "g2", "test", "ham10000")]
    assert [row.split for row in data.read_rows(tmp_path, path)] == ["train", "test"]


def test_ham10000s_own_metadata_and_its_two_folders_are_read(table, tmp_path):
    for part, name in (("HAM10000_images_part_1", "ISIC_1"), ("HAM10000_images_part_2", "ISIC_2")):
        (tmp_path / part).mkdir()
        (tmp_path / part / f"{name}.jpg").write_bytes(drawings.encoded(drawings.lesion(64, 48), "JPEG"))
    common = {"dx_type": "histo", "age": "50", "sex": "male", "localization": "back"}
    path = table(
        {"lesion_id": "HAM_1", "image_id": "ISIC_1", "dx": "bkl", **common},
        {"lesion_id": "HAM_1", "image_id": "ISIC_2", "dx": "bkl", **common},
    )
    assert data.read_rows(tmp_path, path) == [
        Row(tmp_path / "HAM10000_images_part_1/ISIC_1.jpg", 2, "HAM_1", "", "", "male", 50.0, "back"),
        Row(tmp_path / "HAM10000_images_part_2/ISIC_2.jpg", 2, "HAM_1", "", "", "male", 50.0, "back"),
    ]


@pytest.mark.parametrize(("age", "read"), [("50.0", 50.0), ("65", 65.0), ("", None), ("unknown", None), ("nan", None)])
def test_an_age_that_is_no_number_is_not_known(table, tmp_path, age, read):
    path = table({"file": "x.jpg", "dx": "mel", "age": age})
    assert data.read_rows(tmp_path, path) == [Row(tmp_path / "x.jpg", 4, "x.jpg", "", "", age=read)]


def test_a_table_of_files_and_lesions_alone_is_enough(table, tmp_path):
    assert data.read_rows(tmp_path, table({"file": "x.jpg", "dx": "nv"})) == [Row(tmp_path / "x.jpg", 5, "x.jpg", "", "")]


@pytest.mark.parametrize(
    ("record", "split", "said"),
    [
        ({"file": "a.jpg", "dx": "wart"}, "", "dx is 'wart' for a.jpg; it must be one of akiec, bcc, bkl, df, mel, nv, vasc."),
        ({"name": "a.jpg", "dx": "nv"}, "", "has the columns name, dx; it needs dx, and file or image_id."),
        ({"file": "a.jpg", "dx": "nv"}, "val", "has no column split, so 'val' can't be chosen; leave --split out."),
        ({"file": "a.jpg", "dx": "nv", "split": "train"}, "val", "has no rows with split 'val'."),
        ({"image_id": "ISIC_9", "dx": "nv"}, "", "No photo named ISIC_9 lies below {folder}; check --images."),
    ],
)
def test_a_table_that_cannot_be_used_is_named(table, tmp_path, record, split, said):
    with pytest.raises(DataError) as caught:
        data.read_rows(tmp_path, table(record), split)
    assert str(caught.value).endswith(said.format(folder=tmp_path))


def test_photos_are_kept_at_the_asked_short_side(tmp_path):
    (tmp_path / "big.png").write_bytes(drawings.encoded(drawings.lesion(600, 450)))
    (tmp_path / "small.png").write_bytes(drawings.encoded(drawings.lesion(80, 60)))
    rows = [Row(tmp_path / name, 0, name, "", "") for name in ("big.png", "small.png")]
    assert [photo.shape for photo in data.load(rows, 150, 2)] == [(150, 200, 3), (60, 80, 3)]


def lesions(count: int, photos: int = 2) -> list[Row]:
    return [Row(None, lesion % 7, f"l{lesion}", "", "") for lesion in range(count) for _ in range(photos)]  # type: ignore[arg-type]


def test_no_lesion_is_on_both_sides_and_every_diagnosis_is_on_each():
    train, val = splits.train_and_val(lesions(140), 0.15, seed=0)
    assert not {row.group for row in train} & {row.group for row in val}
    assert len(train) + len(val) == 280
    np.testing.assert_array_equal(np.bincount([row.target for row in val], minlength=7), [6] * 7)


def test_the_split_depends_on_the_seed_alone():
    rows = lesions(70)
    first = splits.train_and_val(rows, 0.2, seed=1)[1]
    assert {row.group for row in first} == {row.group for row in splits.train_and_val(rows[::-1], 0.2, seed=1)[1]}
    assert {row.group for row in first} != {row.group for row in splits.train_and_val(rows, 0.2, seed=2)[1]}


def test_the_tables_own_split_is_kept():
    rows = [Row(None, 0, "a", "train", ""), Row(None, 0, "b", "val", ""), Row(None, 0, "c", "test", "")]  # type: ignore[arg-type]
    assert splits.train_and_val(rows, 0.5, 0) == ([rows[0]], [rows[1]])


def test_a_folder_named_like_a_photo_is_no_photo(table, tmp_path):
    (tmp_path / "ISIC_1.jpg").mkdir()
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "ISIC_1.png").write_bytes(drawings.encoded(drawings.lesion(64, 48)))
    (row,) = data.read_rows(tmp_path, table({"image_id": "ISIC_1", "dx": "mel"}))
    assert row.path == tmp_path / "part" / "ISIC_1.png"


def test_bad_tables_are_read_or_refused_in_a_sentence(tmp_path):
    turn = mutations.READERS.index("labels")
    for number in range(turn, 6000, len(mutations.READERS)):
        (path := tmp_path / "labels.csv").write_bytes(mutations.make(number).content)
        for read in (data.read_rows, data.read_others):
            try:
                read(tmp_path, path)
            except DataError as refused:
                assert str(refused).endswith(".") and len(str(refused)) < 2000, number
