"""True lesions from folders and CSVs, and the figures that follow."""

import pytest

from skinapp.errors import LabelError
from skinapp.metrics import ground_truth


def test_a_csv_labels_by_path_by_name_and_by_name_without_suffix() -> None:
    labels = ground_truth.read(b"\xef\xbb\xbffile,dx,age\na/1.jpg,mel,40\n2.jpg,nv,\n3,bcc,1\n")
    assert ground_truth.truths(["a/1.jpg", "b/2.jpg", "3.png", "4.png"], labels) == {
        "a/1.jpg": "mel",
        "b/2.jpg": "nv",
        "3.png": "bcc",
    }


def test_ham10000s_own_metadata_file_will_do() -> None:
    labels = ground_truth.read(b"lesion_id,image_id,dx,dx_type\nHAM_1,ISIC_1,bkl,histo\n")
    assert ground_truth.truths(["part_1/ISIC_1.jpg"], labels) == {"part_1/ISIC_1.jpg": "bkl"}


def test_the_innermost_folder_that_is_named_after_a_lesion_labels_and_a_csv_outdoes_it() -> None:
    photos = ["set/MEL/1.jpg", "nv/bcc/2.jpg", "nv/others/3.jpg", "unknown/4.jpg", "nv.jpg"]
    assert ground_truth.truths(photos, {}) == {"set/MEL/1.jpg": "mel", "nv/bcc/2.jpg": "bcc", "nv/others/3.jpg": "nv"}
    assert ground_truth.truths(photos[:1], {"1.jpg": "df"}) == {"set/MEL/1.jpg": "df"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The labels name no photo; give a CSV with the columns file, dx."),
        (b"file,dx\n", "The labels name no photo; give a CSV with the columns file, dx."),
        (b"name,dx\n1,mel\n", "The labels have the columns name, dx; give a CSV with the columns file, dx."),
        (b"file,dx\n1.jpg,mole\n", "The labels say 'mole' of 1.jpg; dx must be one of akiec, bcc, bkl, df, mel, nv, vasc."),
        (b"file,dx\n1.jpg\n", "The labels say None of 1.jpg; dx must be one of akiec, bcc, bkl, df, mel, nv, vasc."),
        (
            b"\xff\xfe\x00",
            "The labels can't be read ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte); "
            "give a CSV with the columns file, dx, in UTF-8.",
        ),
    ],
)
def test_labels_that_cant_be_used_say_why(content: bytes, message: str) -> None:
    with pytest.raises(LabelError) as caught:
        ground_truth.read(content)
    assert str(caught.value) == message
    chinese = caught.value.message.to("zh")
    assert chinese.startswith("标签") and "；" in chinese, "a visitor reads it in Chinese"


def test_the_figures_count_every_photo_once_and_every_lesion_alike() -> None:
    true = ["nv"] * 8 + ["mel"] * 2
    found = ground_truth.figures(["nv"] * 8 + ["mel", "nv"], true)
    assert (found.n, found.accuracy["value"], found.balanced_accuracy["value"]) == (10, 0.9, 0.75)
    assert found.accuracy["low"] < 0.9 < found.accuracy["high"] == 1.0  # type: ignore[operator]
    assert (found.confusion["mel"]["mel"], found.confusion["mel"]["nv"], found.confusion["nv"]["nv"]) == (1, 1, 8)
    assert sum(sum(row.values()) for row in found.confusion.values()) == 10
