"""The real Hub client uploads to a real server on 127.0.0.1, and the app pulls from it what was published."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils import disable_progress_bars, enable_progress_bars
from typer.testing import CliRunner, Result

from export import __main__ as cli
from export.release import publish
from skinapp.assessment.assessor import Assessor
from skinapp.model import hub
from skinapp.model.spec import ModelSpec
from tests import TINY_MODEL
from tests.support import drawings
from tests.support.fake_hub import Fault, Hub, serve

NOWHERE = "http://127.0.0.1:1"
MODEL = {"README.md", "config.json", "metrics.json", "model_fp32.onnx", "plots/roc.svg"}
PROGRAM = {
    "LICENSE",
    "NOTICE",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "EXPERIMENTS.md",
    "SECURITY.md",
    "app.py",
    "docs/api.md",
    "docs/images/answer-light.webp",
    "requirements.txt",
    "skinapp/__init__.py",
    "skinapp/web/static/styles/page.css",
}
INSTALLED = {
    f"skinapp/web/static/onnxruntime/{name}"
    for name in (
        "LICENSE", "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm.gz", "ort.webgpu.bundle.min.mjs",
        "ort-wasm-simd-threaded.asyncify.wasm.gz", "version.txt",
    )
}  # fmt: skip
"""Of these, git tracks the licence alone."""
STRAYS = (
    "tests/test_app.py", "runs/best.safetensors", "Makefile", "skinapp/__pycache__/app.pyc", "skinapp/.env", "skinapp/me.jpg",
    "skinapp/weights/old.onnx", ".venv/bin/python",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole model folder, and beside it what must stay here."""
    made = tmp_path / "made"
    shutil.copytree(TINY_MODEL, made, ignore=shutil.ignore_patterns("__pycache__"))
    (made / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A tiny model\n![ROC](plots/roc.svg)\n")
    (made / "metrics.json").write_text("{}\n")
    for stray in ("plots/roc.svg", "plots/mole.png", "plots/.DS_Store", "photo.jpg", "token", ".cache/x", "model_old.onnx"):
        (made / stray).parent.mkdir(exist_ok=True)
        (made / stray).write_bytes(b"drawn")
    return made


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout of a program, with what must not go: tracked (the first four) and not."""
    root = tmp_path / "checkout"
    for name in (*PROGRAM, *INSTALLED, *STRAYS):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"this is {name}\n")
    git(root, "init", "--quiet")
    git(root, "add", "--force", *PROGRAM, *STRAYS[:3], "skinapp/weights/old.onnx")
    git(root, "-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "--quiet", "--message=all")
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True)


@pytest.fixture
def site(checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hub:
    """A Hub that knows "me" by a token, a client that knows no other Hub, and a program to make a Space of."""
    with serve() as running:
        running.accounts["secret"] = "me"
        point_client_at(running.url, monkeypatch)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_XET"):
            monkeypatch.setattr(constants, name, False)
        monkeypatch.setenv("HF_TOKEN", "secret")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(publish, "ROOT", checkout)
        monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client's pauses between its tries
        disable_progress_bars()
        yield running
        enable_progress_bars()


def point_client_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", url)
    # Where the client of this environment looks it up; the runtime's looks in `constants`.
    monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["publish", "me/skin", "--folder", str(folder), *arguments])


def commits(site: Hub) -> int:
    return sum("/commit/" in request for request in site.asked)


def sent(site: Hub) -> list[str]:
    """The requests that changed something on the Hub."""
    return [
        asked
        for asked in site.asked
        if any(mark in asked for mark in ("PUT", "/commit/", "/tag/", "POST /api/spaces/me/demo/variables"))
    ]


def test_the_app_pulls_what_was_published_and_answers_as_the_folder_does(site: Hub, folder: Path) -> None:
    assert run(folder).exit_code == 0
    source = hub.fetch("me/skin@v1", lambda spec: next(iter(spec.files)))
    assert (source.id, source.revision, source.notice) == ("me/skin", site.repos["me/skin"].refs["v1"], None)
    photo = drawings.encoded(drawings.lesion(seed=5))
    reports = [Assessor.load(model, "cpu").read_and_assess(photo)[1].to_dict() for model in ("me/skin@v1", str(folder))]
    assert [report.pop("model")["id"] for report in reports] == ["me/skin", "made"]
    for report in reports:
        del report["elapsed_ms"]
    assert reports[0] == reports[1]


def test_the_model_folder_goes_in_one_commit_with_a_tag_and_nothing_else_of_it_does(site: Hub, folder: Path) -> None:
    ran = run(folder)
    repo = site.repos["me/skin"]
    assert repo.refs["v1"] == repo.refs["main"] and commits(site) == 1
    assert ran.output.splitlines()[-1] == f"model me/skin: uploaded as {repo.refs['v1'][:12]}, tagged v1"
    assert {name: data for name, data in repo.commits[repo.refs["v1"]].items() if name != ".gitattributes"} == {
        name: (folder / name).read_bytes() for name in MODEL
    }
    assert [asked.partition(" ")[0] for asked in sent(site)] == ["storage", "hub", "hub"] and not repo.private


def test_the_space_is_the_committed_program_with_the_model_and_answers_with_its_tag(site: Hub, folder: Path) -> None:
    ran = run(folder, "--space", "me/demo", "--tag", "v2", "--private")
    repo = site.repos["spaces/me/demo"]
    commit = repo.refs["main"]
    assert ran.output.splitlines()[-2:] == [
        f"space me/demo: uploaded as {commit[:12]}, SKINAPP_MODEL=me/skin@v2",
        "The Space can read a private model only with a secret HF_TOKEN: add one to its settings.",
    ]
    assert repo.commits[commit].keys() - {".gitattributes"} == PROGRAM | INSTALLED | {f"skinapp/weights/{name}" for name in MODEL}
    assert repo.commits[commit]["skinapp/weights/config.json"] == (folder / "config.json").read_bytes()
    assert repo.commits[commit]["app.py"] == b"this is app.py\n"
    assert repo.variables == {"SKINAPP_MODEL": "me/skin@v2"} and repo.private and site.repos["me/skin"].private
    assert [asked.rpartition("me/")[2] for asked in sent(site)[-2:]] == ["demo/variables", "demo/commit/main"]


def test_a_dry_run_lists_what_would_go_and_asks_no_network(site: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    ran = run(folder, "--space", "me/demo", "--dry-run")
    listed = ran.output.splitlines()
    files = [line.split() for line in listed if line.startswith(" ")]
    size = sum((folder / name).stat().st_size for name in MODEL)
    assert listed[0] == f"model me/skin, tag v1: 5 files, {size:,} bytes"
    assert [path for _, path in files[:5]] == sorted(MODEL)
    assert {path for _, path in files[5:]} == PROGRAM | INSTALLED | {f"skinapp/weights/{name}" for name in MODEL}
    assert listed[6].startswith("space me/demo, SKINAPP_MODEL=me/skin@v1: 24 files, ")
    assert ["15", "app.py"] in files and ran.exit_code == 0 and site.asked == []


def test_publishing_the_same_again_sends_nothing_and_says_so(site: Hub, folder: Path) -> None:
    run(folder, "--space", "me/demo")
    before = sent(site)
    ran = run(folder, "--space", "me/demo")
    assert sent(site) == before
    commit = site.repos["spaces/me/demo"].refs["main"]
    assert ran.output.splitlines()[-2:] == [
        "model me/skin: nothing to do, tag v1 holds these files",
        f"space me/demo: nothing to upload since {commit[:12]}, SKINAPP_MODEL=me/skin@v1",
    ]
    assert run(folder, "--tag", "v2").output.splitlines()[-1].startswith("model me/skin: nothing to upload since ")
    assert commits(site) == 2 and site.repos["me/skin"].refs["v2"] == site.repos["me/skin"].refs["v1"]


def test_a_tag_never_moves_and_a_new_one_takes_a_second_commit(site: Hub, folder: Path) -> None:
    run(folder)
    before = sent(site)
    (folder / "metrics.json").write_text('{"better": true}\n')
    ran = run(folder)
    assert (ran.exit_code, ran.stderr) == (2, "me/skin already has a tag v1 with other files; give another --tag.\n")
    assert sent(site) == before
    assert run(folder, "--tag", "v2").exit_code == 0
    repo = site.repos["me/skin"]
    assert repo.refs["v2"] == repo.refs["main"] != repo.refs["v1"]
    assert sum("PUT" in asked for asked in site.asked) == 1  # the weights are there already


def refuse(folder: Path, *arguments: str) -> str:
    """The one line that a refusal says."""
    ran = run(folder, *arguments)
    assert ran.exit_code == 2 and ran.stderr.count("\n") == 1, ran.output
    return ran.stderr.strip()


def test_a_wrong_model_folder_is_refused_before_anything_is_asked(site: Hub, folder: Path) -> None:
    for name in ("plots/roc.svg", "metrics.json", "README.md"):
        (folder / name).unlink()
        assert refuse(folder) == f"{folder} holds no {name}; build the folder again with 'python -m export build'."
    with (folder / "model_fp32.onnx").open("ab") as file:
        file.write(b"\0")
    assert refuse(folder).startswith(f"{folder}/model_fp32.onnx is not the file that config.json describes (sha256 ")
    (folder / "model_fp32.onnx").unlink()
    assert refuse(folder) == f"{folder}/model_fp32.onnx is missing; fetch the model folder again or export it."
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"label_names": config["label_names"][::-1]}))
    assert "the lesions must be akiec, bcc, bkl, df, mel, nv, vasc, in this order" in refuse(folder)
    assert refuse(folder / "none").startswith(f"{folder}/none holds no config.json; ")
    assert site.asked == []


def test_a_token_in_a_file_is_refused_before_anything_is_asked(site: Hub, folder: Path) -> None:
    (folder / "metrics.json").write_text('{"by": "hf_' + "a" * 34 + '"}')
    assert refuse(folder) == f"{folder}/metrics.json holds what looks like a Hub token; take it out and revoke it."
    assert site.asked == []


def test_a_space_without_its_on_device_tab_is_refused(site: Hub, folder: Path, checkout: Path) -> None:
    place = checkout / "skinapp/web/static/onnxruntime"
    (place / "version.txt").unlink()
    assert refuse(folder, "--space", "me/demo") == (
        f"{place} lacks version.txt, which the On-device tab needs; run 'make ondevice' first."
    )
    assert site.asked == []


def test_a_program_that_is_not_committed_is_refused(site: Hub, folder: Path, checkout: Path, tmp_path: Path) -> None:
    (checkout / "app.py").write_text("tried something\n")
    assert refuse(folder, "--space", "me/demo") == (
        "app.py differs from what is committed; commit or undo it, so that the Space is a known state."
    )
    shutil.rmtree(checkout / ".git")
    assert refuse(folder, "--space", "me/demo").startswith(
        f"{checkout} can't be asked what belongs to the program (fatal: not a git"
    )
    assert site.asked == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["--tag", "a b"], "me/skin@a b"), (["--space", "demo"], "demo"), (["--tag", ""], "me/skin@")],
)
def test_a_name_that_no_hub_has_is_refused(site: Hub, folder: Path, arguments: list[str], named: str) -> None:
    assert (
        refuse(folder, *arguments)
        == f"{named!r} is no name on the Hub; give OWNER/NAME, and a tag of letters, digits, dots and dashes."
    )


def test_without_a_token_it_says_how_to_get_one(site: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert refuse(folder) == "There is no Hub token here; set HF_TOKEN to one with the right to write, or run 'hf auth login'."
    monkeypatch.setenv("HF_TOKEN", "guessed")
    assert (
        refuse(folder) == "The Hub doesn't know the token (HTTP 401); set HF_TOKEN to one that is valid, with the right to write."
    )
    site.accounts["guessed"] = "you"
    assert (
        refuse(folder)
        == "The token may not write to me/skin (HTTP 403); set HF_TOKEN to one of its owner, with the right to write."
    )
    monkeypatch.setenv("HF_TOKEN", "secret")
    run(folder)
    (folder / "metrics.json").write_text("[]")
    monkeypatch.setenv("HF_TOKEN", "guessed")
    assert refuse(folder, "--tag", "v2").startswith("The token may not write to me/skin (HTTP 403); ")


def test_a_hub_that_is_down_is_said_in_one_line(site: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_client_at(NOWHERE, monkeypatch)
    said = refuse(folder)
    assert said.startswith("The Hub can't be reached (") and "Connection refused" in said
    assert said.endswith("); give the command again later: what it has isn't sent again.")


@pytest.mark.parametrize(
    ("request_", "seen"),
    [
        ("hub POST /api/models/me/skin/commit/main", "HTTP 503"),
        ("hub POST /api/models/me/skin/preupload/main", "HTTP 503"),
        ("hub POST /api/models/me/skin/tag/", "HTTP 503"),
        ("storage PUT ", "HTTP 503"),
    ],
)
def test_an_upload_that_breaks_off_is_said_and_goes_on_with_the_next_try(
    site: Hub, folder: Path, request_: str, seen: str
) -> None:
    spec = ModelSpec.read(folder)
    whole = request_ + (spec.files["model_fp32.onnx"].sha256 if request_.endswith("PUT ") else "")
    if request_.endswith("/tag/"):
        run(folder, "--tag", "v0")
        whole += site.repos["me/skin"].refs["v0"]
    site.faults.append(Fault(whole, status=503))
    assert refuse(folder) == f"The Hub can't be reached ({seen}); give the command again later: what it has isn't sent again."
    site.faults.clear()
    assert run(folder).exit_code == 0 and site.repos["me/skin"].refs["v1"] == site.repos["me/skin"].refs["main"]
    assert commits(site) <= 2
