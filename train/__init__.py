"""Training and evaluation: photos and a CSV in, a checkpoint out. The only place, with export/, that imports torch."""
