"""The real Hub client against a real server on 127.0.0.1; neither network nor this machine's own cache is touched."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from skinapp.errors import HubError, ModelError
from skinapp.model import hub
from skinapp.model.hub import LocalModel, fetch
from skinapp.model.spec import ModelFile, ModelSpec
from tests import TINY_MODEL
from tests.support.fake_hub import Fault, Hub, serve

pytestmark = pytest.mark.skipif(
    huggingface_hub.__version__.startswith("0."),
    reason="the runtime's client is version 2; train/ and export/ have 0.36",
)

INT8, W8 = "model_int8.onnx", "model_w8.onnx"
NOWHERE = "http://127.0.0.1:1"
REFUSED = "[Errno 111] Connection refused"


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with serve() as running:
        yield running


@pytest.fixture
def site(server: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hub:
    """An empty Hub, a client that knows no other, an empty cache, no token, and an embedded model of known bytes."""
    server.repos.clear()
    server.faults.clear()
    server.requests.clear()
    point_client_at(server.url, monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_XET"):
        monkeypatch.setattr(constants, name, False)
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", constants.DEFAULT_ETAG_TIMEOUT)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", constants.DEFAULT_DOWNLOAD_TIMEOUT)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(hub, "EMBEDDED", folder(tmp_path / "embedded", {INT8: b"embedded"}))
    return server


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the client's pauses between its tries."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def point_client_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


def spec(files: dict[str, bytes]) -> ModelSpec:
    """A spec that describes these weight files truly."""
    entries = {name: ModelFile(hashlib.sha256(data).hexdigest(), name, ("CPU",)) for name, data in files.items()}
    return replace(ModelSpec.read(TINY_MODEL), files=entries)


def folder(path: Path, files: dict[str, bytes]) -> Path:
    path.mkdir(parents=True)
    spec(files).write(path)
    for name, data in files.items():
        (path / name).write_bytes(data)
    return path


def publish(site: Hub, tmp_path: Path, data: bytes = b"eight bits", repo: str = "me/skin", **where: str) -> str:
    """Store a whole model folder on the Hub, as `export publish` would; its commit."""
    made = folder(tmp_path / f"made{len(list(tmp_path.iterdir()))}", {INT8: data, W8: b"wide " + data})
    (made / "model.safetensors").write_bytes(b"trained")
    return site.commit(repo, {path.name: path.read_bytes() for path in made.iterdir()}, **where)


def int8(spec: ModelSpec) -> str:
    """The rule of a machine that runs the first file there is."""
    return next(iter(spec.files))


def w8(spec: ModelSpec) -> str:
    """The rule of a machine that prefers the wide file."""
    return W8 if W8 in spec.files else INT8


def short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def weights(source: LocalModel) -> bytes:
    return (source.folder / source.file).read_bytes()


def cached(source: LocalModel) -> Path:
    """Where the bytes of a pulled weight file really lie."""
    return (source.folder / source.file).resolve()


def from_cache(seen: str, commit: str) -> str:
    return (
        f"me/skin can't be had from the Hub ({seen}), so revision {commit[:12]} answers from the cache; it may not be the newest."
    )


def from_embedded(seen: str) -> str:
    return (
        f"me/skin can't be had from the Hub ({seen}) and isn't in the cache, "
        "so the embedded model answers instead; start again when the Hub is back."
    )


def complaint(call: Callable[[], object], kind: type[ModelError] = ModelError) -> str:
    with pytest.raises(ModelError) as caught:
        call()
    assert caught.type is kind
    return str(caught.value)


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_model_means_the_embedded_one(site: Hub, nothing: str | None) -> None:
    source = fetch(nothing, int8)
    assert (source.folder, source.file, source.id, source.notice) == (hub.EMBEDDED, INT8, "embedded", None)
    assert source.revision == hashlib.sha256((hub.EMBEDDED / "config.json").read_bytes()).hexdigest()[:12]
    assert source.spec == ModelSpec.read(hub.EMBEDDED)
    assert site.asked == []


def test_a_folder_is_used_as_it_is_and_called_by_its_name(site: Hub, tmp_path: Path) -> None:
    source = fetch(str(folder(tmp_path / "mine", {INT8: b"mine"})), int8)
    assert (source.id, weights(source), source.notice) == ("mine", b"mine", None)
    assert site.asked == []


def test_a_relative_folder_wins_over_a_hub_model_of_the_same_name(
    site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path / "me" / "skin", {INT8: b"mine"})
    publish(site, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert weights(fetch("me/skin", int8)) == b"mine"
    assert site.asked == []


def test_the_folder_one_stands_in_still_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder(tmp_path / "mine", {INT8: b"mine"}))
    assert fetch(".", int8).id == "mine"


def test_a_weight_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    mine = folder(tmp_path / "mine", {INT8: b"mine"})
    (mine / INT8).write_bytes(b"evil")
    assert complaint(lambda: fetch(str(mine), int8)) == (
        f"{mine}/model_int8.onnx is not the file that config.json describes "
        f"(sha256 {short(b'evil')}, expected {short(b'mine')}); fetch or build the model folder again."
    )


def test_a_missing_weight_file_is_named(tmp_path: Path) -> None:
    mine = folder(tmp_path / "mine", {INT8: b"mine"})
    (mine / INT8).unlink()
    assert complaint(lambda: fetch(str(mine), int8)) == (
        f"{mine}/model_int8.onnx is missing; fetch the model folder again or export it."
    )


def test_the_next_best_file_answers_where_a_folder_leaves_out_the_best(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mine = folder(tmp_path / "mine", {INT8: b"mine", W8: b"wide"})
    (mine / W8).unlink()
    source = fetch(str(mine), w8)
    assert (source.file, source.spec) == (INT8, ModelSpec.read(mine))
    assert source.notice == (
        f"{mine} holds no model_w8.onnx, which suits this machine best, so model_int8.onnx answers; "
        "'python -m export build' makes it."
    )
    assert caplog.messages == [source.notice]


@pytest.mark.parametrize("missing", ["/no/such/folder", "./no/such", "~/no/such"])
def test_a_missing_folder_is_named(missing: str) -> None:
    assert complaint(lambda: fetch(missing, int8)) == (
        f"{Path(missing).expanduser()} is not a folder; give a model folder made by 'python -m export build', "
        "or OWNER/NAME[@REVISION] of a Hub model."
    )


def test_a_folder_without_config_is_no_model_folder(tmp_path: Path) -> None:
    assert complaint(lambda: fetch(str(tmp_path), int8)) == (
        f"{tmp_path} holds no config.json; give a model folder made by 'python -m export build'."
    )


@pytest.mark.parametrize(
    "nonsense",
    [
        "skin",
        "me/skin/more",
        "me skin",
        "me/skin@",
        "me/skin@../../x",
        "~nobody-here/skin",
        "https://hub/me/skin",
        "nul\0/x",
        "é/skin",
        "x" * 5000,
    ],
)
def test_what_is_neither_folder_nor_id_is_refused_without_a_request(site: Hub, nonsense: str) -> None:
    assert complaint(lambda: fetch(nonsense, int8)) == (
        f"{nonsense!r} is neither a model folder nor a Hub model; give a folder that exists, or OWNER/NAME[@REVISION]."
    )
    assert site.asked == []


@pytest.mark.parametrize("revision", ["", "@" + "0" * 40])
def test_an_id_that_the_hub_forbids_is_refused_without_a_request(site: Hub, revision: str) -> None:
    assert complaint(lambda: fetch("me/sk--in" + revision, int8)) == (
        "'me/sk--in' is neither a model folder nor a Hub model; give a folder that exists, or OWNER/NAME[@REVISION]."
    )
    assert site.asked == []


def test_only_config_and_the_wanted_file_are_pulled(site: Hub, tmp_path: Path) -> None:
    commit = publish(site, tmp_path)
    source = fetch("me/skin", w8)
    assert (source.id, source.revision, source.file, source.notice) == ("me/skin", commit, W8, None)
    assert weights(source) == b"wide eight bits"
    assert [str(request) for request in site.requests if request.method == "GET"] == [
        "hub GET config.json",
        f"storage GET {W8}",
    ]
    assert {path.name for path in source.folder.iterdir()} == {"config.json", W8}


def test_a_second_start_downloads_nothing(site: Hub, tmp_path: Path) -> None:
    publish(site, tmp_path)
    first = fetch("me/skin", int8)
    site.requests.clear()
    assert fetch("me/skin", int8) == first
    assert site.asked == ["hub HEAD config.json", "hub HEAD config.json"]


def test_a_new_commit_of_the_branch_is_pulled(site: Hub, tmp_path: Path) -> None:
    publish(site, tmp_path)
    fetch("me/skin", int8)
    commit = publish(site, tmp_path, b"better")
    source = fetch("me/skin", int8)
    assert (source.revision, weights(source)) == (commit, b"better")


@pytest.mark.parametrize("tag", ["v1", "refs/pr/1"])
def test_a_revision_can_be_pinned_by_name(site: Hub, tmp_path: Path, tag: str) -> None:
    old = publish(site, tmp_path, b"old", ref=tag)
    publish(site, tmp_path, b"new")
    source = fetch(f"me/skin@{tag}", int8)
    assert (source.id, source.revision, weights(source)) == ("me/skin", old, b"old")


def test_a_revision_pinned_by_its_commit_asks_the_hub_once_and_never_again(
    site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = publish(site, tmp_path, b"old")
    publish(site, tmp_path, b"new")
    first = fetch(f"me/skin@{old}", int8)
    assert (first.revision, weights(first)) == (old, b"old")
    point_client_at(NOWHERE, monkeypatch)
    assert fetch(f"me/skin@{old}", int8) == first


def test_nothing_is_told_to_the_hub_but_the_request(site: Hub, tmp_path: Path) -> None:
    publish(site, tmp_path)
    fetch("me/skin", int8)
    assert {request.authorization for request in site.requests} == {None}
    assert constants.HF_HUB_DISABLE_TELEMETRY
    assert all(request.file in ("config.json", INT8) for request in site.requests)


def test_a_login_stored_on_this_machine_is_not_sent(site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("hf_stored")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    publish(site, tmp_path)
    fetch("me/skin", int8)
    assert {request.authorization for request in site.requests} == {None}


def test_the_token_of_the_environment_opens_a_private_model_and_stays_from_the_storage(
    site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(site, tmp_path)
    site.repos["me/skin"].token = "hf_mine"
    monkeypatch.setenv("HF_TOKEN", " hf_mine\n")
    assert weights(fetch("me/skin", int8)) == b"eight bits"
    assert {(request.host, request.authorization) for request in site.requests} == {
        ("hub", "Bearer hf_mine"),
        ("storage", None),
    }


def test_an_unknown_model_is_refused(site: Hub) -> None:
    assert complaint(lambda: fetch("me/sink", int8), HubError) == (
        "me/sink is neither a folder here nor a Hub model that you may read (HTTP 404); "
        "check the name, or set HF_TOKEN to a token that may read it."
    )


def test_a_private_model_is_refused_without_a_token(site: Hub, tmp_path: Path) -> None:
    publish(site, tmp_path)
    site.repos["me/skin"].token = "hf_mine"
    assert complaint(lambda: fetch("me/skin", int8), HubError) == (
        "me/skin is neither a folder here nor a Hub model that you may read (HTTP 401); "
        "check the name, or set HF_TOKEN to a token that may read it."
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_the_users_to_mend(site: Hub, tmp_path: Path, status: int) -> None:
    publish(site, tmp_path)
    site.faults.append(Fault("hub HEAD config.json", status=status))
    assert complaint(lambda: fetch("me/skin", int8), HubError) == (
        f"me/skin is neither a folder here nor a Hub model that you may read (HTTP {status}); "
        "check the name, or set HF_TOKEN to a token that may read it."
    )


def test_a_gated_model_asks_to_accept_its_terms(site: Hub, tmp_path: Path) -> None:
    publish(site, tmp_path)
    site.faults.append(Fault("hub HEAD config.json", status=403, code="GatedRepo"))
    assert complaint(lambda: fetch("me/skin", int8), HubError) == (
        "me/skin is gated on the Hub (HTTP 403); accept its terms there and set HF_TOKEN to a token of that account."
    )


@pytest.mark.parametrize("revision", ["v9", "0" * 40])
def test_an_unknown_revision_is_refused_even_where_another_is_cached(site: Hub, tmp_path: Path, revision: str) -> None:
    publish(site, tmp_path)
    fetch("me/skin", int8)
    assert complaint(lambda: fetch(f"me/skin@{revision}", int8), HubError) == (
        f"me/skin has no revision '{revision}' on the Hub; name one of its branches, tags or commits."
    )


def test_a_model_without_config_is_refused(site: Hub) -> None:
    site.commit("me/skin", {"README.md": b"soon"})
    assert complaint(lambda: fetch("me/skin", int8), HubError) == (
        "me/skin at revision main holds no config.json on the Hub; "
        "name a model made by 'python -m export build' or another revision."
    )


def test_a_weight_file_that_the_hub_lacks_is_named(site: Hub, tmp_path: Path) -> None:
    config = folder(tmp_path / "made", {INT8: b"x"}) / "config.json"
    site.commit("me/skin", {"config.json": config.read_bytes()})
    assert complaint(lambda: fetch("me/skin", int8), HubError) == (
        "me/skin at revision main holds no model_int8.onnx on the Hub; "
        "name a model made by 'python -m export build' or another revision."
    )


def test_a_model_of_another_kind_is_refused(site: Hub) -> None:
    commit = site.commit("me/cats", {"config.json": b'{"architecture": "cats"}'})
    message = complaint(lambda: fetch("me/cats", int8), HubError)
    assert message == (
        f"me/cats at revision {commit[:12]} has a config.json that is wrong even after a new download "
        f"({constants.HF_HUB_CACHE}/models--me--cats/snapshots/{commit}/config.json: skinapp is missing); "
        "name another revision or tell the model's owner."
    )


def test_a_server_that_is_no_hub_is_refused_where_it_says_so(site: Hub, tmp_path: Path) -> None:
    publish(site, tmp_path)
    site.faults.append(Fault("hub HEAD config.json", status=410))
    assert complaint(lambda: fetch("me/skin", int8), HubError) == (
        "The Hub answers HTTP 410 for me/skin at revision main; check the name and HF_ENDPOINT."
    )


def test_wrong_bytes_from_the_hub_are_refused_after_a_second_download(site: Hub, tmp_path: Path) -> None:
    commit = publish(site, tmp_path)
    site.faults.append(Fault(f"storage GET {INT8}", body=b"eight bugs"))
    assert complaint(lambda: fetch("me/skin", int8), HubError) == (
        f"me/skin at revision {commit[:12]} has a model_int8.onnx that is wrong even after a new download "
        f"({constants.HF_HUB_CACHE}/models--me--skin/snapshots/{commit}/model_int8.onnx is not the file "
        f"that config.json describes (sha256 {short(b'eight bugs')}, expected {short(b'eight bits')})); "
        "name another revision or tell the model's owner."
    )
    assert site.asked.count(f"storage GET {INT8}") == 2


@pytest.mark.parametrize("pin", [False, True])
def test_a_tampered_cache_is_healed_by_one_new_download(site: Hub, tmp_path: Path, pin: bool) -> None:
    model = "me/skin@" + publish(site, tmp_path) if pin else "me/skin"
    publish(site, tmp_path)
    first = fetch(model, int8)
    cached(first).write_bytes(b"eight bugs")
    site.requests.clear()
    assert fetch(model, int8) == first
    assert weights(first) == b"eight bits"
    assert site.asked.count(f"storage GET {INT8}") == 1


def test_a_cached_link_that_was_replaced_by_a_file_is_healed_too(site: Hub, tmp_path: Path) -> None:
    publish(site, tmp_path)
    first = fetch("me/skin", int8)
    (first.folder / INT8).unlink()
    (first.folder / INT8).write_bytes(b"eight bugs")
    assert weights(fetch("me/skin", int8)) == b"eight bits"


def test_an_emptied_config_in_the_cache_is_healed(site: Hub, tmp_path: Path) -> None:
    publish(site, tmp_path)
    first = fetch("me/skin", int8)
    (first.folder / "config.json").resolve().write_bytes(b"")
    assert fetch("me/skin", int8) == first


def test_a_tampered_cache_without_the_hub_is_refused(site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(site, tmp_path)
    first = fetch("me/skin", int8)
    cached(first).write_bytes(b"eight bugs")
    point_client_at(NOWHERE, monkeypatch)
    assert complaint(lambda: fetch("me/skin", int8)) == (
        f"{first.folder}/model_int8.onnx is not the file that config.json describes "
        f"(sha256 {short(b'eight bugs')}, expected {short(b'eight bits')}); fetch or build the model folder again."
    )


def test_a_cache_that_cannot_be_written_is_not_blamed_on_the_hub(
    site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(site, tmp_path)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file"))
    message = complaint(lambda: fetch("me/skin", int8), HubError)
    assert message.startswith("me/skin can't be kept in the cache ([Errno 20] Not a directory: ")
    assert message.endswith("); free space there or set HF_HOME to a folder that can be written.")


def test_without_hub_and_cache_the_embedded_model_answers_and_says_so(
    site: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    point_client_at(NOWHERE, monkeypatch)
    source = fetch("me/skin", int8)
    assert source == replace(fetch(None, int8), notice=from_embedded(REFUSED))
    assert weights(source) == b"embedded"
    assert [(record.levelname, record.message) for record in caplog.records] == [("WARNING", source.notice)]


def test_without_hub_the_cache_answers_and_says_so(site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = publish(site, tmp_path)
    first = fetch("me/skin", int8)
    point_client_at(NOWHERE, monkeypatch)
    assert fetch("me/skin", int8) == replace(first, notice=from_cache(REFUSED, commit))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_ailing_hub_counts_as_out_of_reach(site: Hub, tmp_path: Path, status: int) -> None:
    commit = publish(site, tmp_path)
    site.faults.append(Fault("hub HEAD config.json", status=status))
    assert fetch("me/skin", int8).notice == from_embedded(f"HTTP {status}")
    assert site.asked == ["hub HEAD config.json"]
    site.faults.clear()
    fetch("me/skin", int8)
    site.faults.append(Fault("hub HEAD config.json", status=status))
    assert fetch("me/skin", int8).notice == from_cache(f"HTTP {status}", commit)


def test_a_page_that_answers_for_the_hub_counts_as_out_of_reach(site: Hub) -> None:
    """As the login page of a guest network does."""
    site.faults.append(Fault("hub HEAD config.json", status=200))
    assert fetch("me/skin", int8).notice == from_embedded(f"{site.url} doesn't answer as a Hub does")


def test_offline_mode_works_from_the_cache(site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = publish(site, tmp_path)
    first = fetch("me/skin", int8)
    site.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch("me/skin", int8) == replace(first, notice=from_cache("HF_HUB_OFFLINE is set", commit))
    assert fetch("me/skin", w8).notice == from_embedded("HF_HUB_OFFLINE is set")
    assert site.asked == []


def test_the_environments_names_for_hub_and_cache_hold(site: Hub, tmp_path: Path) -> None:
    publish(site, tmp_path)
    script = (
        "from skinapp.model.hub import fetch; "
        "source = fetch('me/skin', lambda spec: next(iter(spec.files))); print(source.id, source.notice)"
    )
    told = os.environ | {"HF_ENDPOINT": site.url, "HF_HUB_CACHE": str(tmp_path / "other"), "HF_HOME": str(tmp_path)}
    for more, answer in (
        ({}, "me/skin None"),
        ({"HF_HUB_OFFLINE": "1"}, "me/skin " + from_cache("HF_HUB_OFFLINE is set", site.repos["me/skin"].refs["main"])),
    ):
        run = subprocess.run([sys.executable, "-c", script], env=told | more, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == answer


def test_a_connection_cut_once_is_resumed_where_it_broke(site: Hub, tmp_path: Path, hurried: None) -> None:
    publish(site, tmp_path)
    site.faults.append(Fault(f"storage GET {INT8}", cut=3, times=1))
    source = fetch("me/skin", int8)
    assert (weights(source), source.notice) == (b"eight bits", None)


def test_a_connection_cut_again_and_again_counts_as_out_of_reach(site: Hub, tmp_path: Path, hurried: None) -> None:
    publish(site, tmp_path)
    site.faults.append(Fault(f"storage GET {INT8}", cut=3))
    source = fetch("me/skin", int8)
    assert source.id == "embedded"
    assert source.notice == from_embedded(
        "peer closed connection without sending complete message body (received 3 bytes, expected 10)"
    )


def test_a_storage_that_fails_leaves_the_last_whole_commit_in_use(site: Hub, tmp_path: Path) -> None:
    old = publish(site, tmp_path)
    first = fetch("me/skin", int8)
    publish(site, tmp_path, b"better")
    site.faults.append(Fault(f"storage GET {INT8}", status=503))
    assert fetch("me/skin", int8) == replace(first, notice=from_cache("HTTP 503", old))


def test_a_hub_lost_while_a_tampered_cache_heals_counts_as_out_of_reach(site: Hub, tmp_path: Path) -> None:
    publish(site, tmp_path)
    cached(fetch("me/skin", int8)).write_bytes(b"eight bugs")
    site.faults.append(Fault(f"hub HEAD {INT8}", status=503))
    assert fetch("me/skin", int8).notice == from_embedded("HTTP 503")


def test_a_hub_that_never_answers_is_given_up(site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(site, tmp_path)
    site.faults.append(Fault("hub HEAD config.json", silent=True))
    monkeypatch.setattr(hub, "SILENCE_S", 0.3)
    started = time.monotonic()
    assert fetch("me/skin", int8).notice == from_embedded("timed out")
    assert time.monotonic() - started < 10


def test_a_hub_that_answers_the_first_question_alone_is_given_up(
    site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left to itself the client would try for six minutes."""
    publish(site, tmp_path)
    site.faults.append(Fault("hub GET config.json", silent=True))
    monkeypatch.setattr(hub, "ANSWER_S", 0.5)
    started = time.monotonic()
    assert fetch("me/skin", int8).notice == from_embedded("no answer within 0.5 seconds")
    assert time.monotonic() - started < 10


def test_a_download_that_stalls_is_given_up_after_six_tries(
    site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hurried: None
) -> None:
    publish(site, tmp_path)
    site.faults.append(Fault(f"storage GET {INT8}", cut=3, silent=True))
    monkeypatch.setattr(hub, "SILENCE_S", 0.3)
    assert fetch("me/skin", int8).notice == from_embedded("timed out")
    assert site.asked.count(f"storage GET {INT8}") == 6


def test_a_download_without_end_is_given_up(site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(site, tmp_path)
    site.faults.append(Fault(f"storage GET {INT8}", cut=3, silent=True))
    monkeypatch.setattr(hub, "DOWNLOAD_S", 0.5)
    assert fetch("me/skin", int8).notice == from_embedded("no answer within 0.5 seconds")


def test_waits_that_the_environment_sets_stay(site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(site, tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 7)
    fetch("me/skin", int8)
    assert (constants.HF_HUB_ETAG_TIMEOUT, constants.HF_HUB_DOWNLOAD_TIMEOUT) == (7, hub.SILENCE_S)


def test_importing_the_room_does_not_load_the_client() -> None:
    script = "import sys, skinapp.model.hub; print('huggingface_hub' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
