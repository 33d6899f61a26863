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
    """A file's `format`, its first picture alone as a file, how many it holds (of very many only `limits.MAX_FRAMES`), how it
    is to be turned (EXIF's orientation), the bytes that unpacking it takes beside the picture itself, where a file can say one
    size and hold another, the pixels that it holds, and whether it is a JPEG as cameras write them: one scan of 8 bit that
    nothing interrupts before its end."""

    format: str
    content: bytes
    frames: int = 1
    orientation: int = metadata.UPRIGHT
    working_bytes: int = 0
    packed_pixels: int = 0
    is_one_scan: bool = False


def examine(content: bytes) -> Structure | None:
    """The structure of a file's bytes, None where it is no picture that is read here; ValueError and struct.error where it is
    damaged, PhotoError where it holds too much of something."""
    for pattern, parse in FORMATS:
        if pattern.match(content):
            return parse(content)
    return None


# JPEG

SOF = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
SOS, EOI, APP0, APP1, APP14, COM = 0xDA, 0xD9, 0xE0, 0xE1, 0xEE, 0xFE
STANDALONE = frozenset({*range(0x01, 0xC0), *range(0xD0, 0xDA)})
"""Markers that no segment belongs to."""
MARKER = re.compile(rb"\xff([\x01-\xfe])")
SEGMENT = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
"""A marker among the bits of a scan."""
INTERRUPTION = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
"""The same, and whatever else is no part of them."""
SEQUENTIAL = (0xC0, 0xC1)
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"


def _jpeg(content: bytes) -> Structure:
    spans, exif, xmp, frame = [(0, 2)], b"", b"", (0, b"")
    for marker, start, end in _segments(content):
        if marker in SOF:
            frame = marker, content[start + 4 : end]
        if marker == SOS:
            spans.append((start, len(content)))
            working_bytes = _coefficient_bytes(content, start, end, *frame)
            orientation, is_one_scan = metadata.orientation(exif, xmp), _is_one_scan(content, start, end, *frame)
            return Structure("JPEG", _join(content, spans), 1, orientation, working_bytes, is_one_scan=is_one_scan)
        if marker == APP1 and content.startswith(b"Exif\0\0", start + 4):
            exif = exif or content[start + 4 : end]
        elif marker == APP1 and content.startswith(XMP_HEAD, start + 4):
            xmp = content[start + 4 : end]
        # JFIF's and Adobe's say how colours are to be read.
        if marker in (APP0, APP14) or not (APP0 <= marker <= COM):
            spans.append((start, end))
    raise ValueError("it ends before its picture begins")


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """The segments before and with the first scan's head: marker, start and end."""
    offset = 2
    for _ in range(limits.MAX_SEGMENTS):
        match = MARKER.search(content, offset)
        while match and match[1][0] in STANDALONE:
            match = MARKER.search(content, match.end())
        if match is None or match.end() + 2 > len(content):
            return
        offset = match.end() + max(2, int.from_bytes(content[match.end() : match.end() + 2]))
        yield match[1][0], match.start(), offset
    raise limits.exceeded("segments", limits.MAX_SEGMENTS + 1, limits.MAX_SEGMENTS)


def _coefficient_bytes(content: bytes, start: int, end: int, marker: int, frame: bytes) -> int:
    """The bytes in which a JPEG of several scans is gathered, none where it is decoded as it is read; too many are refused."""
    if len(frame) < 6:
        raise ValueError("its first scan comes before its size")
    height, width, count = struct.unpack_from(">HHB", frame, 1)
    if marker not in PROGRESSIVE and content[start + 4 : start + 5] == frame[5:6]:
        return 0
    tiff.check_scans(_scans(content, start), width * height)
    samplings = [(factor >> 4, factor & 15) for factor in frame[7 : 6 + 3 * count : 3]]
    max_horizontal, max_vertical = (max((sampling[side] for sampling in samplings), default=0) for side in (0, 1))
    sampled = sum(horizontal * vertical for horizontal, vertical in samplings)
    return 2 * int(width) * int(height) * sampled // max(1, max_horizontal * max_vertical)


def _is_one_scan(content: bytes, start: int, end: int, marker: int, frame: bytes) -> bool:
    """Whether the scan whose head is from start to end holds all components of 8 bit, and its picture's end comes next."""
    if marker not in SEQUENTIAL or frame[0] != 8 or frame[5] not in (1, 3) or content[start + 4 : start + 5] != frame[5:6]:
        return False
    interruption = INTERRUPTION.search(content, end)
    return interruption is not None and interruption[1][0] == EOI


