"""Whatever leans on things that Gradio, and the server that it starts, don't promise: what, why, and what breaks without it.

Who raises a version reads this package from end to end; tests/architecture/test_gradio_internals.py says what has moved. In the
browser the same is gathered in web/static/tabs/gradio.js and photo_input.js and in web/static/styles/gradio_overrides.css.
"""

VERIFIED_FOR = {"gradio": "6.31.0", "starlette": "1.10.0", "uvicorn": "0.54.0"}
"""The versions in which all of it was seen."""


def patch(owner: object, name: str, replacement: object) -> None:
    """Put something in the place of what Gradio has under a name; there must be such a thing, or nobody would ask for ours."""
    if not hasattr(owner, name):
        raise AttributeError(f"{owner!r} has no {name!r} to replace; skinapp was verified for {VERIFIED_FOR}.")
    setattr(owner, name, replacement)
