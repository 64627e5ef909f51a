"""From what the user wrote after `--model` to a folder on this disk. Every failure is one clear line.

It knows folders and the Hugging Face hub; not what is inside a checkpoint.
"""

import re
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from optiq_server.engine.errors import LoadFailed

_WANTED_FILES = ["*.json", "*.jinja", "*.tiktoken", "tokenizer.model", "model*.safetensors"]
"""What serving reads. A repository may hold the weights several times over, in folders for other programs."""

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


def resolve_checkpoint(
    model: str, *, download: Callable[..., object] = huggingface_hub.snapshot_download
) -> Path:
    """The folder of `model`: a folder's path, or a repository `owner/name` of the hub, fetched if need be.

    Progress goes to stderr; HF_HUB_OFFLINE and HF_HOME are the hub's own settings. Raises LoadFailed.
    """
    folder = _named_folder(model)
    if folder is not None:
        return folder
    try:
        # `original/` and `metal/` of OpenAI's repositories match the patterns too, but belong to other
        # programs.
        fetched = download(model, allow_patterns=_WANTED_FILES, ignore_patterns=["*/*"])
    except (OSError, ValueError) as error:
        raise LoadFailed(_why(model, error)) from error
    return Path(str(fetched))


def find_checkpoint(model: str) -> Path | None:
    """The same, of what is on this disk; None for a repository that would have to be fetched."""
    folder = _named_folder(model)
    if folder is not None:
        return folder
    try:
        return Path(str(huggingface_hub.snapshot_download(model, local_files_only=True)))
    except (OSError, ValueError):
        return None


def _named_folder(model: str) -> Path | None:
    """The folder that `model` names; None where it names a repository. Raises LoadFailed."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise LoadFailed(f"{model!r} is a file; --model wants the folder that holds config.json")
    if not _REPOSITORY.fullmatch(model):
        raise LoadFailed(f"there is no folder {model!r}, nor is that the name of a repository (owner/name)")
    return None


def _why(model: str, error: Exception) -> str:
    match error:
        case GatedRepoError():
            return f"{model} asks for a login: accept its terms on huggingface.co, then run `hf auth login`"
        case RepositoryNotFoundError():
            return f"there is no folder {model!r} and no public Hugging Face repository of that name"
        case OfflineModeIsEnabled() | LocalEntryNotFoundError():
            return f"{model} is not in the cache, and the Hugging Face hub cannot be reached from here"
        case HfHubHTTPError():
            return f"the Hugging Face hub refused {model}: {_one_line(error)}"
        case _:
            return f"{model} could not be downloaded: {_one_line(error)}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
