"""Which pictures of a zip are used, and what hostile ones get."""

import io
import struct
import tracemalloc
import unicodedata
from pathlib import Path
from zipfile import ZIP_LZMA, ZipFile, ZipInfo

import numpy as np
import pytest
from PIL import Image

from skinapp.errors import TeachError
from skinapp.i18n.messages import Message, text
from skinapp.imaging import decode, preprocess
from skinapp.model.spec import ModelSpec
from skinapp.teach import quotas
from skinapp.teach.dataset import dataset, zip_archive
from skinapp.teach.progress import Progress, Stopped
from tests import TINY_MODEL
from tests.support import drawings, zip_files

TRANSFORM = ModelSpec.read(TINY_MODEL).transform


def found(path: Path) -> dict[str, tuple[str, bool]]:
    with zip_archive.open_archive(path) as opened:
        return {entry.name: (entry.label, entry.is_test) for entry in opened.entries}


def refused(path: Path) -> dict[str, str]:
    with zip_archive.open_archive(path) as opened:
        return {one.name: one.message.to("en") for one in opened.refused}


def gather(path: Path, progress: Progress | None = None) -> dataset.Collection:
    return dataset.gather(path, TRANSFORM, path.parent, progress or Progress())


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
    assert found(zip_files.zipped(tmp_path / "a.zip", {name: b"", top: b""}))[name.replace("\\", "/")] == (label, is_test)


def test_names_in_chinese_without_the_flag_for_it_are_read(tmp_path):
    path = zip_files.zipped(tmp_path / "a.zip", {"xx/1.png": b"", "b/1.png": b""})
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
        ("c:\\cat\\1.png", "elsewhere"),
        ("//server/cat/1.png", "elsewhere"),
    ],
)
def test_a_name_that_points_elsewhere_or_is_no_picture_is_refused(tmp_path, name, why):
    path = zip_files.zipped(tmp_path / "a.zip", {name: b"", **zip_files.classes()})
    assert refused(path) == {name.replace("\\", "/"): text(f"refused.{why}", "en")}
    assert len(gather(path).names) == 10
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zip", dataset.FILE], "nothing was unpacked"


def test_names_that_a_system_reserves_are_names_like_others_because_nothing_is_written_under_them(tmp_path):
    names = ["con/nul.png", "aux/com1.jpg", "cat./lpt1.png", "~/x.png", "$HOME/x.png", "a b/-rf.png", "cat/.png.png"]
    path = zip_files.zipped(tmp_path / "a.zip", {**{name: zip_files.small(9) for name in names}, **zip_files.classes()})
    assert set(found(path)) == {*names[:-1], *zip_files.classes()}, "one that begins with a dot is clutter"
    assert gather(path).labels == ("class0", "class1")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zip", dataset.FILE]


def test_a_name_that_stands_there_twice_is_used_once(tmp_path):
    path = zip_files.zipped(
        tmp_path / "a.zip", {**zip_files.classes(), "class0/9.png": zip_files.small(9), "class0/8.png": zip_files.small(8)}
    )
    path.write_bytes(path.read_bytes().replace(b"class0/8.png", b"class0/9.png"))
    assert refused(path) == {"class0/9.png": text("refused.twice", "en")} and len(found(path)) == 11
    dotted = zip_files.zipped(tmp_path / "b.zip", {"a/1.png": b"", "a//1.png": b"", "a/./1.png": b"", "a\\1.png": b""})
    assert list(found(dotted)) == ["a/1.png"] and len(refused(dotted)) == 3


def test_a_class_is_the_same_however_its_letters_are_put_together(tmp_path):
    names = [f"{unicodedata.normalize(form, 'éclair')}/{form}.png" for form in ("NFC", "NFD")]
    assert {
        label for label, _ in found(zip_files.zipped(tmp_path / "a.zip", dict.fromkeys([*names, "b/1.png"], b""))).values()
    } == {
        "éclair",
        "b",
    }