def _scans(content: bytes, start: int) -> int:
    """The scans from the first on; all markers of one are counted only where they may be too many, as behind a phone's photo
    there is another one."""
    if (estimate := content.count(b"\xff\xda", start)) <= limits.MAX_SCANS:
        return estimate
    count, offset, segments = 0, start, 0
    while (match := SEGMENT.search(content, offset)) and match[1][0] != EOI and count <= limits.MAX_SCANS:
        count += match[1][0] == SOS
        segments += 1
        if segments > limits.MAX_SEGMENTS:
            raise limits.exceeded("segments", segments, limits.MAX_SEGMENTS)
        offset = match.end() + max(2, int.from_bytes(content[match.end() : match.end() + 2]))
    return count


# PNG

PICTURE_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
EXIF_KEY = b"Raw profile type exif"
XMP_KEY = b"XML:com.adobe.xmp"


def _png(content: bytes) -> Structure:
    spans: Spans = [(0, 8)]
    exif, texts, frames, is_first = b"", list[tuple[bytes, bytes]](), 0, True
    for kind, start, end in _chunks(content, 8, ">I4s", 12):
        if kind in PICTURE_CHUNKS or not kind.isalpha():
            spans.append((start, end))
        body = slice(start + 8, end - 4)
        if kind == b"eXIf":
            exif = content[body]
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            texts.append((kind, content[body.start : min(body.stop, body.start + limits.MAX_TEXT)]))
        elif kind == b"acTL" and is_first:
            frames = int.from_bytes(content[body][:4])
        elif kind == b"fcTL" and is_first:
            frames, is_first = max(frames, 1), False
        elif kind == b"IDAT":
            # A picture before all frames is one more than they are.
            frames, is_first = frames + (is_first and frames > 0), False
        elif kind == b"IEND":
            break
    parsed = [_exif_or_xmp(kind, text) for kind, text in texts if EXIF_KEY in text or XMP_KEY in text]
    exif = exif or next((profile for profile, _ in parsed if profile), b"")
    orientation = metadata.orientation(exif, next((xmp for _, xmp in parsed if xmp), b""))
    return Structure("PNG", _join(content, spans), max(1, frames), orientation)


def _exif_or_xmp(kind: bytes, text: bytes) -> tuple[bytes, bytes]:
    """EXIF as ImageMagick writes it, or XMP, of a PNG's text; empty where it is neither."""
    key, _, rest = text.partition(b"\0")
    with suppress(ValueError, zlib.error):
        if key == XMP_KEY and kind == b"iTXt":
            is_packed, packed = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[2]
            return b"", _decompress(packed) if is_packed else packed
        if key == EXIF_KEY and kind != b"iTXt":
            lines = (_decompress(rest[1:]) if kind == b"zTXt" else rest).split(b"\n")[3:]
            return bytes.fromhex(b"".join(lines).decode("ascii")), b""
    return b"", b""


def _decompress(packed: bytes) -> bytes:
    return zlib.decompressobj().decompress(packed, limits.MAX_TEXT)


# WebP


def _webp(content: bytes) -> Structure:
    exif, xmp, frames = b"", b"", 0
    for kind, start, end in _chunks(content, 12, "<4sI", 8, even=True):
        if kind == b"EXIF":
            exif = content[start + 8 : end]
        elif kind == b"XMP ":
            xmp = content[start + 8 : min(end, start + limits.MAX_TEXT)]
        frames += kind == b"ANMF"
    return Structure("WEBP", content, max(1, frames), metadata.orientation(exif, xmp))


def size_of(file: Structure) -> tuple[int, int]:
    """Width and height that a WebP or BMP states; ValueError where it states none."""
    if file.format == "BMP":
        return int.from_bytes(file.content[18:22], "little"), abs(int.from_bytes(file.content[22:26], "little", signed=True))
    return _webp_size(file.content)


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

BLOCK_START = re.compile(rb"[,!;]")
IMAGE, EXTENSION, END, CONTROL = b",", b"!", b";", 0xF9
DISPOSAL = 0b00011100
"""Bits of a GIF's control block that say what becomes of a picture before the next one: Pillow makes room for that at once."""


