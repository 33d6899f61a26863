"""Two photos of one lesion are laid on each other and compared."""
