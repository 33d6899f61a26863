"""How Gradio's own components look."""

import gradio as gr


def theme() -> gr.themes.Base:
    """Slate and teal on the system's own fonts: a theme's web fonts would be fetched from another host."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "PingFang SC", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Consolas", "monospace"],
    )
