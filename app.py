"""python app.py [--model FOLDER|OWNER/NAME[@REVISION]] [--share] [--host HOST] [--port PORT]

Reads the environment, loads the model, builds the page and serves it.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from skinapp import settings
from skinapp.assessment import loading
from skinapp.errors import SkinAppError
from skinapp.i18n.messages import text
from skinapp.ui import page, variants

log = logging.getLogger("skinapp.app")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the exit status is 2 if the page can't start."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("skinapp").setLevel(logging.INFO)
    options = _parser().parse_args(arguments)
    try:
        chosen = settings.read(os.environ)
        variant = variants.of(loading.load(options.model or chosen.model, chosen.provider, chosen.threads, pooled=True))
        launch_options = page.launch_options(variant, chosen.mcp, chosen.hosts)
    except SkinAppError as error:
        log.error("%s", error)
        return 2
    return _serve(variant, launch_options, options, chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python app.py", description=text("disclaimer", "en"))
    parser.add_argument("--model", metavar="FOLDER|OWNER/NAME[@REV]", help="default: $SKINAPP_MODEL, else the embedded model")
    parser.add_argument("--share", action="store_true", help="also open a public link (or SKINAPP_SHARE=1)")
    parser.add_argument("--host", help="default: $GRADIO_SERVER_NAME, else 127.0.0.1")
    parser.add_argument("--port", type=int, help="default: $GRADIO_SERVER_PORT, else the first free one from 7860")
    return parser


def _serve(
    variant: variants.Variant, launch_options: dict[str, Any], options: argparse.Namespace, chosen: settings.Settings
) -> int:
    demo, share, model = page.build(variant), options.share or chosen.share, variant.model.model
    try:
        _, local, public = demo.launch(
            server_name=options.host,
            server_port=options.port,
            share=share,
            auth=chosen.auth,
            prevent_thread_lock=True,
            **launch_options,
        )
    except OSError as error:
        log.error("The page can't be served (%s); give another --host or --port.", str(error).partition(". ")[0])
        return 2
    if share and not public:
        log.warning("No public link could be had; the page goes on at %s.", local)
    log.info("%s  %s@%s  %s  %s", public or local, model.id, model.revision, model.precision, model.provider)
    page.serve(demo, variant)
    return 0


if __name__ == "__main__":
    sys.exit(main())