def test_deep_and_long_names_are_refused_at_once_and_told_short(tmp_path):
    deep, long = "a/" * (quotas.DEPTH + 1) + "1.png", f"a/{'é' * quotas.PATH}.png"
    path = zip_files.zipped(tmp_path / "a.zip", {**zip_files.classes(), deep: b"", long: b"", "a/" * quotas.DEPTH + "1.png": b""})
    told = refused(path)
    said = text("refused.deep", "en", letters=quotas.PATH, folders=quotas.DEPTH)
    assert list(told.values()) == [said, said] and len(found(path)) == 11
    assert all(len(name) <= zip_archive.MAX_SHOWN + 1 for name in told)
    worst = zip_files.zipped(tmp_path / "b.zip", {"a/" * 31 + f"{number}.png": b"" for number in range(quotas.PICTURES)})
    assert {label for label, _ in found(worst).values()} == {"a"}


def test_a_list_of_files_that_is_too_long_is_refused_before_it_is_read(tmp_path):
    path = zip_files.zipped(tmp_path / "a.zip", {"a/" * 32_000 + f"{number}.png": b"" for number in range(200)})
    tracemalloc.start()
    assert complaint(path) == text(
        "taught.long_names", "en", size=f"{200 * 64_052 / 2**20:.0f}", most=quotas.DIRECTORY_BYTES // 2**20
    )
    assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    tracemalloc.stop()


PIECES = (
    *(
        "/",
        "//",
        "\\",
        ".",
        "..",
        "a",
        "b",
        "cat",
        "test",
        "Train",
        "C:",
        "con",
        "nul",
        "\r\n",
        "\x1b[2J",
        "\u202e",
        "\u200b",
        "é",
    ),
    *(
        "狗",
        "\U0001f408",
        "<b>",
        "{0}",
        "%s",
        "'",
        '"',
        " ",
        "\t",
        "x" * 300,
        "~",
        "$",
        "-",
        ".png",
        ".PNG",
        ".jpg",
        ".txt",
        ".zip",
    ),
)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_a_zip_calls_its_files_they_stay_where_they_are_and_are_told_in_print(tmp_path, seed):
    rng = np.random.default_rng(seed)
    names = {f"{''.join(rng.choice(PIECES, rng.integers(1, 9)))}.png" for _ in range(60)}
    path = tmp_path / "a.zip"
    with ZipFile(path, "w") as packed:
        for name in names:
            packed.writestr(name, b"")
    with zip_archive.open_archive(path) as opened:
        entries, others = opened.entries, opened.refused
    for entry in entries:
        parts = Path(entry.name).parts
        assert ".." not in parts and not Path(entry.name).is_absolute() and parts
        assert entry.label.isprintable() and 0 < len(entry.label) <= quotas.NAME and entry.label == entry.label.strip()
    assert len({entry.name for entry in entries}) == len(entries)
    assert all(one.name.isprintable() and len(one.name) <= zip_archive.MAX_SHOWN + 1 for one in others)
    assert len(entries) + len(others) <= len(names)


@pytest.mark.parametrize("name", [b"\xff\xfe/1.png", b"\x81\x20/1.png", b"cat\x00/1.png", b"\x00\x00/1.png"])
@pytest.mark.parametrize("is_utf8", [False, True])
def test_names_in_no_known_alphabet_are_read_somehow_or_told(tmp_path, name, is_utf8):
    placeholder = "z" * (len(name) - 6) + "/1.png"
    path = zip_files.zipped(tmp_path / "a.zip", {placeholder: zip_files.small(1), **zip_files.classes()})
    content = bytearray(path.read_bytes().replace(placeholder.encode(), name))
    content[content.rfind(name) - 46 + 9] |= 8 * is_utf8
    path.write_bytes(content)
    try:
        assert gather(path).labels == ("class0", "class1")
    except TeachError as error:
        assert error.message == Message("taught.no_zip") and is_utf8


def test_a_zip_with_any_byte_changed_is_read_or_refused_with_a_sentence(tmp_path):
    rng, path = np.random.default_rng(0), zip_files.zipped(tmp_path / "a.zip", zip_files.classes())
    with ZipFile(path, "a") as packed:  # with the fields of large files
        info = ZipInfo("class0/large.png")
        info.extra = struct.pack("<HHQQQ", 1, 24, 2**40, 2**40, 2**40)
        packed.writestr(info, zip_files.small(5))
    sound = path.read_bytes()
    directory = sound.find(zip_archive.ENTRY)
    for number in range(600):
        content = bytearray(sound)
        first = directory if number % 3 else 0
        for place in rng.integers(first, len(content), rng.integers(1, 6)):
            content[place] = rng.choice([0, 1, 0x80, 0xFF, rng.integers(256)])
        path.write_bytes(content)
        _tried(path)


