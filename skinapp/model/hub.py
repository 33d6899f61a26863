"""Model id or folder -> verified local folder; the only importer of huggingface_hub.

Pulls config.json and the one weight file that this machine needs. A Hub out of reach is bridged by the cache, then by
the embedded model; a mistake in the name never is, because whoever names a model must not be answered by another one.
"""

import hashlib
import logging
import os
import re
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import TypeVar

from skinapp.errors import HubError, ModelError
from skinapp.model.spec import CONFIG, ModelSpec, sha256

EMBEDDED = Path(__file__).parents[1] / "weights"
"""The model that is shipped with the program."""
EMBEDDED_PHONE = EMBEDDED.with_name("weights_phone")
"""The small one beside it, for phones and browsers."""
GENERAL = EMBEDDED.with_name("weights_general")
"""The network of ordinary things that is shipped beside it, for teaching."""

BACKGROUND = "background.npy"
"""Of such a network: embeddings `[n, d]` of all sorts of things, which taught classes are told from."""

ANSWER_S = 10.0
"""Seconds to say what a revision is, and again to hand over config.json, before the Hub counts as out of reach."""
DOWNLOAD_S = 120.0
"""Seconds for a weight file (8 MB at 70 kB/s); a slower download goes on in the background, for the next start."""
SILENCE_S = 5
"""Seconds without a byte after which the client breaks a download off and resumes it, five times at most."""

DOCUMENT = re.compile(r"metrics\.json|plots/\w+\.png|examples/[\w-]+\.(?:jpe?g|png|webp)", re.ASCII | re.IGNORECASE)
"""What a Hub folder may hold beside config and weights that the page shows."""
DOCUMENTS, DOCUMENT_BYTES, DOCUMENTS_S = 16, 2**21, 10.0
"""How many of them are pulled, how large one may be, and the seconds that all may take: the page starts without the rest."""

FileChoice = Callable[[ModelSpec], str]
"""The session's rule: the file of a spec that suits this machine best. It may be asked about a part of the files."""

