"""The tests; they mirror the tree and draw their own pictures."""

from pathlib import Path

TINY_MODEL = Path(__file__).parent / "tiny_model"
"""A model folder whose answers can be computed by hand; make_tiny_model.py says how it was made."""
