"""How fast the program answers, measured from outside: `python -m benchmarks.NAME`."""