T = TypeVar("T")
HUB_MODEL = re.compile(r"(?!.*\.\.)([\w.-]+/[\w.-]+)(?:@(\w[\w./-]*))?", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocalModel:
    """A model that can be trusted: its folder, its spec and the verified weight file that this machine runs.

    `id` is what users see: "embedded", the folder's name or "owner/name". `revision` is the Hub's commit hash, or
    the first 12 digits of the SHA-256 of config.json. `notice` is a sentence where a fall-back was taken.
    """

    folder: Path
    spec: ModelSpec
    file: str
    id: str
    revision: str
    notice: str | None


def fetch(model: str | None, choose_file: FileChoice) -> LocalModel:
    """The embedded model, a model folder or OWNER/NAME[@REVISION] from the Hub, with the file that `choose_file` names."""
    if not model:
        return _open_folder(EMBEDDED, "embedded", choose_file)
    if (folder := _local_path(model)) is not None:
        return _open_folder(folder, folder.resolve().name, choose_file)
    if (match := HUB_MODEL.fullmatch(model)) is None:
        raise _invalid_name(model)
    return _from_hub(match[1], match[2] or "main", choose_file)


def documents(source: LocalModel) -> Path:
    """A model's folder, with its metrics.json, plots and examples where it has them; those of a Hub model are pulled now.

    They decorate the page, so whatever keeps them away is logged, not raised.
    """
    if COMMIT.fullmatch(source.revision) is None:
        return source.folder
    from huggingface_hub import errors

    try:
        _within(DOCUMENTS_S, lambda: _pull_documents(source))
    except (errors.HTTPError, OSError, ValueError) as error:  # type: ignore[attr-defined]  # as in _from_hub
        log.warning("%s: figures and examples can't be had from the Hub (%s); the page goes without.", source.id, _reason(error))
    return source.folder


def push(folder: Path, repo: str, private: bool) -> str:
    """Upload a model folder in one commit, with the visitor's own token, HF_TOKEN; its address there. The repository is made
    where there is none. Only what the folder's config names goes, with its card and its figures."""
    from huggingface_hub import CommitOperationAdd, HfApi, errors

    if (match := HUB_MODEL.fullmatch(repo)) is None or match[2]:
        raise ModelError(f"{repo!r} is no name on the Hub; give OWNER/NAME.")
    spec = ModelSpec.read(folder)
    files = [spec.verify(folder, name) for name in spec.files]
    files += [path for name in (CONFIG, "metrics.json", "README.md") if (path := folder / name).is_file()]
    if not (token := _token()):
        raise HubError("There is no Hub token here; set HF_TOKEN to one with the right to write.")
    _configure_client()
    api = HfApi(token=token)
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        operations = [CommitOperationAdd(path.name, str(path)) for path in files]
        commit = api.create_commit(repo, operations, commit_message="Teach with skinapp")
    except errors.HFValidationError:
        raise ModelError(f"{repo!r} is no name on the Hub; give OWNER/NAME.") from None
    except (errors.HTTPError, OSError) as error:  # type: ignore[attr-defined]  # as in _from_hub
        raise HubError(
            f"{repo} couldn't be uploaded ({_reason(error)}); check its name, and that HF_TOKEN may write there."
        ) from error
    return f"{repo}@{commit.oid[:12]}"


def _pull_documents(source: LocalModel) -> None:
    """Download into the cache's folder what the Hub lists and the cache lacks, each with the hash that is listed."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api = HfApi(token=_token())
    listed = api.list_repo_tree(source.id, recursive=True, revision=source.revision)
    wanted = [entry for entry in listed if isinstance(entry, RepoFile) and DOCUMENT.fullmatch(entry.path)]
    for entry in [entry for entry in sorted(wanted, key=lambda entry: entry.path) if entry.size <= DOCUMENT_BYTES][:DOCUMENTS]:
        path = source.folder / entry.path
        if path.is_file() and _is_listed(path, entry.blob_id, entry.lfs.sha256 if entry.lfs else None):
            continue
        path = _file(source.id, entry.path, source.revision, fresh=path.is_file())
        if not _is_listed(path, entry.blob_id, entry.lfs.sha256 if entry.lfs else None):
            path.unlink()
            log.warning("%s: %s is not the file that the Hub lists; the page goes without.", source.id, entry.path)


def _is_listed(path: Path, blob_id: str, digest: str | None) -> bool:
    """Whether a file has the SHA-256 that the Hub lists of a large file, or git's name of a small one."""
    if digest:
        return sha256(path) == digest
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == blob_id


def _local_path(model: str) -> Path | None:
    """The path that a name means: one that exists as a folder, or is written as a path."""
    try:
        folder = Path(model).expanduser()
        exists = folder.is_dir()
    except (OSError, RuntimeError):  # too long for a file system; the home of nobody
        return None
    return folder if exists or folder.is_absolute() or model.startswith((".", "~")) else None


def _invalid_name(model: str) -> ModelError:
    return ModelError(
        f"{model!r} is neither a model folder nor a Hub model; give a folder that exists, or OWNER/NAME[@REVISION]."
    )


def _open_folder(folder: Path, name: str, choose_file: FileChoice) -> LocalModel:
    """A local folder; the next best file where it leaves out the one that suits this machine best."""
    if not folder.is_dir():
        raise ModelError(
            f"{folder} is not a folder; give a model folder made by 'python -m export build', "
            "or OWNER/NAME[@REVISION] of a Hub model."
        )
    spec = ModelSpec.read(folder)
    file, notice = choose_file(spec), None
    present = {known: entry for known, entry in spec.files.items() if (folder / known).is_file()}
    if present and file not in present:
        best, file = file, choose_file(replace(spec, files=present))
        notice = f"{folder} holds no {best}, which suits this machine best, so {file} answers; 'python -m export build' makes it."
        log.warning(notice)
    spec.verify(folder, file)
    return LocalModel(folder, spec, file, name, sha256(folder / CONFIG)[:12], notice)


def _from_hub(repo: str, revision: str, choose_file: FileChoice) -> LocalModel:
    """The Hub's answer if it can be had, else the cache's, else the embedded model; refuses what the Hub refuses."""
    from huggingface_hub import errors

    _configure_client()
    try:
        if COMMIT.fullmatch(revision):
            # A commit never changes: what the cache holds of it needs no Hub, and what is damaged is pulled again.
            with suppress(errors.LocalEntryNotFoundError, ModelError):
                return _cached(repo, revision, choose_file)
        return _pull(repo, revision, choose_file)
    except errors.HFValidationError:
        raise _invalid_name(repo) from None
    # The client's transport errors: HTTPError in version 2, which doesn't say that it exports it, OSError in version 0.
    except (errors.HTTPError, OSError) as error:  # type: ignore[attr-defined]
        if (refusal := _refusal(error, repo, revision) or _disk_fault(error, repo)) is not None:
            raise refusal from error
        return _fall_back(repo, revision, choose_file, _reason(error))


def _pull(repo: str, revision: str, choose_file: FileChoice) -> LocalModel:
    """The newest commit of a revision from the Hub; what the cache holds of it isn't downloaded again."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

    # Asked first because hf_hub_download hides a dead Hub: it answers from the cache, or tries for six minutes.
    url = hf_hub_url(repo, CONFIG, revision=revision)
    metadata = _within(ANSWER_S, lambda: get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT, token=_token()))
    commit = metadata.commit_hash
    if commit is None or not COMMIT.fullmatch(commit):
        raise ConnectionError(f"{constants.ENDPOINT} doesn't answer as a Hub does")
    spec = _fetch_verified(repo, commit, CONFIG, ANSWER_S, lambda path: ModelSpec.read(path.parent))
    file = choose_file(spec)
    path = _fetch_verified(repo, commit, file, DOWNLOAD_S, lambda path: spec.verify(path.parent, file))
    # Only now the cache's branch or tag moves here, so that an interrupted pull leaves the last whole commit in use.
    _within(ANSWER_S, lambda: _file(repo, CONFIG, revision))
    return LocalModel(path.parent, spec, file, repo, commit, None)


def _fetch_verified(repo: str, commit: str, file: str, seconds: float, check: Callable[[Path], T]) -> T:
    """What `check` makes of a file, which is downloaded once more where the cached one fails it."""
    path = _within(seconds, lambda: _file(repo, file, commit))
    with suppress(ModelError):
        return check(path)
    # The link goes too: a forced download renews the blob alone, and a file may have been put in the link's place.
    path.unlink()
    try:
        path = _within(seconds, lambda: _file(repo, file, commit, fresh=True))
        return check(path)
    except ValueError as error:  # how the client reports a Hub that is lost before a forced download
        raise ConnectionError(_reason(error.__cause__ or error)) from error
    except ModelError as error:
        reason = str(error).rpartition("; ")[0]
        raise HubError(
            f"{repo} at revision {commit[:12]} has a {file} that is wrong even after a new download ({reason}); "
            "name another revision or tell the model's owner."
        ) from error


def _fall_back(repo: str, revision: str, choose_file: FileChoice, reason: str) -> LocalModel:
    """The cached model, or the embedded one where the cache lacks it, with a notice that says why."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        source = _cached(repo, revision, choose_file)
        fallback = f", so revision {source.revision[:12]} answers from the cache; it may not be the newest."
    except LocalEntryNotFoundError:
        source = _open_folder(EMBEDDED, "embedded", choose_file)
        fallback = " and isn't in the cache, so the embedded model answers instead; start again when the Hub is back."
    notice = f"{repo} can't be had from the Hub ({reason}){fallback}"
    log.warning(notice)
    return replace(source, notice=" ".join(filter(None, (notice, source.notice))))


def _cached(repo: str, revision: str, choose_file: FileChoice) -> LocalModel:
    """The last whole commit that was pulled of a revision, without a request; LocalEntryNotFoundError if there is none."""
    folder = _file(repo, CONFIG, revision, offline=True).parent
    spec = ModelSpec.read(folder)
    file = choose_file(spec)
    _file(repo, file, folder.name, offline=True)
    spec.verify(folder, file)
    return LocalModel(folder, spec, file, repo, folder.name, None)


def _file(repo: str, file: str, revision: str, *, offline: bool = False, fresh: bool = False) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(repo, file, revision=revision, token=_token(), local_files_only=offline, force_download=fresh))


