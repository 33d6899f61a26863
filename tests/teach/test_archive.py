"""Which pictures of a zip are used, and what hostile ones get."""

import struct
import tracemalloc
from pathlib import Path
from zipfile import ZIP_LZMA, ZipFile

import numpy as np
import pytest

from skinapp import image, preprocess
from skinapp.errors import TeachError
from skinapp.spec import ModelSpec
from skinapp.teach import archive, collection, limits
from skinapp.teach.progress import Progress, Stopped
from skinapp.wording import REFUSED, TAUGHT
from tests import TINY_MODEL, drawings
from tests.teach import zips

TRANSFORM = ModelSpec.read(TINY_MODEL).transform


def found(path: Path) -> dict[str, tuple[str, bool]]:
    with archive.opened(path) as opened:
        return {entry.name: (entry.label, entry.is_test) for entry in opened.entries}


def refused(path: Path) -> dict[str, str]:
    with archive.opened(path) as opened:
        return {one.name: one.said.en for one in opened.refused}


def gather(path: Path, progress: Progress | None = None) -> collection.Collection:
    return collection.gather(path, TRANSFORM, path.parent, progress or Progress())


def complaint(path: Path) -> str:
    with pytest.raises(TeachError) as caught:
        gather(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "label", "is_test"),
    [
        ("cat/1.png", "cat", False),
        ("animals/cat/1.png", "cat", False),
        ("animals/train/cat/1.png", "cat", False),
        ("animals/test/cat/1.png", "cat", True),
        ("animals/Test/cat/deep/er/1.JPG", "cat", True),
        ("animals/validation/cat/1.png", "cat", False),
        ("animals\\test\\cat\\1.png", "cat", True),
        ("animals/  grey   cat/1.png", "grey cat", False),
        ("动物/猫/1.png", "猫", False),
    ],
)
def test_a_picture_is_of_the_class_that_its_folder_names(tmp_path, name, label, is_test):
    top = f"{name.replace(chr(92), '/').split('/')[0]}/dog/2.png" if name.count("/") + name.count("\\") > 1 else "dog/2.png"
    assert found(zips.zipped(tmp_path / "a.zip", {name: b"", top: b""}))[name.replace("\\", "/")] == (label, is_test)


def test_an_entry_without_a_name_is_passed_over(tmp_path):
    path = zips.zipped(tmp_path / "a.zip", {**zips.classes(), "x": b""})
    content = path.read_bytes()
    place = content.rindex(b"PK\x01\x02")
    path.write_bytes(content[: place + 46] + b"\0" + content[place + 47 :])
    assert refused(path) == {} and len(found(path)) == 10


def test_names_in_chinese_without_the_flag_for_it_are_read(tmp_path):
    path = zips.zipped(tmp_path / "a.zip", {"xx/1.png": b"", "b/1.png": b""})
    path.write_bytes(path.read_bytes().replace(b"xx/1.png", "狗".encode("gb18030") + b"/1.png"))
    assert {label for label, _ in found(path).values()} == {"狗", "b"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../cat/1.png", "elsewhere"),
        ("a/../../cat/1.png", "elsewhere"),
        ("/etc/cat/1.png", "elsewhere"),
        ("C:/cat/1.png", "elsewhere"),
        ("..\\cat\\1.png", "elsewhere"),
        ("cat/inner.zip", "no_picture"),
        ("cat/run.sh", "no_picture"),
    ],
)
def test_a_name_that_points_elsewhere_or_is_no_picture_is_refused(tmp_path, name, why):
    path = zips.zipped(tmp_path / "a.zip", {name: b"", **zips.classes()})
    assert refused(path) == {name.replace("\\", "/"): REFUSED[why].en}
    assert len(gather(path).names) == 10
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zip", collection.FILE], "nothing was unpacked"


def test_links_passwords_and_odd_packing_are_refused(tmp_path):
    path = zips.zipped(tmp_path / "a.zip", {**zips.classes(), "class0/secret.png": zips.small(7)})
    with ZipFile(path, "a") as packed:
        packed.writestr(*zips.link("class0/link.png", "/etc/passwd"))
        packed.writestr("class0/odd.png", b"x", compress_type=ZIP_LZMA)
    content = bytearray(path.read_bytes())
    place = content.rfind(b"class0/secret.png") - 46
    content[place + 8] |= 1  # the flag for a password, in the directory
    path.write_bytes(content)
    assert refused(path) == {
        "class0/secret.png": REFUSED["encrypted"].en,
        "class0/link.png": REFUSED["link"].en,
        "class0/odd.png": REFUSED["method"].en,
    }


def test_what_file_managers_leave_behind_is_passed_over_without_a_word(tmp_path):
    clutter = {"__MACOSX/cat/._1.png": b"", "class0/.DS_Store": b"", "class0/Thumbs.db": b"", "class0/.hidden.png": b""}
    path = zips.zipped(tmp_path / "a.zip", {**zips.classes(), **clutter})
    assert refused(path) == {} and len(found(path)) == 10


