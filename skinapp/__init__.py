"""The runtime: a photo of a skin lesion in, an honest answer out. Imports no training library."""

import os

# Here, because it must come before onnxruntime is imported, which otherwise leaves an identifier in the temporary folder and
# reports every session to its makers (seen in 1.31.1).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
