"""Weights become integers, and are held to what they were."""