def test_a_file_that_says_it_begins_beyond_all_files_is_told(tmp_path):
    path = zip_files.zipped(tmp_path / "a.zip", {**zip_files.classes(), "class0/far.png": zip_files.small(5)})
    content = path.read_bytes()
    entry = content.rfind(b"class0/far.png")
    extra = struct.pack("<HHQ", 1, 8, 2**63)
    header = bytearray(content[entry - 46 : entry])
    header[30:32], header[42:46] = struct.pack("<H", len(extra)), b"\xff" * 4
    end = bytearray(content[entry + 14 :])
    end[12:16] = struct.pack("<L", struct.unpack("<L", end[12:16])[0] + len(extra))
    path.write_bytes(content[: entry - 46] + header + b"class0/far.png" + extra + end)
    assert {one.name: one.message.to("en") for one in gather(path).refused} == {"class0/far.png": text("refused.broken", "en")}


def test_links_passwords_and_odd_packing_are_refused(tmp_path):
    path = zip_files.zipped(tmp_path / "a.zip", {**zip_files.classes(), "class0/secret.png": zip_files.small(7)})
    with ZipFile(path, "a") as packed:
        packed.writestr(*zip_files.link("class0/link.png", "/etc/passwd"))
        packed.writestr("class0/odd.png", b"x", compress_type=ZIP_LZMA)
    content = bytearray(path.read_bytes())
    place = content.rfind(b"class0/secret.png") - 46
    content[place + 8] |= 1  # the flag for a password, in the directory
    path.write_bytes(content)
    assert refused(path) == {
        "class0/secret.png": text("refused.encrypted", "en"),
        "class0/link.png": text("refused.link", "en"),
        "class0/odd.png": text("refused.method", "en"),
    }


def test_what_file_managers_leave_behind_is_passed_over_without_a_word(tmp_path):
    clutter = {"__MACOSX/cat/._1.png": b"", "class0/.DS_Store": b"", "class0/Thumbs.db": b"", "class0/.hidden.png": b""}
    path = zip_files.zipped(tmp_path / "a.zip", {**zip_files.classes(), **clutter})
    assert refused(path) == {} and len(found(path)) == 10


