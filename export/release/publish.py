"""python -m export publish OWNER/NAME [--space OWNER/NAME]

Uploads a model folder to the Hub in one commit with a tag, and the Space that answers with it. Only what is named here goes: of
a model folder what its config.json describes, its texts and the plots of its card; of the program what git tracks of it, and
ONNX Runtime for browsers, which `make ondevice` installs and a Space can't.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import RepoFile

from skinapp.errors import SkinAppError
from skinapp.model.hub import EMBEDDED, HUB_MODEL
from skinapp.model.spec import CONFIG, ModelSpec, sha256
from skinapp.web.bundles import onnxruntime_web

ROOT = Path(__file__).parents[2]
"""Of the checkout that the Space is made of."""
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "EXPERIMENTS.md", "CHANGELOG.md", "docs")
PROGRAM = ("app.py", "requirements.txt", *PAGES, "LICENSE", "NOTICE", "skinapp")
"""What a Space needs of the checkout; README.md holds its header, and leads to the other pages and pictures."""
INSIDE = EMBEDDED.relative_to(ROOT).as_posix()
"""Where the Space embeds the published model, which answers where the Hub can't be reached."""
CARD = "README.md"
PLOT = re.compile(r"\bplots/\w+\.(?:png|svg)\b")
"""A plot, as the card shows it: whatever else lies in the folder may be a photo."""
TOKEN = re.compile(rb"\bhf_[A-Za-z0-9]{30,}")
VARIABLE = "SKINAPP_MODEL"
MESSAGE = "Publish with python -m export publish"


class PublishError(SkinAppError):
    """A model or Space that can't be published."""


@dataclass(frozen=True)
class Upload:
    """One commit to a repository: the files by their paths there. `kind` is "model" or "space"."""

    kind: str
    repo: str
    files: dict[str, Path]


@dataclass(frozen=True)
class Publication:
    """All that goes. The Space is told to answer with the model at its tag."""

    model: Upload
    space: Upload | None
    tag: str
    private: bool

    @property
    def name(self) -> str:
        """What the app calls the published model."""
        return f"{self.model.repo}@{self.tag}"


def plan(folder: Path, repo: str, space: str | None, tag: str, private: bool) -> Publication:
    """What is to go, read and checked on this machine alone: every weight file has the hash that config.json states."""
    for name in filter(None, (f"{repo}@{tag}", space)):
        if HUB_MODEL.fullmatch(name) is None:
            raise PublishError(f"{name!r} is no name on the Hub; give OWNER/NAME, and a tag of letters, digits, dots and dashes.")
    model = _model_files(folder)
    program = None
    if space is not None:
        inside = {f"{INSIDE}/{path}": file for path, file in model.items()}
        program = Upload("space", space, _program(ROOT) | inside)
    publication = Publication(Upload("model", repo, model), program, tag, private)
    for path in {file for upload in _uploads(publication) for file in upload.files.values()}:
        if TOKEN.search(path.read_bytes()):
            raise PublishError(f"{path} holds what looks like a Hub token; take it out and revoke it.")
    return publication


def listing(publication: Publication) -> Iterator[str]:
    """What goes where, a line a file: its size in bytes and its path there."""
    for upload in _uploads(publication):
        sizes = {path: file.stat().st_size for path, file in sorted(upload.files.items())}
        setting = f"tag {publication.tag}" if upload.kind == "model" else f"{VARIABLE}={publication.name}"
        yield f"{upload.kind} {upload.repo}, {setting}: {len(sizes)} files, {sum(sizes.values()):,} bytes"
        yield from (f"{size:>14,}  {path}" for path, size in sizes.items())


def send(publication: Publication) -> Iterator[str]:
    """Upload what isn't there yet; says what was done, step by step. The model first: the Space starts with it."""
    # Plain HTTP: what the tests prove is what runs. Set here because the client reads its environment at its import.
    constants.HF_HUB_DISABLE_XET = constants.HF_HUB_DISABLE_TELEMETRY = True
    if (token := get_token()) is None:
        raise PublishError("There is no Hub token here; set HF_TOKEN to one with the right to write, or run 'hf auth login'.")
    api = HfApi(token=token)
    with _as_publish_errors(publication.model.repo):
        api.whoami()
        yield _send_model(api, publication)
    if publication.space is not None:
        with _as_publish_errors(publication.space.repo):
            yield _send_space(api, publication.space, publication)
        if publication.private:
            yield "The Space can read a private model only with a secret HF_TOKEN: add one to its settings."


def _model_files(folder: Path) -> dict[str, Path]:
    """The files of a model folder by their paths in it; refuses one that the app would refuse, or that lacks one of them."""
    spec = ModelSpec.read(folder)
    weights = {name: spec.verify(folder, name) for name in spec.files}
    texts = {name: _present(folder, name) for name in (CARD, CONFIG, "metrics.json")}
    plots = {name: _present(folder, name) for name in PLOT.findall(texts[CARD].read_text(encoding="utf-8"))}
    return texts | weights | plots


