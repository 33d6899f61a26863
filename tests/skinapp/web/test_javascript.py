"""The browser's own modules, run by node against the runtime's answers, type-checked and linted."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.app_server import missing
from tests.support.python_vectors import vectors

ROOT = Path(__file__).parents[3]
TOOLS = ROOT / "node_modules" / ".bin"
PATIENCE_S = 240


def found(command: str) -> str:
    """The command, or a skip where it may be missing."""
    path = shutil.which(command, path=os.pathsep.join([str(TOOLS), *os.get_exec_path()]))
    if path is None:
        missing(f"{command} is missing: install node and run 'npm ci' to check the modules of the On-device tab")
    return str(path)


def ran(*command: str, **environment: str) -> None:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_modules_answer_as_the_runtime_does(tmp_path: Path) -> None:
    answers = tmp_path / "vectors.json"
    answers.write_text(json.dumps(vectors()))
    ran(found("node"), "--test", "tests/skinapp/web/inference.test.js", VECTORS=str(answers))


def test_the_modules_types_fit() -> None:
    ran(found("tsc"), "--project", "tsconfig.json")


def test_the_modules_are_linted() -> None:
    ran(found("eslint"), "skinapp", "tests")
