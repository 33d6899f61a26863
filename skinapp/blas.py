"""Keeps the linear algebra of numpy and OpenCV on the thread that asks for it.

Ours is of a few thousand numbers: waking other threads for it, and waiting for them where they are busy, takes up to a hundred
times as long (a heatmap at 450 pixels a side: 3 to 8 ms on two busy cores, and 0.25 alone).
"""

from threadpoolctl import threadpool_limits


def compute_alone() -> None:
    """From now on, in libraries that are loaded already."""
    threadpool_limits(1, user_api="blas")
