"""The model folder: its config, where it comes from, and how its network runs."""
