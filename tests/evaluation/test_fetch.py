"""Fetching a published file, from a real server on this machine."""

import hashlib
from pathlib import Path

import pytest

from optiq_server.evaluation.datasets import Published
from optiq_server.evaluation.fetch import fetch
from tests.evaluation.chat_server import chat_server, completion


def _file(url: str) -> Published:
    return Published(path="x.json", sha256=hashlib.sha256(b"").hexdigest(), url=url)


def test_a_file_without_a_hub_comes_by_http(tmp_path: Path) -> None:
    with chat_server(lambda _: completion("")) as server:
        fetch(_file(f"{server.base_url}/models"), tmp_path / "x.json")

    assert (tmp_path / "x.json").read_bytes() == b'{"data":[{"id":"scripted"}]}'


def test_what_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with chat_server(lambda _: completion("")) as server, pytest.raises(OSError, match="404"):
        fetch(_file(f"{server.base_url}/none"), tmp_path / "x.json")

    assert not (tmp_path / "x.json").exists()
