import csv

import numpy as np
import pytest

from skinapp.labels import View
from skinapp.model.spec import sha256
from tests.support import drawings, mutations
from train.data import dataset, splits
from train.data.dataset import DataError, Row


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
    assert dataset.read_rows(tmp_path, path, "test") == [
        Row(tmp_path / "a/y.jpg", 5, "g2", "test", "ham10000", collection="labels")
    ]
    assert [row.split for row in dataset.read_rows(tmp_path, path)] == ["train", "test"]


def test_ham10000s_own_metadata_and_its_two_folders_are_read(table, tmp_path):
    for part, name in (("HAM10000_images_part_1", "ISIC_1"), ("HAM10000_images_part_2", "ISIC_2")):
        (tmp_path / part).mkdir()
        (tmp_path / part / f"{name}.jpg").write_bytes(drawings.encoded(drawings.lesion(64, 48), "JPEG"))
    common = {"dx_type": "histo", "age": "50", "sex": "male", "localization": "back"}
    path = table(
        {"lesion_id": "HAM_1", "image_id": "ISIC_1", "dx": "bkl", **common},
        {"lesion_id": "HAM_1", "image_id": "ISIC_2", "dx": "bkl", **common},
    )
    assert dataset.read_rows(tmp_path, path) == [
        Row(tmp_path / "HAM10000_images_part_1/ISIC_1.jpg", 2, "HAM_1", "", "", "male", 50.0, "back", collection="labels"),
        Row(tmp_path / "HAM10000_images_part_2/ISIC_2.jpg", 2, "HAM_1", "", "", "male", 50.0, "back", collection="labels"),
    ]


@pytest.mark.parametrize(("age", "read"), [("50.0", 50.0), ("65", 65.0), ("", None), ("unknown", None), ("nan", None)])
def test_an_age_that_is_no_number_is_not_known(table, tmp_path, age, read):
    path = table({"file": "x.jpg", "dx": "mel", "age": age})
    assert dataset.read_rows(tmp_path, path) == [Row(tmp_path / "x.jpg", 4, "x.jpg", "", "", age=read, collection="labels")]


def test_a_table_of_files_and_lesions_alone_is_enough(table, tmp_path):
    assert dataset.read_rows(tmp_path, table({"file": "x.jpg", "dx": "nv"})) == [
        Row(tmp_path / "x.jpg", 5, "x.jpg", "", "", collection="labels")
    ]


def test_several_tables_are_read_together_with_views_and_tones_and_what_is_none_of_the_seven_is_kept_apart(table, tmp_path):
    (tmp_path / "ham.csv").write_text(table({"file": "a.jpg", "dx": "mel", "group": "g1"}).read_text())
    milk = tmp_path / "milk.csv"
    milk.write_text(
        table(
            {"file": "b.jpg", "dx": "nv", "group": "g2", "view": "clinical", "skin_tone": "2"},
            {"file": "c.jpg", "dx": "scc", "group": "g3", "view": "dermoscopic", "skin_tone": ""},
        ).read_text()
    )
    seven = dataset.read_rows(tmp_path, [tmp_path / "ham.csv", milk])
    assert seven == [
        Row(tmp_path / "a.jpg", 4, "g1", "", "", collection="ham"),
        Row(tmp_path / "b.jpg", 5, "g2", "", "", view=View.CLINICAL, skin_tone=2, collection="milk"),
    ]
    others = [row for row in dataset.read_all(tmp_path, [tmp_path / "ham.csv", milk]) if row not in seven]
    assert others == [Row(tmp_path / "c.jpg", -1, "g3", "", "", collection="milk", outside="scc")]


def test_the_fingerprint_of_several_tables_is_another_than_that_of_each_and_depends_on_their_order(table, tmp_path):
    one = table({"file": "x.jpg", "dx": "nv"})
    other = tmp_path / "other.csv"
    other.write_text("file,dx\ny.jpg,mel\n")
    assert dataset.fingerprint(one) == dataset.fingerprint([one]) == sha256(one)
    assert len({dataset.fingerprint(tables) for tables in ([one], [other], [one, other], [other, one])}) == 4


@pytest.mark.parametrize(
    ("record", "split", "said"),
    [
        (
            {"file": "a.jpg", "dx": "wart"},
            "",
            "dx is 'wart' for a.jpg; it must be one of akiec, bcc, bkl, df, mel, nv, vasc, or, outside of these, one of scc, inflammation, other_benign, other_malignant.",
        ),
        ({"file": "a.jpg", "dx": "nv", "view": "x-ray"}, "", "view is 'x-ray' for a.jpg; it must be dermoscopic or clinical."),
        ({"name": "a.jpg", "dx": "nv"}, "", "has the columns name, dx; it needs dx, and file or image_id."),
        ({"file": "a.jpg", "dx": "nv"}, "val", "has no column split, so 'val' can't be chosen; leave --split out."),
        ({"file": "a.jpg", "dx": "nv", "split": "train"}, "val", "has no rows with split 'val'."),
        ({"image_id": "ISIC_9", "dx": "nv"}, "", "No photo named ISIC_9 lies below {folder}; check --images."),
    ],
)
def test_a_table_that_cannot_be_used_is_named(table, tmp_path, record, split, said):
    with pytest.raises(DataError) as caught:
        dataset.read_rows(tmp_path, table(record), split)
    assert str(caught.value).endswith(said.format(folder=tmp_path))


def test_photos_are_kept_at_the_asked_short_side(tmp_path):
    (tmp_path / "big.png").write_bytes(drawings.encoded(drawings.lesion(600, 450)))
    (tmp_path / "small.png").write_bytes(drawings.encoded(drawings.lesion(80, 60)))
    rows = [Row(tmp_path / name, 0, name, "", "") for name in ("big.png", "small.png")]
    assert [photo.shape for photo in dataset.load(rows, 150, 2)] == [(150, 200, 3), (60, 80, 3)]


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
    (row,) = dataset.read_rows(tmp_path, table({"image_id": "ISIC_1", "dx": "mel"}))
    assert row.path == tmp_path / "part" / "ISIC_1.png"


def test_bad_tables_are_read_or_refused_in_a_sentence(tmp_path):
    turn = mutations.READERS.index("labels")
    for number in range(turn, 6000, len(mutations.READERS)):
        (path := tmp_path / "labels.csv").write_bytes(mutations.make(number).content)
        for read in (dataset.read_rows, dataset.read_others):
            try:
                read(tmp_path, path)
            except DataError as refused:
                assert str(refused).endswith(".") and len(str(refused)) < 2000, number
