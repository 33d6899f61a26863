"""python -m benchmarks.followup_pairs --images DIR --labels CSV [--split val] [--pairs 40]

How often two photos are laid on each other by the Follow-up tab: photos of one lesion (columns file, split, lesion_id), and as
many pairs of two lesions, which never may be. Prints how many were aligned, and how many of these by the skin around the
lesion.
"""

import argparse
import collections
import csv
import random
from collections.abc import Iterable
from pathlib import Path

from benchmarks.api_load import say
from skinapp.followup import align, compare
from skinapp.imaging import decode, outline
from skinapp.imaging.decode import Photo

Pair = tuple[Path, Path]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.followup_pairs", description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--pairs", type=int, default=40)
    options = parser.parse_args()
    same = pairs(options.images, options.labels, options.split)[: options.pairs]
    other = [(earlier, same[(index + 1) % len(same)][1]) for index, (earlier, _) in enumerate(same)]
    say(f"of one lesion: {tally(same)}")
    say(f"of two lesions: {tally(other)}")


def pairs(images: Path, labels: Path, split: str) -> list[Pair]:
    """Two photos of each lesion that has several, shuffled from a seed."""
    photos_by_lesion = collections.defaultdict[str, list[Path]](list)
    with labels.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == split and row["lesion_id"]:
                photos_by_lesion[row["lesion_id"]].append(images / Path(row["file"]).name)
    same_lesion_pairs = [(photos[0], photos[1]) for photos in photos_by_lesion.values() if len(photos) > 1]
    random.Random(0).shuffle(same_lesion_pairs)
    return same_lesion_pairs


def tally(photo_pairs: Iterable[Pair]) -> dict[str, int]:
    return dict(collections.Counter(outcome(*(compare._shrink(decode.read(path)) for path in pair)) for pair in photo_pairs))


def outcome(earlier: Photo, later: Photo) -> str:
    masks = outline.outline(earlier), outline.outline(later)
    if masks[0] is None or masks[1] is None:
        return "no lesion found"
    alignment = align.align(earlier, later, (masks[0], masks[1]))
    if alignment is None:
        return "not aligned"
    return "aligned by the skin" if alignment.by_skin else "aligned by the lesion"


if __name__ == "__main__":
    main()
