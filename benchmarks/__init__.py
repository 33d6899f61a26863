"""Tools for developers that measure or try the program; nothing here belongs to it."""