def _present(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise PublishError(f"{folder} holds no {name}; build the folder again with 'python -m export build'.")
    return folder / name


def _program(root: Path) -> dict[str, Path]:
    """What git tracks of the program, without its embedded model, as it was committed."""
    paths = [*PROGRAM, f":!{INSIDE}"]
    if changed := _git(root, "status", "--porcelain", "-z", "--untracked-files=no", "--", *paths):
        raise PublishError(
            f"{changed[0][3:]} differs from what is committed; commit or undo it, so that the Space is a known state."
        )
    return {path: root / path for path in _git(root, "ls-files", "-z", "--", *paths)} | _installed(root)


def _installed(root: Path) -> dict[str, Path]:
    """ONNX Runtime for browsers, which git ignores."""
    folder = onnxruntime_web.FOLDER.relative_to(onnxruntime_web.ROOT)
    names = [*(path.name for path in onnxruntime_web.files()), onnxruntime_web.VERSION]
    for name in names:
        if not (root / folder / name).is_file():
            raise PublishError(f"{root / folder} lacks {name}, which the On-device tab needs; run 'make ondevice' first.")
    return {f"{folder.as_posix()}/{name}": root / folder / name for name in names}


def _git(root: Path, *arguments: str) -> list[str]:
    process = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    if process.returncode:
        reason = process.stderr.strip().splitlines()[0]
        raise PublishError(f"{root} can't be asked what belongs to the program ({reason}); publish from a git checkout.")
    return [entry for entry in process.stdout.split("\0") if entry]


def _uploads(publication: Publication) -> list[Upload]:
    return [publication.model] if publication.space is None else [publication.model, publication.space]


def _send_model(api: HfApi, publication: Publication) -> str:
    """One commit and its tag, or none where the Hub holds the very same; never moves a tag."""
    model, tag = publication.model, publication.tag
    api.create_repo(model.repo, private=publication.private or None, exist_ok=True)
    tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(model.repo).tags}
    if tag not in tags:
        commit, done = _commit(api, model)
        api.create_tag(model.repo, tag=tag, revision=commit)
        return f"model {model.repo}: {done} {commit[:12]}, tagged {tag}"
    if not _holds(api, model, tags[tag]):
        raise PublishError(f"{model.repo} already has a tag {tag} with other files; give another --tag.")
    return f"model {model.repo}: nothing to do, tag {tag} holds these files"


def _send_space(api: HfApi, space: Upload, publication: Publication) -> str:
    """The variable before the commit, because each of them starts the Space anew."""
    api.create_repo(space.repo, repo_type="space", space_sdk="gradio", private=publication.private or None, exist_ok=True)
    known = api.get_space_variables(space.repo)
    if VARIABLE not in known or known[VARIABLE].value != publication.name:
        api.add_space_variable(space.repo, VARIABLE, publication.name)
    commit, done = _commit(api, space)
    return f"space {space.repo}: {done} {commit[:12]}, {VARIABLE}={publication.name}"


def _commit(api: HfApi, upload: Upload) -> tuple[str, str]:
    """The commit that holds the files, and whether it is new."""
    if _holds(api, upload, "main"):
        refs = api.list_repo_refs(upload.repo, repo_type=upload.kind)
        return next(ref.target_commit for ref in refs.branches if ref.name == "main"), "nothing to upload since"
    additions = [CommitOperationAdd(path, file) for path, file in sorted(upload.files.items())]
    return api.create_commit(upload.repo, additions, commit_message=MESSAGE, repo_type=upload.kind).oid, "uploaded as"


def _holds(api: HfApi, upload: Upload, revision: str) -> bool:
    """Whether the Hub has every file at a revision, byte for byte."""
    infos = api.get_paths_info(upload.repo, list(upload.files), revision=revision, repo_type=upload.kind)
    known = {info.path: info for info in infos if isinstance(info, RepoFile)}
    return all(path in known and _same(known[path], file) for path, file in upload.files.items())


def _same(known: RepoFile, file: Path) -> bool:
    if known.lfs is not None:
        return known.lfs.sha256 == sha256(file)
    content = file.read_bytes()
    return known.blob_id == hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@contextmanager
def _as_publish_errors(repo: str) -> Iterator[None]:
    """What the Hub holds against us, in one sentence."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # the client wraps what a large file met in a RuntimeError
        raise _publish_error(error.__cause__ or error if isinstance(error, RuntimeError) else error, repo) from error
    except ValueError as error:  # a card whose header the Hub refuses
        raise PublishError(f"The Hub refuses {repo} ({' '.join(str(error).split())}); correct it.") from error


def _publish_error(error: BaseException, repo: str) -> PublishError:
    response = getattr(error, "response", None)
    if response is None or response.status_code >= 500:
        reason = str(error).strip() or type(error).__name__ if response is None else f"HTTP {response.status_code}"
        return PublishError(
            f"The Hub can't be reached ({reason.splitlines()[0]}); give the command again later: what it has isn't sent again."
        )
    if response.status_code == 401:
        return PublishError(
            "The Hub doesn't know the token (HTTP 401); set HF_TOKEN to one that is valid, with the right to write."
        )
    if response.status_code == 403:
        return PublishError(
            f"The token may not write to {repo} (HTTP 403); set HF_TOKEN to one of its owner, with the right to write."
        )
    message = isinstance(error, HfHubHTTPError) and error.server_message
    return PublishError(f"The Hub answers HTTP {response.status_code} for {repo} ({message or 'no reason'}); check the name.")
