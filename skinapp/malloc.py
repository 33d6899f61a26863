"""Tells glibc's malloc what to do with memory that a program frees; other systems' malloc is left as it is."""

import ctypes
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -3, -4, -8


def bound_heaps() -> None:
    """Have two heaps and no more, where malloc would open one for every few threads, and what is freed in one stays there.
    Without a bound, set before there are threads, the server grows by 80 KB a request."""
    _set_option(M_ARENA_MAX, 2)


def reuse_freed() -> None:
    """Keep some of what is freed, up to 64 MB a heap, for the next photo: glibc gives back what a photo of some hundred kilobytes
    took, and the kernel fills its pages with zeros once more, which took two thirds of the time that an overlay takes."""
    _set_option(M_MMAP_THRESHOLD, 2**25)
    _set_option(M_TRIM_THRESHOLD, 2**26)


def keep_freed() -> None:
    """Keep what is freed: glibc gives every large tensor's memory back, and the kernel fills each page with zeros once more for
    the next one, which took a third of a training step's time (EfficientNet-Lite2)."""
    _set_option(M_MMAP_MAX, 0)
    _set_option(M_TRIM_THRESHOLD, 2**31 - 1)


def _set_option(option: int, value: int) -> None:
    with suppress(OSError, AttributeError, TypeError):  # Windows takes no None for a library
        ctypes.CDLL(None).mallopt(option, value)
