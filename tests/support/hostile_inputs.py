"""Files and requests of whoever means ill, all from fixed seeds, and a server that writes down what it opens and connects to."""

import io
import json
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.support import drawings

AUDITED = """
import json, os, sys

log = os.open(os.environ["AUDIT"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate", "os.utime"}
FROM_FOLDERS = {"os.remove", "os.mkdir", "os.rmdir"}
TALKS = {"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}
STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.startfile"}
seen = set()

def place(path, folder=-1):
    path = os.fsdecode(path)
    return os.path.abspath(path if folder == -1 else os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path))

def watch(event, arguments):
    if event == "open" and not isinstance(arguments[0], int):
        noted = ("write" if arguments[2] & WRITES else "read", place(arguments[0]))
    elif event in CHANGES and not isinstance(arguments[0], int):
        noted = ("write", place(arguments[0], arguments[-1] if event in FROM_FOLDERS else -1))
    elif event in TALKS:
        noted = (event, str(arguments[0 if "get" in event else 1]))
    elif event in STARTS:
        noted = ("start", str(arguments[:2]))
    else:
        return
    if noted not in seen:
        seen.add(noted)
        os.write(log, (json.dumps(noted) + "\\n").encode())

sys.addaudithook(watch)
import app
sys.exit(app.main(sys.argv[1:]))
"""
"""app.py, with a line in the file AUDIT for each file that it opens or changes, address that it names and program that it starts.
What libraries do in C, past Python's own calls, doesn't come by here."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")


@dataclass(frozen=True)
class Bad:
    """A file that somebody uploads, and what it is."""

    what: str
    name: str
    content: bytes


def files() -> Iterator[Bad]:
    """All of them."""
    for form in FORMATS:
        yield from mutated(form)
    yield from bombs()
    yield from disguised()
    yield from with_metadata()


def mutated(form: str) -> Iterator[Bad]:
    """A photo in a format, damaged in 20 ways."""
    chance = random.Random(f"skinapp {form}")
    good = encoded(form)
    suffix = form.lower()
    for number in range(10):
        spoiled = bytearray(good)
        for _ in range(1 + number * 3):
            spoiled[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
        yield Bad(f"{form}: bits flipped, {number}", f"flip{number}.{suffix}", bytes(spoiled))
    for share in (0.02, 0.3, 0.7, 0.98):
        yield Bad(f"{form}: cut off at {share}", f"cut.{suffix}", good[: int(len(good) * share)])
    head = bytearray(good)
    head[2:24] = chance.randbytes(22)
    yield Bad(f"{form}: garbage in its head", f"head.{suffix}", bytes(head))
    yield Bad(f"{form}: zeros from the middle on", f"zeros.{suffix}", good[: len(good) // 2] + bytes(len(good) // 2))
    yield Bad(f"{form}: ones from the middle on", f"ones.{suffix}", good[: len(good) // 2] + b"\xff" * (len(good) // 2))
    yield Bad(f"{form}: twice", f"twice.{suffix}", good + good)
    yield Bad(f"{form}: a script behind it", "behind.html", good + b"<script>alert(document.cookie)</script>")
    yield Bad(f"{form}: garbage before it", f"before.{suffix}", chance.randbytes(100) + good)


def encoded(form: str, **options: object) -> bytes:
    return drawings.encoded(drawings.lesion(96, 80), form, **options)


def bombs() -> Iterator[Bad]:
    """Small files that claim to be, or are, huge pictures."""
    for width, height in ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (50_001, 1000), (0, 0), (1, 2_000_000)):
        yield Bad(f"PNG that claims {width}x{height}", "huge.png", png(width, height, bytes(1000)))
        gif = b"GIF89a" + struct.pack("<HH", width & 0xFFFF, height & 0xFFFF) + encoded("GIF")[10:]
        yield Bad(f"GIF that claims {width}x{height}", "huge.gif", gif)
        bmp = bytearray(encoded("BMP"))
        struct.pack_into("<ii", bmp, 18, width, -height)
        yield Bad(f"BMP that claims {width}x{height}", "huge.bmp", bytes(bmp))
        yield Bad(f"TIFF that claims {width}x{height}", "huge.tiff", tiff(width, height))
        jpeg = bytearray(encoded("JPEG"))
        start = jpeg.index(b"\xff\xc0") + 5
        struct.pack_into(">HH", jpeg, start, height & 0xFFFF, width & 0xFFFF)
        yield Bad(f"JPEG that claims {width}x{height}", "huge.jpg", bytes(jpeg))
    plain = Image.new("1", (15_000, 15_000))
    for form, options in (("PNG", {}), ("GIF", {}), ("TIFF", {"compression": "group4"})):
        yield Bad(f"{form} of 225 megapixels in a few kB", f"bomb.{form.lower()}", saved(plain, form, **options))
    yield Bad("WEBP of 100 megapixels", "bomb.webp", saved(Image.new("L", (10_000, 10_000)), "WEBP", lossless=True, method=0))
    small = [Image.new("RGB", (64, 64), (number, 0, 0)) for number in range(60)]
    for form in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        yield Bad(f"{form} of 60 pictures", f"many.{form.lower()}", saved(small[0], form, save_all=True, append_images=small[1:]))
    text = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(40_000_000), 9))
    yield Bad("PNG whose text unpacks to 40 MB", "text.png", encoded("PNG")[:33] + text + encoded("PNG")[33:])
    profile = png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(40_000_000), 9))
    yield Bad("PNG whose colour profile unpacks to 40 MB", "profile.png", encoded("PNG")[:33] + profile + encoded("PNG")[33:])


def png(width: int, height: int, pixels: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(pixels)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def tiff(width: int, height: int) -> bytes:
    """A picture whose one strip is itself."""
    entries = ((256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 2**31))
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value & 0xFFFFFFFF) for tag, value in entries)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + body + struct.pack("<I", 8)


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def disguised() -> Iterator[Bad]:
    """What is no photo, under names that a photo may have."""
    page = b"<!doctype html><script>fetch('http://127.0.0.1:1')</script>"
    picture = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd" width="90" height="90"/></svg>'
    entity = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>'
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n(/etc/passwd) (r) file\n"
    for what, content in {
        "a page": page,
        "SVG that names a file": picture,
        "XML with an entity": entity,
        "PostScript": postscript,
        "PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>",
        "a program": b"\x7fELF" + bytes(200),
        "a ZIP in a ZIP": b"PK\x03\x04" + bytes(300),
        "a pickle": b"\x80\x04\x95\x1d\x00\x00\x00\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
        "nothing": b"",
        "one byte": b"\xff",
        "a megabyte of zeros": bytes(2**20),
        "MPO of nothing": b"\xff\xd8\xff\xe2\x00\x10MPF\0II*\0\x08\0\0\0\xff\xd9",
        "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
        "ICO": struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, 40, 22) + bytes(40),
        "PSD": b"8BPS\0\1" + bytes(100),
    }.items():
        for name in ("spot.jpg", "spot.svg"):
            yield Bad(f"{what}, named {name}", name, content)
    yield Bad("a page that is also a GIF", "both.html", b"GIF89a/*" + encoded("GIF")[8:] + b"*/=1;" + page)
    yield Bad("JPEG named PNG", "spot.png", encoded("JPEG"))
    yield Bad("TIFF named text", "spot.txt", encoded("TIFF"))


def with_metadata() -> Iterator[Bad]:
    """Good pixels under metadata that is none."""
    chance = random.Random("skinapp metadata")
    for number, exif in enumerate(
        (
            b"Exif\0\0" + chance.randbytes(65_000),
            b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + bytes(60_000),  # as many entries as can be said
            b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<I", 8),  # its own directory
            b"Exif\0\0MM\0*\xff\xff\xff\xff",
            b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x0112, 3, 1, 999) + bytes(4),
        )
    ):
        yield Bad(f"JPEG under mad EXIF {number}", "exif.jpg", encoded("JPEG", exif=exif))
    yield Bad("JPEG under a colour profile of noise", "profile.jpg", encoded("JPEG", icc_profile=chance.randbytes(5000)))
    noise = np.random.default_rng(7).integers(0, 65_535, (80, 90), np.uint16)
    yield Bad("TIFF of 16 bit noise", "noise.tiff", saved(Image.fromarray(noise), "TIFF"))
    yield Bad(
        "TIFF of floats", "float.tiff", saved(Image.fromarray(np.where(noise % 2, np.inf, np.nan).astype(np.float32)), "TIFF")
    )


@dataclass(frozen=True)
class Ask:
    """A request to a server, by its path; `body` as bytes goes as it is."""

    what: str
    method: str
    path: str
    body: object = None
    headers: tuple[tuple[str, str], ...] = ()


META = {"_type": "gradio.FileData"}


def requests(loopback: str, cache: str, link: str) -> Iterator[Ask]:
    """Requests that ask for what nobody may have: `loopback` counts its visitors, `link` is a link out of the cache."""
    paths = [
        "/etc/passwd", "../../../../etc/passwd", "....//....//etc/passwd", "/proc/self/environ", "file:///etc/passwd", "app.py",
        f"{cache}/../../etc/passwd", f"{cache}", link, f"{loopback}/spot.png", loopback.replace("127.0.0.1", "0x7f000001"),
        loopback.replace("127.0.0.1", "localhost"), "gopher://127.0.0.1:1/_", "ftp://127.0.0.1/spot.png", "\\\\127.0.0.1\\share",
        "data:image/png;base64,AAAA", "\0", "/dev/zero", "/dev/stdin", "CON", "~/.ssh/id_rsa", "$HOME", "a" * 5000, "",
    ]  # fmt: skip
    for path in paths:
        shown = path[:40]
        yield call(f"path {shown!r}", {"path": path, "meta": META})
        yield call(f"path without meta {shown!r}", {"path": path})
        yield call(f"url {shown!r}", {"path": "spot.png", "url": path, "meta": META})
        if "\0" not in path and path:
            yield Ask(f"file={shown!r}", "GET", f"/gradio_api/file={path}")
            yield Ask(f"proxy={shown!r}", "GET", f"/gradio_api/proxy={path}")
    yield from shapes()
    yield from sessions()
    yield from headers(loopback)
    yield from uploads()


def call(what: str, given: object, name: str = "classify") -> Ask:
    return Ask(f"{name}: {what}", "POST", f"/gradio_api/call/{name}", {"data": [given]})


def shapes() -> Iterator[Ask]:
    """Bodies of the wrong kind, too long and too deep."""
    for given in (5, -1.5, True, "text", [], [[]], {}, {"path": 5}, {"path": {"path": "a"}}, {"path": ["a"]}, {"meta": META}):
        yield call(f"given {given!r}", given)
        yield call(f"given {given!r}", given, "classify_batch")
    yield call("many of nothing", [None] * 5, "classify_batch")
    yield call("a thousand", [{"path": "a", "meta": META}] * 1000, "classify_batch")
    for what, body in {
        "no JSON": b"{",
        "nothing": b"",
        "a number": b"5",
        "NaN": b'{"data": [NaN, Infinity]}',
        "deeply nested": b'{"data": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "deeply nested objects": b'{"data": [' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"]}",
        "a great number": b'{"data": [' + b"9" * 100_000 + b"]}",
        "no text": b'{"data": ["\xff\xfe"]}',
        "lone surrogates": b'{"data": ["\\ud800"]}',
        "3 MB of text": b'{"data": ["' + b"a" * 3 * 2**20 + b'"]}',
        "5 MB of text": b'{"data": ["' + b"a" * 5 * 2**20 + b'"]}',
        "data that is no list": b'{"data": {"0": 1}}',
        "no data": b"{}",
        "too much data": b'{"data": [1, 2, 3, 4, 5, 6, 7]}',
        "a key that reaches into classes": b'{"data": [{"__class__": {"__init__": {"__globals__": 1}}}], "__proto__": {}}',
    }.items():
        yield Ask(f"a body: {what}", "POST", "/gradio_api/call/classify", body, (("content-type", "application/json"),))
        yield Ask(f"a queue's body: {what}", "POST", "/gradio_api/queue/join", body, (("content-type", "application/json"),))


def sessions() -> Iterator[Ask]:
    """Functions, events and sessions that aren't there or are somebody else's."""
    for number in (-1, 99_999, 2**63, "0", None, [1], 1.5):
        body = {"data": [None], "fn_index": number, "session_hash": "a"}
        yield Ask(f"function {number!r}", "POST", "/gradio_api/queue/join", body)
        yield Ask(f"function {number!r}, run", "POST", "/gradio_api/run/predict", body)
    for name in ("nothing", "lambda", "../classify", "classify%00", "__init__", "answer_photo", "assess", "measure"):
        yield Ask(f"function named {name}", "POST", f"/gradio_api/call/{name}", {"data": [None]})
        yield Ask(f"event of {name}", "GET", f"/gradio_api/call/{name}/00000000-0000-0000-0000-000000000000")
    for session in ("", "a", "../a", "%00", "x" * 4000):
        yield Ask(f"session {session[:9]!r}", "GET", f"/gradio_api/queue/data?session_hash={session}")
        yield Ask(f"upload {session[:9]!r}", "GET", f"/gradio_api/upload_progress?upload_id={session}")
        for path in ("cancel", "reset"):
            body = {"event_id": session, "session_hash": session, "fn_index": 0}
            yield Ask(f"{path} {session[:9]!r}", "POST", f"/gradio_api/{path}", body)
    for path in ("component_server", "stream/a", "stream/a/close", "run-history/connect", "vibe-edit", "vibe-code", "dev/reload"):
        yield Ask(path, "POST", f"/gradio_api/{path}", {"component_id": 1, "fn_name": "__init__", "session_hash": "a", "data": 1})


def headers(loopback: str) -> Iterator[Ask]:
    """Hosts and origins that aren't ours, and what no program sends."""
    for name, value in (
        ("host", "evil.example"),
        ("host", "127.0.0.1:1"),
        ("host", ""),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("x-forwarded-host", loopback.removeprefix("http://")),
        ("x-forwarded-proto", "gopher"),
        ("x-gradio-server", loopback),
        ("x-direct-url", loopback),
        ("referer", f"{loopback}/?__theme=dark"),
        ("cookie", "access-token-unsecure-a=b;" * 50),
        ("accept-language", "zh;q=" + "9" * 5000),
        ("range", "bytes=5-1,999999999-"),
        ("content-type", "multipart/form-data"),
        ("content-type", "application/x-python-pickle"),
        ("authorization", "Basic " + "A" * 500),
        ("x-ip-token", "a\u00e9"),
    ):
        for method, path in (("GET", "/"), ("GET", "/config"), ("POST", "/gradio_api/call/classify")):
            body = {"data": [None]} if method == "POST" else None
            yield Ask(f"{name}: {value[:30]} at {path}", method, path, body, ((name, value),))
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
        yield Ask(f"{method} of the page", method, "/")
        yield Ask(f"{method} of a call", method, "/gradio_api/call/classify")
    for path in ("/..%2f..%2fetc/passwd", "/static/../../../app.py", "/assets/..%2f..%2fapp.py", "/ondevice/..%2f..%2fapp.py",
                 "/static/%2e%2e/%2e%2e/gradio/hash_seed.txt", "/svelte/../hash_seed.txt", "/theme.css?a=" + "b" * 5000,
                 "/?view=api&__theme=<script>", "/login", "/logout?all_session=true", "/pwa_icon/99999", "/monitoring/a"):  # fmt: skip
        yield Ask(path[:40], "GET", path)


