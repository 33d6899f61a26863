"""The network is measured."""