def _token() -> str | bool:
    """HF_TOKEN or none at all: a login that is stored on this machine isn't sent unasked."""
    return os.environ.get("HF_TOKEN", "").strip() or False


def _configure_client() -> None:
    """Short waits, plain HTTP and no telemetry; a wait that the environment sets stays.

    Set here because the client reads its environment once, at its import, and gradio has imported it by now.
    """
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = True
    constants.HF_HUB_DISABLE_XET = True
    if constants.HF_HUB_ETAG_TIMEOUT == constants.DEFAULT_ETAG_TIMEOUT:
        constants.HF_HUB_ETAG_TIMEOUT = SILENCE_S
    if constants.HF_HUB_DOWNLOAD_TIMEOUT == constants.DEFAULT_DOWNLOAD_TIMEOUT:
        constants.HF_HUB_DOWNLOAD_TIMEOUT = SILENCE_S


def _within(seconds: float, task: Callable[[], T]) -> T:
    """The task's result or error; TimeoutError once the seconds are over, while the task goes on and its result is dropped.

    The client's own limits don't add up to one: they hold for each address, each read and each of six tries.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(task())
        except BaseException as error:  # handed to the caller, not swallowed
            outcome.set_exception(error)

    # A daemon, because an executor's thread would hold up the program's end for as long as the Hub is silent.
    Thread(target=run, daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError as error:
        raise TimeoutError(str(error) or f"no answer within {seconds:g} seconds") from None


def _refusal(error: Exception, repo: str, revision: str) -> HubError | None:
    """Why the Hub refuses a request, or None where it is out of reach."""
    from huggingface_hub import errors

    if not isinstance(error, errors.HfHubHTTPError) or isinstance(error, errors.LocalEntryNotFoundError):
        return None
    status = error.response.status_code
    if status >= 500 or status in (408, 429):
        return None
    if isinstance(error, errors.RevisionNotFoundError):
        message = f"{repo} has no revision {revision!r} on the Hub; name one of its branches, tags or commits."
    elif isinstance(error, errors.EntryNotFoundError):
        file = str(error.response.url).rpartition("/")[2]
        message = (
            f"{repo} at revision {revision} holds no {file} on the Hub; "
            "name a model made by 'python -m export build' or another revision."
        )
    elif isinstance(error, errors.GatedRepoError):
        message = (
            f"{repo} is gated on the Hub (HTTP {status}); accept its terms there and set HF_TOKEN to a token of that account."
        )
    elif isinstance(error, errors.RepositoryNotFoundError) or status in (401, 403):
        message = (
            f"{repo} is neither a folder here nor a Hub model that you may read (HTTP {status}); "
            "check the name, or set HF_TOKEN to a token that may read it."
        )
    else:
        message = f"The Hub answers HTTP {status} for {repo} at revision {revision}; check the name and HF_ENDPOINT."
    return HubError(message)


def _disk_fault(error: Exception, repo: str) -> HubError | None:
    """The complaint where the cache, not the Hub, is at fault: only the operating system numbers its errors."""
    if isinstance(error, ConnectionError | TimeoutError) or getattr(error, "errno", None) is None:
        return None
    return HubError(
        f"{repo} can't be kept in the cache ({error}); free space there or set HF_HOME to a folder that can be written."
    )


def _reason(error: BaseException) -> str:
    """Why the Hub can't be reached, in the one line that a user sees."""
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ is not None:
        return _reason(error.__cause__)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if isinstance(error, errors.HfHubHTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
