"""Reads the environment, loads the model, builds the page, serves it and says so: what `python app.py` and `skinapp-page` run."""

import argparse
import logging
import os
from collections.abc import Sequence
from typing import Any

import skinapp
from skinapp import blas, settings
from skinapp.assessment.loaded_model import ModelInfo
from skinapp.errors import SkinAppError
from skinapp.i18n.messages import text
from skinapp.ui import page, variants

log = logging.getLogger("skinapp.app")

PROCESSORS = {"CPUExecutionProvider": "the CPU", "CUDAExecutionProvider": "CUDA", "TensorrtExecutionProvider": "TensorRT"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the exit status is 2 if the page can't start."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    options = _parser().parse_args(arguments)
    logging.getLogger("skinapp").setLevel(logging.DEBUG if options.verbose else logging.INFO)
    try:
        environment = settings.read(os.environ)
        blas.compute_alone()
        model = skinapp.load(options.model or environment.model, environment.provider, environment.threads, pooled=True).assessor
        variant = variants.of(model)
        launch_options = page.launch_options(variant, environment.mcp, environment.hosts)
        log.info("%s", _introduction(model.model))
    except SkinAppError as error:
        log.error("%s", error)
        return 2
    return _serve(variant, launch_options, options, environment)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=text("disclaimer", "en"))
    parser.add_argument("--model", metavar="FOLDER|OWNER/NAME[@REV]", help="default: $SKINAPP_MODEL, else the embedded model")
    parser.add_argument("--share", action="store_true", help="also open a public link (or SKINAPP_SHARE=1)")
    parser.add_argument("--host", help="default: $GRADIO_SERVER_NAME, else 127.0.0.1")
    parser.add_argument("--port", type=int, help="default: $GRADIO_SERVER_PORT, else the first free one from 7860")
    parser.add_argument("--verbose", action="store_true", help="also say what was tried and left out, such as a GPU's libraries")
    return parser


def _introduction(model: ModelInfo) -> str:
    """Which model answers, how exactly and where."""
    precision, processor = model.precision.upper(), PROCESSORS[model.provider]
    return f"The model is {model.id}, revision {model.revision[:12]}: {precision} on {processor} ({model.provider})."


def _serve(
    variant: variants.Variant, launch_options: dict[str, Any], options: argparse.Namespace, environment: settings.Settings
) -> int:
    demo, share = page.build(variant), options.share or environment.share
    try:
        _, local, public = demo.launch(
            server_name=options.host,
            server_port=options.port,
            share=share,
            auth=environment.auth,
            prevent_thread_lock=True,
            **launch_options,
        )
    except OSError as error:
        log.error("The page can't be served (%s); give another --host or --port.", str(error).partition(". ")[0])
        return 2
    if share and not public:
        log.warning("No public link could be had; the page goes on at %s.", local)
    log.info("%s is the page; Ctrl+C ends it.", public or local)
    page.serve(demo, variant)
    return 0