def uploads() -> Iterator[Ask]:
    """Uploads that aren't what multipart/form-data is."""
    kind = (("content-type", "multipart/form-data; boundary=x"),)
    photo = encoded("PNG")

    def part(disposition: str, content: bytes = photo) -> bytes:
        return b"--x\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n"

    long = "a" * 300 + ".png"
    for name in (
        "../../../tmp/spot.png",
        "/etc/cron.d/spot",
        "..",
        ".",
        "",
        "spot\0.png",
        long,
        "con.png",
        "a/b\\c.png",
        "\u202egnp.exe",
    ):
        yield Ask(
            f"upload named {name[:20]!r}",
            "POST",
            "/gradio_api/upload",
            part(f'name="files"; filename="{name}"') + b"--x--\r\n",
            kind,
        )
    for what, body in {
        "cut off": part('name="files"; filename="a.png"')[:-40],
        "without end": part('name="files"; filename="a.png"'),
        "of nothing": b"--x--\r\n",
        "without a boundary": b"photo",
        "without a name": part('filename="a.png"') + b"--x--\r\n",
        "as a field": part('name="files"') + b"--x--\r\n",
        "of 1500 files": part('name="files"; filename="a.png"', b"a") * 1500 + b"--x--\r\n",
        "with a long head": part(f'name="files"; filename="a.png"\r\nX: {"a" * 100_000}') + b"--x--\r\n",
    }.items():
        yield Ask(f"upload {what}", "POST", "/gradio_api/upload", body, kind)
    yield Ask("upload as JSON", "POST", "/gradio_api/upload", {"files": ["a"]})
    yield Ask("upload without a boundary's name", "POST", "/gradio_api/upload", b"x", (("content-type", "multipart/form-data"),))


def told(lines: str) -> list[tuple[str, str]]:
    """What a server has written down."""
    return [(kind, what) for kind, what in map(json.loads, lines.splitlines())]
