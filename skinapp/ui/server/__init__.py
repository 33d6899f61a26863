"""What stands around Gradio's server: guards, queue, files."""
