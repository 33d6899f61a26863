"""What events bring and what makes them fire.

What: an event's `_data`; `input` and `clear` of a photo in place of its `change`, with photo_input.js in front of them; content
that is new even where it says the same.
Why: Gradio's own attribute access of an event raises TypeError where a caller sends no dict. `change` fires twice when one photo
replaces another, and a photo that came as an output (an example) is sent again when it is removed. Content that equals what a
component shows already isn't sent, and a button that was pressed in it stays as it is: web/views/teach.py numbers what it shows.
Without it: a caller's nonsense is a fault of ours, photos are answered twice, and a removed one comes back.
Seen: EventData._data; the events of gr.Image and gr.HTML.
"""

from typing import Any

import gradio as gr

from skinapp.web import STATIC

PHOTO_INPUT_JS = (STATIC / "tabs" / "photo_input.js").read_text(encoding="utf-8")
"""What is seen on the page counts, once it has been drawn."""


def payload(event: gr.EventData) -> dict[str, Any]:
    """What a script sent with its event; empty where it is no dict."""
    return event._data if isinstance(event._data, dict) else {}


def photo_changes(photo: gr.Image) -> list[Any]:
    """The events of a photo that is given or removed."""
    return [photo.input, photo.clear]
