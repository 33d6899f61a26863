"""How a picture's file may be built, in one place: far beyond what cameras, scanners and editors write, and short of what costs
a decoder more than the picture is worth."""

from skinapp.errors import PhotoError
from skinapp.i18n.messages import Message

MAX_SCANS = 100
"""Scans of a JPEG, each of which goes over the whole picture; programs write 10 to 13."""
MAX_SCAN_PIXELS = 1_500_000_000
"""Scans times pixels: 30 scans of 50 megapixels, 100 of 15."""
MAX_SEGMENTS = 4_000
"""Segments of a JPEG before its first scan, of up to 64 kB each: 30 MB of metadata make 480."""
MAX_CHUNKS = 50_000
"""Chunks of a PNG, WebP, AVIF or HEIC; libpng writes one for 8 kB."""
MAX_BLOCKS = 250_000
"""Blocks of a GIF, of up to 255 bytes each: a file of 30 MB has 120,000."""
MAX_FRAMES = 1_000
"""Pictures in a file that are counted, to be told."""
MAX_TAGS = 4_000
"""Tags of a directory, in TIFF and EXIF; cameras write 50, microscopes 300."""
MAX_PIECES = 100_000
"""Strips or tiles of a TIFF: one a row of all four planes, at 25,000 rows."""
TILE_SIDE = 4_096
"""Pixels by which a TIFF's tile may be longer than its picture."""
MAX_TEXT = 2**20
"""Bytes of packed metadata that are unpacked, where they may say how a photo is turned."""
MAX_PACKED_SHARE = 4
"""Times as many pixels as an AVIF or HEIC says it has, that the streams in it may have."""
PACKED_SIDE = 512
"""Pixels of the smallest square that so many are: phones pack a HEIC in tiles of that, however small it is."""


def exceeded(part: str, count: int, limit: int) -> PhotoError:
    """The refusal of a file with more of something than it may have; `part` is a key of the section `built`."""
    return PhotoError(Message("unreadable.built", part=Message(f"built.{part}"), count=count, limit=limit))
