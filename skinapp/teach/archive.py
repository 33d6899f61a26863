"""A visitor's zip: which of its files are pictures of which class, and their bytes. Believes nothing that the zip says of itself.

Nothing is unpacked to disk: a name that points elsewhere has nowhere to go, and is refused all the same.
"""

import lzma
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from skinapp import image
from skinapp.errors import TeachError
from skinapp.teach import limits
from skinapp.wording import REFUSED, TAUGHT, Said

ENTRY = b"PK\x01\x02"
"""How every entry of a zip's directory begins."""
CHUNK = 2**20
IS_UTF8, IS_ENCRYPTED = 0x800, 0x1
SPLITS = {"train": False, "training": False, "val": False, "valid": False, "validation": False, "test": True, "testing": True}
"""Folders between the top and the classes that say what their pictures are for, and whether that is testing."""
CLUTTER = re.compile(r"(^|/)(\.(?!\./)|__MACOSX/|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
"""What file managers leave behind; passed over without a word."""
ELSEWHERE = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)|\0")
BROKEN = (BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)
"""What reading a damaged entry raises."""


@dataclass(frozen=True)
class Refusal:
    """A file that is not used, and why."""

    name: str
    said: Said


@dataclass(frozen=True)
class Entry:
    """A picture in a zip: its name, its class, and whether its folder says that it is for testing."""

    name: str
    label: str
    is_test: bool
    info: ZipInfo


class Archive:
    """An open zip. `entries` are its pictures by class, `refused` its other files."""

    def __init__(self, file: ZipFile) -> None:
        self._file, self.unpacked = file, 0
        self.refused: list[Refusal] = []
        pictures = list(self._pictures(file.infolist()))
        if len(pictures) > limits.PICTURES:
            raise TeachError(TAUGHT["too_many"].filled(count=len(pictures), most=limits.PICTURES))
        self.entries = self._classed(pictures)
        labels = {entry.label for entry in self.entries}
        if len(labels) > limits.CLASSES:
            raise TeachError(TAUGHT["many_classes"].filled(count=len(labels), most=limits.CLASSES))

    def read(self, entry: Entry) -> bytes:
        """A picture's bytes, at most one byte more than a photo may have; TeachError once the whole is too large."""
        try:
            with self._file.open(entry.info) as opened:
                content = opened.read(image.MAX_BYTES + 1)
        except BROKEN:
            raise Unreadable(REFUSED["broken"]) from None
        self.unpacked += len(content)
        if self.unpacked > limits.UNPACKED_BYTES:
            raise TeachError(TAUGHT["bomb"].filled(most=limits.UNPACKED_BYTES // 2**20))
        return content

    def _pictures(self, infos: list[ZipInfo]) -> Iterator[tuple[PurePosixPath, ZipInfo]]:
        """The entries that may be pictures, with clean paths; the others are refused or, if clutter, passed over."""
        for info in infos:
            name = _name(info)
            if not name or name.endswith("/") or CLUTTER.search(name):
                continue
            if (why := _fault(name, info)) is None:
                yield PurePosixPath(name), info
            else:
                self.refused.append(Refusal(name, REFUSED[why]))

    def _classed(self, pictures: list[tuple[PurePosixPath, ZipInfo]]) -> list[Entry]:
        """Pictures with the class that their folder names, without the folders that all of them share."""
        shared, entries = _shared([path for path, _ in pictures]), []
        for path, info in pictures:
            folders = path.parts[shared:-1]
            is_test = bool(folders) and SPLITS.get(folders[0].lower(), False)
            if folders and folders[0].lower() in SPLITS:
                folders = folders[1:]
            label = " ".join(folders[0].split()) if folders else ""
            if not label.isprintable() or not 0 < len(label) <= limits.NAME:
                said = REFUSED["name"].filled(most=limits.NAME) if label else REFUSED["no_folder"]
                self.refused.append(Refusal(str(path), said))
            else:
                entries.append(Entry(str(path), label, is_test, info))
        return entries


class Unreadable(Exception):
    """An entry that can't be unpacked."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.en)
        self.said = said


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """A zip that is no larger than it may be; TeachError where it isn't one."""
    size = path.stat().st_size
    if size > limits.ZIP_BYTES:
        raise TeachError(TAUGHT["heavy"].filled(size=size / 2**20, most=limits.ZIP_BYTES // 2**20))
    # Counted before Python reads the directory, which takes a kilobyte of memory an entry, however many there are.
    if (count := _entries(path)) > limits.FILES:
        raise TeachError(TAUGHT["too_many_files"].filled(count=count, most=limits.FILES))
    try:
        file = ZipFile(path)
    except BROKEN:
        raise TeachError(TAUGHT["no_zip"]) from None
    with file:
        yield Archive(file)


def _entries(path: Path) -> int:
    """How many entries the zip's directory can have at most, whatever its end says."""
    count, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            piece = tail + chunk
            count += piece.count(ENTRY)
            tail = piece[-len(ENTRY) + 1 :]
    return count


def _name(info: ZipInfo) -> str:
    """An entry's name with slashes; one that doesn't say that it is UTF-8 may be so all the same, or Chinese."""
    name = info.filename
    if not info.flag_bits & IS_UTF8 and not name.isascii():
        for encoding in ("utf-8", "gb18030"):
            try:
                name = name.encode("cp437").decode(encoding)
                break
            except UnicodeError:
                continue
    return name.replace("\\", "/")


def _fault(name: str, info: ZipInfo) -> str | None:
    """Why an entry can't be used, as a key of REFUSED."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if ELSEWHERE.search(name):
        return "elsewhere"
    if kind not in (0, stat.S_IFREG):
        return "link"
    if PurePosixPath(name).suffix.lower() not in image.SUFFIXES:
        return "no_picture"
    if info.flag_bits & IS_ENCRYPTED:
        return "encrypted"
    return None if info.compress_type in (ZIP_STORED, ZIP_DEFLATED) else "method"


def _shared(paths: list[PurePosixPath]) -> int:
    """How many leading folders all pictures share, as long as a class's folder is left to some."""
    count = 0
    while paths and len({path.parts[count] for path in paths}) == 1 and max(len(path.parts) for path in paths) > count + 2:
        if min(len(path.parts) for path in paths) <= count + 1:
            break
        count += 1
    return count
