"""A visitor's own classes: a zip of pictures becomes a model folder. Networks stay as they are; only a head is learned.

Knows no page. Whatever comes in is hostile until shown otherwise, and is never written under a name of its own.
"""