def test_unreadable_and_huge_pictures_are_refused_by_name_and_reason(tmp_path):
    wide = drawings.encoded(drawings.plain(90, image.MAX_PIXELS // 4000 + 1, 4000))
    files = {**zips.classes(each=6), "class0/broken.png": zips.small()[:60], "class0/none.jpg": b"", "class1/wide.png": wide}
    path = zips.zipped(tmp_path / "a.zip", {**files, "loose.png": zips.small()})
    content = path.read_bytes()
    told = {one.name: one.said.en for one in gather(path).refused}
    assert told["class0/none.jpg"].startswith("The file is empty")
    assert told["class0/broken.png"].startswith("The picture is damaged or cut off")
    assert told["class1/wide.png"].startswith("The picture is 12501x4000")
    assert told["loose.png"] == REFUSED["no_folder"].en
    place = content.find(zips.small(3))  # a checksum that doesn't fit
    path.write_bytes(content[: place + 70] + b"????" + content[place + 74 :])
    assert {one.name: one.said.en for one in gather(path).refused}["class0/3.png"] == REFUSED["broken"].en


def test_a_bomb_ends_when_it_has_grown_too_large_whatever_it_says_of_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "UNPACKED_BYTES", 40 * 2**20)
    zeros = b"\0" * (12 * 2**20)
    path = zips.zipped(tmp_path / "a.zip", {f"class{number % 2}/{number}.png": zeros for number in range(10)})
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<L", len(zeros)), struct.pack("<L", 100)))
    gathered = {one.name: one.said.en for one in _tried(path)}
    assert gathered or path.stat().st_size < 2**20
    honest = zips.zipped(tmp_path / "b.zip", {f"class{number % 2}/{number}.png": zeros for number in range(10)})
    assert honest.stat().st_size < 2**18
    tracemalloc.start()
    assert complaint(honest) == TAUGHT["bomb"].filled(most=40).en
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()


def _tried(path: Path) -> list[archive.Refusal]:
    """What a zip that lies about its sizes gets: refusals of its entries, or a word on the whole."""
    try:
        return list(gather(path).refused)
    except TeachError:
        return []


@pytest.mark.parametrize("count", [limits.FILES + 1, 50_000])
def test_too_many_files_are_refused_before_the_directory_is_read(tmp_path, count):
    path = tmp_path / "a.zip"
    with ZipFile(path, "w") as packed:
        for number in range(count):
            packed.writestr(f"a/{number}", b"")
    assert complaint(path) == TAUGHT["too_many_files"].filled(count=count, most=limits.FILES).en


def test_too_many_pictures_and_classes_are_refused(tmp_path):
    path = zips.zipped(tmp_path / "a.zip", {f"a/{number}.png": b"" for number in range(limits.PICTURES + 1)})
    assert complaint(path) == TAUGHT["too_many"].filled(count=limits.PICTURES + 1, most=limits.PICTURES).en
    path = zips.zipped(tmp_path / "b.zip", {f"{number}/a.png": b"" for number in range(3000)})
    assert complaint(path) == TAUGHT["many_classes"].filled(count=3000, most=limits.CLASSES).en


def test_one_class_small_classes_and_none_are_told(tmp_path):
    assert "found: class0" in complaint(zips.zipped(tmp_path / "a.zip", zips.classes(1)))
    assert complaint(zips.zipped(tmp_path / "b.zip", {"empty/": b"", "readme.txt": b"hello"})) == TAUGHT["nothing"].en
    kept = gather(zips.zipped(tmp_path / "c.zip", {**zips.classes(2), "rare/1.png": zips.small(9), "hollow/": b""}))
    assert kept.labels == ("class0", "class1")
    assert [(one.name, one.said.en) for one in kept.refused] == [
        ("rare/", REFUSED["small_class"].filled(count=1, least=limits.LEAST_PICTURES).en)
    ]
    assert kept.views.shape == (10, 32, 32, 3), "the picture that was left out isn't in the file"


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 17, b"PK\x03\x04" + b"\0" * 500])
def test_what_is_no_zip_is_told(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    assert complaint(tmp_path / "a.zip") == TAUGHT["no_zip"].en


def test_a_heavy_zip_is_refused_unread(tmp_path):
    path = tmp_path / "a.zip"
    with path.open("wb") as file:
        file.truncate(limits.ZIP_BYTES + 2**20)
    assert complaint(path) == TAUGHT["heavy"].filled(size=limits.ZIP_BYTES / 2**20 + 1, most=limits.ZIP_BYTES // 2**20).en


def test_views_are_what_the_network_sees(tmp_path):
    files = zips.classes()
    kept = gather(zips.zipped(tmp_path / "a.zip", files))

    for name, view in zip(kept.names, kept.views, strict=True):
        assert np.array_equal(view, preprocess.view(image.read(files[name]), TRANSFORM))
    assert kept.counts() == [("class0", 5, 0), ("class1", 5, 0)]


def test_reading_stops_at_once_when_nobody_waits(tmp_path):
    progress = Progress()
    progress.stop()
    with pytest.raises(Stopped):
        gather(zips.zipped(tmp_path / "a.zip", zips.classes()), progress)
    assert progress.done == 0
