"""The network learns."""
