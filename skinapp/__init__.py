"""The runtime: a photo of a skin lesion in, an honest answer out. Imports no training library."""
