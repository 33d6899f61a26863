"""What protects a server that strangers share, whatever it serves. Knows ASGI, and no gradio and no starlette."""
