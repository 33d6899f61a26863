"""What a network's numbers mean is fitted to photos."""
