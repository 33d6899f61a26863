from zipfile import ZipFile

from skinapp.labels import CODES
from train.data.zip_dataset import pack


def test_photos_are_packed_by_split_and_class_one_a_group(drawn, tmp_path):
    counts = pack(drawn, drawn / "labels.csv", tmp_path / "two.zip", per_split=8, two=True)
    assert counts == {"train/benign": 4, "train/malignant": 4, "test/benign": 4, "test/malignant": 4}
    names = ZipFile(tmp_path / "two.zip").namelist()
    assert len(names) == 16
    assert all(name.split("/")[2].rstrip("0123456789.png") in ("akiec", "bcc", "mel") for name in names if "malignant" in name)


def test_the_seven_lesions_are_packed_by_their_codes(drawn, tmp_path):
    counts = pack(drawn, drawn / "labels.csv", tmp_path / "seven.zip", per_split=14, two=False)
    assert counts == {f"{split}/{code}": 2 for split in ("train", "test") for code in CODES}
    again = pack(drawn, drawn / "labels.csv", tmp_path / "again.zip", per_split=14, two=False)
    assert counts == again and ZipFile(tmp_path / "again.zip").namelist() == ZipFile(tmp_path / "seven.zip").namelist()
