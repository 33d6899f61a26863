"""The page and the client API. With app.py the only importer of gradio, whose telemetry is off before it is imported,
and whose folder for photos is one that no other program uses: whatever grows old there is deleted."""

import os
import tempfile
from pathlib import Path

FOLDER = "skinapp"

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

_given = Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir(), "gradio"))
os.environ["GRADIO_TEMP_DIR"] = str((_given if _given.name == FOLDER else _given / FOLDER).resolve())