def test_unreadable_and_huge_pictures_are_refused_by_name_and_reason(tmp_path):
    wide = drawings.encoded(drawings.plain(90, decode.MAX_PIXELS // 4000 + 1, 4000))
    files = {
        **zip_files.classes(each=6),
        "class0/broken.png": zip_files.small()[:60],
        "class0/none.jpg": b"",
        "class1/wide.png": wide,
    }
    path = zip_files.zipped(tmp_path / "a.zip", {**files, "loose.png": zip_files.small()})
    content = path.read_bytes()
    told = {one.name: one.message.to("en") for one in gather(path).refused}
    assert told["class0/none.jpg"].startswith("The file is empty")
    assert told["class0/broken.png"].startswith("The picture is damaged or cut off")
    assert told["class1/wide.png"].startswith("The picture is 12501x4000")
    assert told["loose.png"] == text("refused.no_folder", "en")
    place = content.find(zip_files.small(3))  # a checksum that doesn't fit
    path.write_bytes(content[: place + 70] + b"????" + content[place + 74 :])
    assert {one.name: one.message.to("en") for one in gather(path).refused}["class0/3.png"] == text("refused.broken", "en")


def test_a_bomb_ends_when_it_has_grown_too_large_whatever_it_says_of_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(quotas, "UNPACKED_BYTES", 40 * 2**20)
    zeros = b"\0" * (12 * 2**20)
    path = zip_files.zipped(tmp_path / "a.zip", {f"class{number % 2}/{number}.png": zeros for number in range(10)})
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<L", len(zeros)), struct.pack("<L", 100)))
    gathered = {one.name: one.message.to("en") for one in _tried(path)}
    assert gathered or path.stat().st_size < 2**20
    honest = zip_files.zipped(tmp_path / "b.zip", {f"class{number % 2}/{number}.png": zeros for number in range(10)})
    assert honest.stat().st_size < 2**18
    tracemalloc.start()
    assert complaint(honest) == text("taught.bomb", "en", most=40)
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()


def test_pictures_that_are_large_together_are_refused_before_any_is_decoded(tmp_path, monkeypatch):
    buffer = io.BytesIO()
    Image.new("1", (7000, 7000)).save(buffer, "PNG", optimize=True)
    path = zip_files.zipped(tmp_path / "a.zip", {f"class{number % 2}/{number}.png": buffer.getvalue() for number in range(200)})
    assert path.stat().st_size < 2**18
    monkeypatch.setattr(decode, "read", lambda content: pytest.fail("it was decoded"))
    progress = Progress()
    with pytest.raises(TeachError) as caught:
        gather(path, progress)
    assert caught.value.message == Message("taught.large", most=quotas.PIXELS // 10**6)
    assert progress.stage == "checking" and progress.done == quotas.PIXELS // 7000**2


def test_pictures_that_take_long_are_given_up_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(quotas, "SECONDS", -1)
    assert complaint(zip_files.zipped(tmp_path / "a.zip", zip_files.classes())) == text("taught.slow", "en", most=-1)


def _tried(path: Path) -> list[zip_archive.Refusal]:
    """What a zip that lies about its sizes gets: refusals of its entries, or a word on the whole."""
    try:
        return list(gather(path).refused)
    except TeachError:
        return []


@pytest.mark.parametrize("count", [quotas.FILES + 1, 50_000])
def test_too_many_files_are_refused_before_the_directory_is_read(tmp_path, count):
    path = tmp_path / "a.zip"
    with ZipFile(path, "w") as packed:
        for number in range(count):
            packed.writestr(f"a/{number}", b"")
    assert complaint(path) == text("taught.too_many_files", "en", count=count, most=quotas.FILES)


def test_too_many_pictures_and_classes_are_refused(tmp_path):
    path = zip_files.zipped(tmp_path / "a.zip", {f"a/{number}.png": b"" for number in range(quotas.PICTURES + 1)})
    assert complaint(path) == text("taught.too_many", "en", count=quotas.PICTURES + 1, most=quotas.PICTURES)
    path = zip_files.zipped(tmp_path / "b.zip", {f"{number}/a.png": b"" for number in range(3000)})
    assert complaint(path) == text("taught.many_classes", "en", count=3000, most=quotas.CLASSES)


def test_one_class_small_classes_and_none_are_told(tmp_path):
    assert "found: class0" in complaint(zip_files.zipped(tmp_path / "a.zip", zip_files.classes(1)))
    assert complaint(zip_files.zipped(tmp_path / "b.zip", {"empty/": b"", "readme.txt": b"hello"})) == text(
        "taught.nothing", "en"
    )
    kept = gather(
        zip_files.zipped(tmp_path / "c.zip", {**zip_files.classes(2), "rare/1.png": zip_files.small(9), "hollow/": b""})
    )
    assert kept.labels == ("class0", "class1")
    assert [(one.name, one.message.to("en")) for one in kept.refused] == [
        ("rare/", text("refused.small_class", "en", count=1, least=quotas.LEAST_PICTURES))
    ]
    assert kept.views.shape == (10, 32, 32, 3), "the picture that was left out isn't in the file"


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 17, b"PK\x03\x04" + b"\0" * 500])
def test_what_is_no_zip_is_told(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    assert complaint(tmp_path / "a.zip") == text("taught.no_zip", "en")


def test_a_heavy_zip_is_refused_unread(tmp_path):
    path = tmp_path / "a.zip"
    with path.open("wb") as file:
        file.truncate(quotas.ZIP_BYTES + 2**20)
    assert complaint(path) == text("taught.heavy", "en", size=quotas.ZIP_BYTES // 2**20 + 1, most=quotas.ZIP_BYTES // 2**20)


def test_views_are_what_the_network_sees(tmp_path):
    files = zip_files.classes()
    kept = gather(zip_files.zipped(tmp_path / "a.zip", files))

    for name, view in zip(kept.names, kept.views, strict=True):
        assert np.array_equal(view, preprocess.view(decode.read(files[name]), TRANSFORM))
    assert kept.counts() == [("class0", 5, 0), ("class1", 5, 0)]


def test_reading_stops_at_once_when_nobody_waits(tmp_path):
    progress = Progress()
    progress.stop()
    with pytest.raises(Stopped):
        gather(zip_files.zipped(tmp_path / "a.zip", zip_files.classes()), progress)
    assert progress.done == 0
