from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from optiq_server.engine.checkpoint import find_checkpoint, resolve_checkpoint
from optiq_server.engine.errors import LoadFailed

# Any: which of two httpx packages the hub is typed for depends on its version.
RESPONSE: Any = httpx.Response(404, request=httpx.Request("GET", "https://hub.invalid/owner/name"))


def failing(error: Exception) -> Callable[..., object]:
    def download(repository: str, **options: object) -> object:
        raise error

    return download


def refusal(model: str, download: Callable[..., object]) -> str:
    with pytest.raises(LoadFailed) as refused:
        resolve_checkpoint(model, download=download)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_folder_is_itself(tmp_path: Path) -> None:
    assert resolve_checkpoint(str(tmp_path), download=failing(AssertionError())) == tmp_path


def test_a_repository_is_fetched_without_the_files_of_other_programs(tmp_path: Path) -> None:
    asked: list[tuple[str, dict[str, object]]] = []

    def download(repository: str, **options: object) -> str:
        asked.append((repository, options))
        return str(tmp_path)

    assert resolve_checkpoint("openai/gpt-oss-20b", download=download) == tmp_path
    [(repository, options)] = asked
    assert repository == "openai/gpt-oss-20b"
    assert options["ignore_patterns"] == ["*/*"]


@pytest.mark.parametrize("model", ["gpt-oss-20b", "./models/x", "/nowhere/x", "a/b/c", "owner/na me", ""])
def test_what_is_neither_folder_nor_repository_is_refused_without_asking_the_hub(model: str) -> None:
    if model:
        assert f"there is no folder {model!r}" in refusal(model, failing(AssertionError()))
    else:
        assert resolve_checkpoint(model, download=failing(AssertionError())) == Path()


def test_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.touch()

    assert "is a file" in refusal(str(file), failing(AssertionError()))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RepositoryNotFoundError("404", response=RESPONSE), "no public Hugging Face repository of that name"),
        (GatedRepoError("403", response=RESPONSE), "asks for a login"),
        (OfflineModeIsEnabled("offline"), "not in the cache"),
        (LocalEntryNotFoundError("not here"), "not in the cache"),
        (HfHubHTTPError("500\nServer error", response=RESPONSE), "refused owner/name: 500 Server error"),
        (OSError("no space left on device"), "could not be downloaded: no space left on device"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_every_failure_of_the_hub_is_one_line(error: Exception, message: str) -> None:
    assert message in refusal("owner/name", failing(error))


def test_only_what_is_on_this_disk_is_found(tmp_path: Path) -> None:
    assert find_checkpoint(str(tmp_path)) == tmp_path
    assert find_checkpoint("nobody-here/never-fetched") is None
    with pytest.raises(LoadFailed, match="no folder"):
        find_checkpoint("/nowhere/at/all")
