"""Lets a caller leave out what has a value of its own.

What: `Blocks.validate_inputs` of the page, where a call with fewer values than inputs gets the last inputs' own.
Why: gradio_client fills them in by itself; over plain HTTP Gradio refuses such a call, so that no function could ever get a
further input without breaking who calls it.
Without it: `{"data": [photo]}` to /classify fails since it can be told `careful`.
Seen: Blocks.validate_inputs, called by Blocks.preprocess_data with the list that it reads afterwards.
"""

from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.components import Component

from skinapp.i18n.messages import text
from skinapp.ui.gradio_internals import patch


def fill_in(page: gr.Blocks) -> None:
    """Give every call of the page the values that it leaves out; the first input it must name, or it hears so."""
    validate = page.validate_inputs

    def filled(block_fn: BlockFunction, inputs: list[Any]) -> None:
        if block_fn.inputs and not inputs:
            raise gr.Error(text("requests.malformed", "en"), print_exception=False)
        left_out = block_fn.inputs[len(inputs) :]
        inputs.extend(block.value if isinstance(block, Component) else None for block in left_out)
        validate(block_fn, inputs)

    patch(page, "validate_inputs", filled)
