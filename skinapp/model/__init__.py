"""The model folder and how it runs."""
