"""Where photos wait for their turn: one queue for the whole page and the API, bounded, and few photos in memory at once."""

WAITING = 128
"""Calls that may wait; whoever comes after them is told so, and whoever waits is told their place."""
MAX_HEAVY_WAITING = 16
"""Large photos that wait for memory; one more is refused at once, so that they never are all that the server works on."""
ASSESSING = 8 + MAX_HEAVY_WAITING
"""Calls that are begun at the same time: enough to fill the batcher's passes, beside all those that may wait for memory."""
STATUS_S = 1.0
"""How often all who wait are told their place, beside when they join. Gradio's default tells all of them at every answer: with 64
waiting, that took the server longer than the answers."""
