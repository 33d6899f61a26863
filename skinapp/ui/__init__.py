"""The page and the client API. With app.py the only importer of gradio, whose telemetry is off before it is imported."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
