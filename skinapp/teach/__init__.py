"""A visitor's own classes: a zip of pictures becomes a model folder. The backbone is the served one; only its head is learned.

Knows no page. Whatever comes in is hostile until shown otherwise, and is never written under a name of its own.
"""
