"""What a picture's file holds, read from its heads alone before any decoder sees it, and the file without all that isn't picture.

A decoder gets the first picture and no metadata: what it would copy, unpack or count of the rest is where small files cost
gigabytes and minutes. What is too much even so (`limits`) is refused.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from skinapp.imaging import avif, heif, limits, metadata, tiff
from skinapp.imaging.isobmff import Meta

Spans = list[tuple[int, int]]
"""Parts of a file, from and to."""


@dataclass(frozen=True)
class Structure:
    """A file's `form`, its first picture alone as a file, how many it holds (of very many only `limits.MAX_FRAMES`), how it
    is to be turned (EXIF's orientation), the bytes that unpacking it takes beside the picture itself, and where a file can say
    one size and hold another, the pixels that it holds."""

    form: str
    content: bytes
    frames: int = 1
    orientation: int = metadata.UPRIGHT
    working_bytes: int = 0
    packed_pixels: int = 0


def examine(content: bytes) -> Structure | None:
    """The structure of a file's bytes, None where it is no picture that is read here; ValueError and struct.error where it is
    damaged, PhotoError where it holds too much of something."""
    for begins, look in FORMS:
        if begins.match(content):
            return look(content)
    return None


# JPEG

SOF = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
SOS, EOI, APP0, APP1, APP14, COM = 0xDA, 0xD9, 0xE0, 0xE1, 0xEE, 0xFE
BARE = frozenset({*range(0x01, 0xC0), *range(0xD0, 0xDA)})
"""Markers that no segment belongs to."""
MARKER = re.compile(rb"\xff([\x01-\xfe])")
SEGMENT = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
"""A marker among the bits of a scan."""
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"


def _jpeg(content: bytes) -> Structure:
    kept, exif, xmp, frame = [(0, 2)], b"", b"", (0, b"")
    for marker, start, end in _segments(content):
        if marker in SOF:
            frame = marker, content[start + 4 : end]
        if marker == SOS:
            kept.append((start, len(content)))
            working = _coefficients(content, start, end, *frame)
            return Structure("JPEG", _joined(content, kept), 1, metadata.orientation(exif, xmp), working)
        if marker == APP1 and content.startswith(b"Exif\0\0", start + 4):
            exif = exif or content[start + 4 : end]
        elif marker == APP1 and content.startswith(XMP_HEAD, start + 4):
            xmp = content[start + 4 : end]
        # JFIF's and Adobe's say how colours are to be read.
        if marker in (APP0, APP14) or not (APP0 <= marker <= COM):
            kept.append((start, end))
    raise ValueError("it ends before its picture begins")


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """The segments before and with the first scan's head: marker, start and end."""
    at = 2
    for _ in range(limits.MAX_SEGMENTS):
        found = MARKER.search(content, at)
        while found and found[1][0] in BARE:
            found = MARKER.search(content, found.end())
        if found is None or found.end() + 2 > len(content):
            return
        at = found.end() + max(2, int.from_bytes(content[found.end() : found.end() + 2]))
        yield found[1][0], found.start(), at
    raise limits.over("segments", limits.MAX_SEGMENTS + 1, limits.MAX_SEGMENTS)


def _coefficients(content: bytes, start: int, end: int, marker: int, frame: bytes) -> int:
    """The bytes in which a JPEG of several scans is gathered, none for one that is unpacked as it comes; too many are refused."""
    if len(frame) < 6:
        raise ValueError("its first scan comes before its size")
    height, width, count = struct.unpack_from(">HHB", frame, 1)
    if marker not in PROGRESSIVE and content[start + 4 : start + 5] == frame[5:6]:
        return 0
    tiff.check_scans(_scans(content, start), width * height)
    shares = [(factor >> 4, factor & 15) for factor in frame[7 : 6 + 3 * count : 3]]
    across, down = (max((share[side] for share in shares), default=0) for side in (0, 1))
    return 2 * int(width) * int(height) * sum(one * other for one, other in shares) // max(1, across * down)


def _scans(content: bytes, start: int) -> int:
    """The scans from the first on; all markers of one are counted only where they may be too many, as behind a phone's photo
    there is another one."""
    if (rough := content.count(b"\xff\xda", start)) <= limits.MAX_SCANS:
        return rough
    count, at, number = 0, start, 0
    while (found := SEGMENT.search(content, at)) and found[1][0] != EOI and count <= limits.MAX_SCANS:
        count += found[1][0] == SOS
        number += 1
        if number > limits.MAX_SEGMENTS:
            raise limits.over("segments", number, limits.MAX_SEGMENTS)
        at = found.end() + max(2, int.from_bytes(content[found.end() : found.end() + 2]))
    return count


# PNG

PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
PROFILE = b"Raw profile type exif"
XMP_KEY = b"XML:com.adobe.xmp"


def _png(content: bytes) -> Structure:
    kept: Spans = [(0, 8)]
    exif, texts, animated, is_first = b"", list[tuple[bytes, bytes]](), 0, True
    for kind, start, end in _chunks(content, 8, ">I4s", 12):
        if kind in PICTURE or not kind.isalpha():
            kept.append((start, end))
        body = slice(start + 8, end - 4)
        if kind == b"eXIf":
            exif = content[body]
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            texts.append((kind, content[body.start : min(body.stop, body.start + limits.MAX_TEXT)]))
        elif kind == b"acTL" and is_first:
            animated = int.from_bytes(content[body][:4])
        elif kind == b"fcTL" and is_first:
            animated, is_first = max(animated, 1), False
        elif kind == b"IDAT":
            # A picture before all frames is one more than they are.
            animated, is_first = animated + (is_first and animated > 0), False
        elif kind == b"IEND":
            break
    said = [_said(kind, text) for kind, text in texts if PROFILE in text or XMP_KEY in text]
    exif = exif or next((profile for profile, _ in said if profile), b"")
    turn = metadata.orientation(exif, next((xmp for _, xmp in said if xmp), b""))
    return Structure("PNG", _joined(content, kept), max(1, animated), turn)


def _said(kind: bytes, text: bytes) -> tuple[bytes, bytes]:
    """EXIF as ImageMagick writes it, or XMP, of a PNG's text; empty where it is neither."""
    key, _, rest = text.partition(b"\0")
    with suppress(ValueError, zlib.error):
        if key == XMP_KEY and kind == b"iTXt":
            is_packed, packed = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[2]
            return b"", _unpacked(packed) if is_packed else packed
        if key == PROFILE and kind != b"iTXt":
            lines = (_unpacked(rest[1:]) if kind == b"zTXt" else rest).split(b"\n")[3:]
            return bytes.fromhex(b"".join(lines).decode("ascii")), b""
    return b"", b""


def _unpacked(packed: bytes) -> bytes:
    return zlib.decompressobj().decompress(packed, limits.MAX_TEXT)


# WebP

STILL, ANIMATION = (b"VP8 ", b"VP8L"), 2


def _webp(content: bytes) -> Structure:
    exif, xmp, frames = b"", b"", 0
    for kind, start, end in _chunks(content, 12, "<4sI", 8, even=True):
        if kind == b"EXIF":
            exif = content[start + 8 : end]
        elif kind == b"XMP ":
            xmp = content[start + 8 : min(end, start + limits.MAX_TEXT)]
        frames += kind == b"ANMF"
    return Structure("WEBP", content, max(1, frames), metadata.orientation(exif, xmp))


def size_of(found: Structure) -> tuple[int, int]:
    """Width and height that a WebP or BMP says it has; ValueError where it doesn't."""
    if found.form == "BMP":
        return int.from_bytes(found.content[18:22], "little"), abs(int.from_bytes(found.content[22:26], "little", signed=True))
    return _webp_size(found.content)


def _webp_size(content: bytes) -> tuple[int, int]:
    kind, head = content[12:16], content[20:30]
    if kind == b"VP8X" and len(head) == 10:
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if kind == b"VP8L" and head[:1] == b"\x2f" and len(head) >= 5:
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and head[3:6] == b"\x9d\x01\x2a" and len(head) == 10:
        width, height = struct.unpack("<HH", head[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("its size is missing")


# GIF

STARTS = re.compile(rb"[,!;]")
IMAGE, EXTENSION, END, CONTROL = b",", b"!", b";", 0xF9
DISPOSAL = 0b00011100
"""Bits of a GIF's control block that say what becomes of a picture before the next one: Pillow makes room for that at once."""


def _gif(content: bytes) -> Structure:
    at = 13 + _palette(content, 10)
    kept: list[bytes] = [content[:at]]
    control, frames, blocks = b"", 0, limits.MAX_BLOCKS
    while (found := STARTS.search(content, at)) and found[0] != END and frames < limits.MAX_FRAMES:
        start = found.start()
        is_image = found[0] == IMAGE
        if is_image and start + 11 > len(content):
            break
        first = start + 11 + _palette(content, start + 9) if is_image else start + 2
        at, blocks = _blocks_end(content, first, blocks)
        if content[start + 1 : start + 2] == bytes([CONTROL]) and not is_image:
            control = content[start : start + 3] + bytes([content[start + 3] & ~DISPOSAL]) + content[start + 4 : at]
        if is_image and not frames:
            kept += [control, content[start:at]]
        frames += is_image
    return Structure("GIF", b"".join((*kept, END)) if at < len(content) else b"".join(kept), max(1, frames))


def _palette(content: bytes, at: int) -> int:
    """The bytes of the palette that the flags at a place say."""
    flags = content[at] if at < len(content) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks_end(content: bytes, at: int, left: int) -> tuple[int, int]:
    """Where a row of blocks ends, and how many more there may be."""
    end = len(content)
    while at < end and (size := content[at]):
        at += size + 1
        left -= 1
        if left < 0:
            raise limits.over("chunks", limits.MAX_BLOCKS + 1, limits.MAX_BLOCKS)
    return min(at + 1, end), left


# BMP, TIFF, AVIF and HEIF


def _bmp(content: bytes) -> Structure:
    return Structure("BMP", content)


def is_run_length_coded(bmp: bytes) -> bool:
    """Whether a BMP's pixels are packed as runs, which Pillow unpacks in Python."""
    return int.from_bytes(bmp[14:18], "little") >= 40 and int.from_bytes(bmp[30:34], "little") in (1, 2)


def _tiff(content: bytes) -> Structure:
    found = tiff.examine(content)
    return Structure("TIFF", found.content, found.frames, found.orientation, found.piece_bytes)


def _boxed(content: bytes) -> Structure:
    """AVIF or HEIF, whichever its parts are: both may begin alike."""
    meta = Meta(content)
    if any(item.kind == avif.AV1 for item in meta.items()):
        found = avif.examine(meta)
        return Structure("AVIF", found.content, packed_pixels=found.packed_pixels)
    one = heif.examine(meta)
    return Structure("HEIF", one.content, one.frames, packed_pixels=one.packed_pixels)


# All


def _chunks(content: bytes, at: int, form: str, around: int, *, even: bool = False) -> Iterator[tuple[bytes, int, int]]:
    """The chunks from a place on: kind, start and end, of the last one the file's where it is cut off. `around` are the bytes of
    a chunk beside its content."""
    head = struct.Struct(form)
    for _ in range(limits.MAX_CHUNKS):
        if at + 8 > len(content):
            return
        one, other = head.unpack_from(content, at)
        kind, size = (other, one) if isinstance(one, int) else (one, other)
        end = min(at + around + size, len(content))
        yield kind, at, end
        at = end + (size & 1 if even else 0)
    raise limits.over("chunks", limits.MAX_CHUNKS + 1, limits.MAX_CHUNKS)


def _joined(content: bytes, spans: Spans) -> bytes:
    """Parts of a file as one, itself where nothing is left out."""
    if sum(end - start for start, end in spans) == len(content):
        return content
    view = memoryview(content)
    return b"".join(view[start:end] for start, end in spans)


FORMS: tuple[tuple[re.Pattern[bytes], Callable[[bytes], Structure]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"RIFF....WEBPVP8[ XL]", re.DOTALL), _webp),
    (re.compile(rb"GIF8[79]a"), _gif),
    (re.compile(rb"BM"), _bmp),
    (re.compile(rb"II[*+]\0|II\0\*|MM\0[*+]|MM\*\0"), _tiff),
    (re.compile(rb"....ftyp(avif|avis|mif1|msf1|hei[cxms]|hev[cxms])", re.DOTALL), _boxed),
)
"""How a file of each format begins, and what reads its structure."""
