"""How much one visitor may teach at once, in one place."""

ZIP_BYTES = 240 * 2**20
"""What the server takes in one upload."""
UNPACKED_BYTES = 2**30
"""Of all pictures together, counted while they are unpacked: what a zip says of itself is not believed."""
PIXELS = 4 * 10**9
"""Of all pictures together, counted by their heads before any is decoded: 330 photos of 12 megapixels, or 4,000 of one."""
SECONDS = 600
"""Of a processor, for whatever a visitor starts: reading a collection, or teaching it."""
TRYING_S = 120
"""Of these, until no further strength of regularisation is tried; what follows takes about as long again."""
FILES = 10_000
"""Entries of a zip, of whatever kind."""
DIRECTORY_BYTES = 8 * 2**20
"""A zip's list of its files, which Python reads as a whole and keeps several times over."""
PATH, DEPTH = 1000, 32
"""Letters of a file's name with its folders, and how many of these there may be."""
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
SPARE_S = 5 * 60
"""Where all workspaces are taken, one may go that its visitor has not used for so long."""
IDLE_S = 30 * 60
"""After so long without a sign of its visitor, everything of a lesson is deleted."""
