"""What the commands of train and export say when something is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from skinapp.errors import SkinAppError


@contextmanager
def clear_errors() -> Iterator[None]:
    """Our own errors are one line on stderr and exit status 2; all others are bugs and keep their traceback."""
    try:
        yield
    except SkinAppError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
