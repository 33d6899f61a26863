"""One photo becomes one answer."""
