"""Pixels in and pixels out: what a picture's file holds before it is decoded, and the memory that all decoders share."""
