"""Labelled photos: read, split, packed."""
