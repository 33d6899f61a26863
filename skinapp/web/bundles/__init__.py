"""The files that a browser is given, by path."""
