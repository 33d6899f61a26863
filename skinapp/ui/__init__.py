"""The page and the client API. With app.py the only importer of gradio."""

from skinapp import malloc
from skinapp.ui.gradio_internals import startup

malloc.bound_heaps()
malloc.reuse_freed()
startup.import_gradio()
