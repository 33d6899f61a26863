"""python -m benchmarks.contender_servers fastapi|gradio --model FOLDER --port N [--packages SITE_PACKAGES]

What somebody would write in an afternoon instead of this program: the same INT8 session behind a bare FastAPI route, which gives
probabilities alone; and torch with pytorch-grad-cam in a plain Gradio Interface, as their READMEs show. `benchmarks.contenders`
starts both.
"""

import argparse
import io
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from skinapp.imaging import preprocess
from skinapp.model import session
from skinapp.model.session import CPU, Session
from skinapp.model.spec import WEIGHTS, ModelSpec


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contender_servers", description=__doc__)
    parser.add_argument("kind", choices=("fastapi", "gradio"))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--packages", help="where torch, timm and grad-cam are installed")
    options = parser.parse_args()
    (fastapi if options.kind == "fastapi" else interface)(options)


def fastapi(options: argparse.Namespace) -> None:
    """POST /classify: a form's file to probabilities."""
    import uvicorn
    from fastapi import FastAPI, UploadFile

    spec, app = ModelSpec.read(options.model), FastAPI()
    runner = Session(options.model / session.file_for(spec, CPU), spec, CPU, options.threads)

    def classify(photo: UploadFile) -> dict[str, Any]:
        picture = np.asarray(Image.open(io.BytesIO(photo.file.read())).convert("RGB"))
        logits = runner.run(preprocess.batch([picture], spec.transform)).logits[0].astype(np.float64) / spec.temperature
        powers = np.exp(logits - logits.max())
        return {"probabilities": dict(zip(spec.labels, (powers / powers.sum()).tolist(), strict=True))}

    app.post("/classify")(classify)
    with socket.create_server(("127.0.0.1", options.port), backlog=2048) as listening:
        say(options.port)
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])


def interface(options: argparse.Namespace) -> None:
    """A photo to the seven chances and the likeliest one's Grad-CAM, drawn on it."""
    sys.path.append(options.packages or "")  # last: whatever both environments hold comes from this one
    import gradio
    import torch

    from export.bench import baselines

    spec = ModelSpec.read(options.model)
    threads = options.threads or torch.get_num_threads()
    answer = baselines.torch_answer(spec, options.model / WEIGHTS, threads)
    if answer is None:
        raise SystemExit("grad-cam isn't installed; pip install -r requirements-bench.txt")
    predict = baselines.as_function(answer)
    app = gradio.Interface(predict, gradio.Image(type="filepath"), [gradio.Label(), gradio.Image()], api_name="predict")
    app.launch(server_name="127.0.0.1", server_port=options.port, quiet=True, prevent_thread_lock=True)
    say(options.port)
    app.block_thread()


def say(port: int) -> None:
    sys.stderr.write(f"http://127.0.0.1:{port}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
