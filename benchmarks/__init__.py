"""Tools for developers that measure or try the program from outside: `python -m benchmarks.NAME`."""