def _gif(content: bytes) -> Structure:
    offset = 13 + _palette_bytes(content, 10)
    pieces: list[bytes] = [content[:offset]]
    control, frames, blocks = b"", 0, limits.MAX_BLOCKS
    while (match := BLOCK_START.search(content, offset)) and match[0] != END and frames < limits.MAX_FRAMES:
        start = match.start()
        is_image = match[0] == IMAGE
        if is_image and start + 11 > len(content):
            break
        data_start = start + 11 + _palette_bytes(content, start + 9) if is_image else start + 2
        offset, blocks = _blocks_end(content, data_start, blocks)
        if content[start + 1 : start + 2] == bytes([CONTROL]) and not is_image:
            control = content[start : start + 3] + bytes([content[start + 3] & ~DISPOSAL]) + content[start + 4 : offset]
        if is_image and not frames:
            pieces += [control, content[start:offset]]
        frames += is_image
    return Structure("GIF", b"".join((*pieces, END)) if offset < len(content) else b"".join(pieces), max(1, frames))


def _palette_bytes(content: bytes, offset: int) -> int:
    """How many bytes the palette takes that the flags at this offset announce."""
    flags = content[offset] if offset < len(content) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks_end(content: bytes, offset: int, remaining: int) -> tuple[int, int]:
    """Where a row of blocks ends, and how many more there may be."""
    end = len(content)
    while offset < end and (size := content[offset]):
        offset += size + 1
        remaining -= 1
        if remaining < 0:
            raise limits.exceeded("chunks", limits.MAX_BLOCKS + 1, limits.MAX_BLOCKS)
    return min(offset + 1, end), remaining


# BMP, TIFF, AVIF and HEIF


def _bmp(content: bytes) -> Structure:
    return Structure("BMP", content)


def is_run_length_coded(bmp: bytes) -> bool:
    """Whether a BMP's pixels are packed as runs, which Pillow unpacks in Python."""
    return int.from_bytes(bmp[14:18], "little") >= 40 and int.from_bytes(bmp[30:34], "little") in (1, 2)


def _tiff(content: bytes) -> Structure:
    parsed = tiff.examine(content)
    return Structure("TIFF", parsed.content, parsed.frames, parsed.orientation, parsed.piece_bytes)


def _isobmff(content: bytes) -> Structure:
    """AVIF or HEIF, whichever its parts are: both may begin alike."""
    meta = Meta(content)
    if any(item.kind == avif.AV1 for item in meta.items()):
        avif_file = avif.examine(meta)
        return Structure("AVIF", avif_file.content, packed_pixels=avif_file.packed_pixels)
    heif_file = heif.examine(meta)
    return Structure("HEIF", heif_file.content, heif_file.frames, packed_pixels=heif_file.packed_pixels)


# All


def _chunks(
    content: bytes, offset: int, head_format: str, overhead: int, *, even: bool = False
) -> Iterator[tuple[bytes, int, int]]:
    """The chunks from an offset on: kind, start and end, of the last one the file's where it is cut off. `overhead` are the bytes
    of a chunk beside its content."""
    head = struct.Struct(head_format)
    for _ in range(limits.MAX_CHUNKS):
        if offset + 8 > len(content):
            return
        first, second = head.unpack_from(content, offset)
        kind, size = (second, first) if isinstance(first, int) else (first, second)
        end = min(offset + overhead + size, len(content))
        yield kind, offset, end
        offset = end + (size & 1 if even else 0)
    raise limits.exceeded("chunks", limits.MAX_CHUNKS + 1, limits.MAX_CHUNKS)


def _join(content: bytes, spans: Spans) -> bytes:
    """These parts of a file put together; the file itself where nothing is left out."""
    if sum(end - start for start, end in spans) == len(content):
        return content
    view = memoryview(content)
    return b"".join(view[start:end] for start, end in spans)


HEIC_BRANDS = rb"mif1|msf1|hei[cxms]|hev[cxms]"
"""What a HEIC says that it is, as a regular expression; the first two may be an AVIF."""
FORMATS: tuple[tuple[re.Pattern[bytes], Callable[[bytes], Structure]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"RIFF....WEBPVP8[ XL]", re.DOTALL), _webp),
    (re.compile(rb"GIF8[79]a"), _gif),
    (re.compile(rb"BM"), _bmp),
    (re.compile(rb"II[*+]\0|II\0\*|MM\0[*+]|MM\*\0"), _tiff),
    (re.compile(rb"....ftyp(avif|avis|" + HEIC_BRANDS + rb")", re.DOTALL), _isobmff),
)
"""How a file of each format begins, and what reads its structure."""
