"""A visitor's pictures: read from a zip, split, and looked through for near duplicates."""
