"""A visitor's zip: which of its files are pictures of which class, and their bytes. Believes nothing that the zip says of itself.

Nothing is unpacked to disk: a name that points elsewhere has nowhere to go, and is refused all the same.
"""

import io
import lzma
import re
import stat
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os.path import commonprefix
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from skinapp.errors import TeachError
from skinapp.i18n.messages import Message
from skinapp.imaging import decode
from skinapp.teach import quotas

ENTRY = b"PK\x01\x02"
"""How every entry of a zip's directory begins."""
CHUNK = 2**20
IS_UTF8, IS_ENCRYPTED = 0x800, 0x1
SPLITS = {"train": False, "training": False, "val": False, "valid": False, "validation": False, "test": True, "testing": True}
"""Folders between the top and the classes that say what their pictures are for, and whether that is testing."""
CLUTTER = re.compile(r"(^|/)(\.(?!\.?/)|__MACOSX/|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
"""What file managers leave behind; passed over without a word."""
ELSEWHERE = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)|\0")
BROKEN = (BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, OverflowError, RuntimeError, NotImplementedError, ValueError)
"""What reading a damaged entry raises."""
MAX_SHOWN = 120
"""Letters of a refused file's name that are shown."""


@dataclass(frozen=True)
class Refusal:
    """A file that is not used, and why."""

    name: str
    message: Message


@dataclass(frozen=True)
class Entry:
    """A picture in a zip: its name, its class, and whether its folder says that it is for testing."""

    name: str
    label: str
    is_test: bool
    info: ZipInfo


class Archive:
    """An open zip. `entries` are its pictures by class, `refused` its other files, `unpacked` the bytes that were read so far."""

    def __init__(self, file: ZipFile) -> None:
        self._file, self.unpacked = file, 0
        self.refused: list[Refusal] = []
        pictures = list(self._pictures(file.infolist()))
        if len(pictures) > quotas.PICTURES:
            raise TeachError(Message("taught.too_many", count=len(pictures), most=quotas.PICTURES))
        self.entries = self._with_classes(pictures)
        labels = {entry.label for entry in self.entries}
        if len(labels) > quotas.CLASSES:
            raise TeachError(Message("taught.many_classes", count=len(labels), most=quotas.CLASSES))

    def read(self, entry: Entry) -> bytes:
        """A picture's bytes, at most some more than a photo may have."""
        content = bytearray()
        try:
            with self._file.open(entry.info) as stream:
                while len(content) <= decode.MAX_BYTES and (chunk := stream.read(CHUNK)):
                    content += chunk
                    self.unpacked += len(chunk)  # also where the end turns out to be damaged
        except BROKEN:
            raise Unreadable(Message("refused.broken")) from None
        return bytes(content)

    def refuse(self, name: str, message: Message) -> None:
        """Note a file that isn't used; its name may be as long and odd as a zip's names are."""
        shortened = name if len(name) <= MAX_SHOWN else f"{name[: MAX_SHOWN // 2]}…{name[-MAX_SHOWN // 2 :]}"
        self.refused.append(Refusal("".join(letter if letter.isprintable() else "\ufffd" for letter in shortened), message))

    def _pictures(self, infos: list[ZipInfo]) -> Iterator[tuple[PurePosixPath, ZipInfo]]:
        """The entries that may be pictures, with clean paths; the others are refused or, if clutter, passed over."""
        paths = set[PurePosixPath]()
        for info in infos:
            name = _decoded_name(info)
            if not name or name.endswith("/") or CLUTTER.search(name):
                continue
            if (message := _problem(name, info)) is not None:
                self.refuse(name, message)
            elif (path := PurePosixPath(name)) in paths:  # entries that share their bytes do so by sharing their name
                self.refuse(name, Message("refused.twice"))
            else:
                paths.add(path)
                yield path, info

    def _with_classes(self, pictures: list[tuple[PurePosixPath, ZipInfo]]) -> list[Entry]:
        """Pictures with the class that their folder names, without the folders that all of them share."""
        parents, entries = [path.parts[:-1] for path, _ in pictures], []
        shared_count = _shared_folders(parents)
        for (path, info), parent in zip(pictures, parents, strict=True):
            folders = parent[shared_count:]
            is_test = bool(folders) and SPLITS.get(folders[0].lower(), False)
            if folders and folders[0].lower() in SPLITS:
                folders = folders[1:]
            # Macs write é as two letters, others as one: it is the same class.
            label = unicodedata.normalize("NFC", " ".join(folders[0].split())) if folders else ""
            if not label.isprintable() or not 0 < len(label) <= quotas.NAME:
                self.refuse(str(path), Message("refused.name", most=quotas.NAME) if label else Message("refused.no_folder"))
            else:
                entries.append(Entry(str(path), label, is_test, info))
        return entries


class Unreadable(Exception):
    """An entry that can't be unpacked."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.key)
        self.message = message


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """A zip that is no larger than it may be; TeachError where it isn't one."""
    size = path.stat().st_size
    if size > quotas.ZIP_BYTES:
        raise TeachError(Message("taught.heavy", size=f"{size / 2**20:.0f}", most=quotas.ZIP_BYTES // 2**20))
    # Counted before Python reads the directory, which takes a kilobyte of memory an entry, however many there are.
    if (count := _max_entries(path)) > quotas.FILES:
        raise TeachError(Message("taught.too_many_files", count=count, most=quotas.FILES))
    with _LimitedReader(io.FileIO(path)) as reader:
        try:
            file = ZipFile(reader)
        except BROKEN:
            raise TeachError(Message("taught.no_zip")) from None
        with file:
            yield Archive(file)


class _LimitedReader(io.BufferedReader):
    """A zip's file, of which no more is read at once than a zip's directory may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > quotas.DIRECTORY_BYTES:
            raise TeachError(Message("taught.long_names", size=f"{size / 2**20:.0f}", most=quotas.DIRECTORY_BYTES // 2**20))
        return super().read(-1 if size is None else size)


def _max_entries(path: Path) -> int:
    """How many entries the zip's directory can have at most, whatever its end says."""
    count, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            window = tail + chunk
            count += window.count(ENTRY)
            tail = window[-len(ENTRY) + 1 :]
    return count


def _decoded_name(info: ZipInfo) -> str:
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


def _problem(name: str, info: ZipInfo) -> Message | None:
    """Why an entry can't be used."""
    file_type = stat.S_IFMT(info.external_attr >> 16)
    if ELSEWHERE.search(name):
        return Message("refused.elsewhere")
    if file_type not in (0, stat.S_IFREG):
        return Message("refused.link")
    if len(name) > quotas.PATH or name.count("/") > quotas.DEPTH:
        return Message("refused.deep", letters=quotas.PATH, folders=quotas.DEPTH)
    if PurePosixPath(name).suffix.lower() not in decode.SUFFIXES:
        return Message("refused.no_picture")
    if info.flag_bits & IS_ENCRYPTED:
        return Message("refused.encrypted")
    return None if info.compress_type in (ZIP_STORED, ZIP_DEFLATED) else Message("refused.method")


def _shared_folders(parents: list[tuple[str, ...]]) -> int:
    """How many leading folders all pictures share, as long as a class's folder is left to some."""
    deepest = max(map(len, parents), default=0)
    return min(len(commonprefix(parents)), max(0, deepest - 1))  # noqa: RUF071  # of tuples, whose parts it compares
