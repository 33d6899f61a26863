"""Whatever leans on things that Gradio doesn't promise, each with what breaks without it and the version that it was seen in."""
