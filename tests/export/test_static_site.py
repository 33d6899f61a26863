"""`export static` writes what a static host needs, and refuses what would mix or miss something."""

import gzip
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from export import __main__ as cli
from skinapp.model.spec import CONFIG, ModelSpec, sha256
from skinapp.web.bundles import onnxruntime_web
from tests import TINY_MODEL


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of ONNX Runtime's files, as far as their names go."""
    folder = tmp_path / "onnxruntime"
    folder.mkdir()
    monkeypatch.setattr(onnxruntime_web, "FOLDER", folder)
    for path in onnxruntime_web.files():
        path.write_bytes(path.name.encode())
    (folder / onnxruntime_web.VERSION).write_text("9.9.9\n")
    return folder


def run(out: Path) -> tuple[int, str]:
    ran = CliRunner().invoke(cli.app, ["static", str(out), "--model", str(TINY_MODEL)])
    return ran.exit_code, ran.output


def test_every_file_that_the_page_and_its_service_worker_name_is_there(installed: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    assert run(out)[0] == 0
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    named = set(re.findall(r'(?:href|src)="([^"]+)"', (out / "index.html").read_text()))
    assert len(named) == 7 and named <= written
    listed = set(re.findall(r'"([^"]+)"', (out / "sw.js").read_text().partition(";\n")[0]))
    assert listed == written - {"sw.js"}
    assert not any("selftest.html" in path for path in written)


def test_the_model_is_the_folders_file_packed_and_its_config_untouched(installed: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    run(out)
    [packed] = out.glob("model-*/*.gz")
    [config] = out.glob(f"model-*/{CONFIG}")
    (tmp_path / "unpacked").write_bytes(gzip.decompress(packed.read_bytes()))
    stated = ModelSpec.read(TINY_MODEL).files[packed.name.removesuffix(".gz")].sha256
    assert sha256(tmp_path / "unpacked") == stated
    assert config.read_bytes() == (TINY_MODEL / CONFIG).read_bytes()


def test_the_same_model_and_code_give_the_same_files(installed: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(tmp_path / name)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*") if path.is_file()} for name in ("one", "two")
    )
    assert one == two and len(one) > 20


def test_a_folder_that_holds_something_is_refused(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    status, said = run(tmp_path)
    assert status == 2 and f"{tmp_path} is not empty; give a new folder." in said.replace("\n", " ")


def test_without_onnx_runtime_it_says_what_to_run(installed: Path, tmp_path: Path) -> None:
    (installed / onnxruntime_web.VERSION).unlink()
    status, said = run(tmp_path / "site")
    assert status == 2 and "run 'make ondevice' first." in said.replace("\n", " ")
    assert not (tmp_path / "site").exists()
