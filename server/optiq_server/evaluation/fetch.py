"""Fetches a published file: from the Hugging Face hub by its client, from elsewhere by HTTPS."""

import shutil
from pathlib import Path

import httpx
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from optiq_server.evaluation.datasets import Published

_TIMEOUT_SECONDS = 60.0


def fetch(published: Published, path: Path) -> None:
    """Put it at `path`. Raises OSError, whatever went wrong."""
    if published.hub is None:
        _download(published.url, path)
        return
    repository, revision, name = published.hub
    try:
        found = hf_hub_download(repository, name, repo_type="dataset", revision=revision)
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError) as error:
        raise OSError(str(error).partition("\n")[0]) from error
    shutil.copyfile(found, path)


def _download(url: str, path: Path) -> None:
    try:
        response = httpx.get(url, follow_redirects=True, timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise OSError(f"{error!r}") from error
    path.write_bytes(response.content)
