"""What is measured, and what is tried, on a server that runs: `python -m benchmarks.NAME`."""
