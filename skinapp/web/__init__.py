"""What a browser gets: HTML, and files by path. Knows no gradio and no starlette."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"
