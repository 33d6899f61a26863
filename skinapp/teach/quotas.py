"""How much one visitor may teach at once, in one place."""

ZIP_BYTES = 240 * 2**20
"""What the server takes in one upload."""
UNPACKED_BYTES = 2**30
"""Of all pictures together, counted while they are read: what a zip says of itself is not believed."""
FILES = 10_000
"""Entries of a zip, of whatever kind."""
PICTURES = 4_000
"""As the network sees them they take 600 MB of disk, and a minute or two to be looked at."""
CLASSES = 50
LEAST_CLASSES = 2
LEAST_PICTURES = 5
"""Of a class: with fewer, nothing can be held out and nothing measured."""
NAME = 60
"""Letters of a class's name."""
REFUSALS = 200
"""Refused files that are named; the rest are counted."""
SHARES = (0.1, 0.4)
"""The least and the most that can be held out."""
IDLE_S = 30 * 60
"""After so long without a sign of its visitor, everything of a lesson is deleted."""
