"""python -m scripts.resolve_elsewhere [REQUIREMENTS.txt ...]

Asks pip's own resolver, from here, whether the requirements can be installed on macOS with Apple silicon and on Windows. It
needs the network. pip takes wheels for another platform, but reads markers as of this one: so it is told of the other's.
"""

import json
import subprocess
import sys
import tempfile

FILES = ("requirements.txt", "requirements-mcp.txt", "requirements-ray.txt", "requirements-test.txt", "requirements-model.txt")
PLATFORMS = {
    "macosx_14_0_arm64": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"},
    "win_amd64": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
}
PYTHON = "3.12"
PIP = """
import sys
from pip._internal.cli.main import main
from pip._vendor.packaging import markers
here, there = markers.default_environment, eval(sys.argv[1])
markers.default_environment = lambda: {**here(), **there}
sys.exit(main(sys.argv[2:]))
"""


def resolve(file: str, platform: str) -> subprocess.CompletedProcess[str]:
    """What pip says of a file's requirements on a platform; it downloads and installs nothing but what it must read."""
    environment = {**PLATFORMS[platform], "python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
    with tempfile.TemporaryDirectory() as nowhere:
        command = [sys.executable, "-c", PIP, repr(environment), "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--only-binary=:all:", "--platform", platform, "--python-version", PYTHON, "--target", nowhere, "-r", file]
        return subprocess.run([*command, "--report", "-"], capture_output=True, text=True)


def _said(ended: subprocess.CompletedProcess[str]) -> str:
    if ended.returncode:
        return " ".join(line for line in ended.stderr.splitlines() if line.startswith("ERROR"))
    names = [package["metadata"]["name"] for package in json.loads(ended.stdout)["install"]]
    return f"{len(names)} packages, {' '.join(name for name in names if name.startswith('onnxruntime'))} among them"


def main(files: list[str]) -> int:
    """The exit status is 1 where a platform can't have what a file asks for."""
    failed = 0
    for file in files or FILES:
        for platform in PLATFORMS:
            ended = resolve(file, platform)
            failed += ended.returncode != 0
            sys.stdout.write(f"{file}  {platform}  {_said(ended)}\n")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
