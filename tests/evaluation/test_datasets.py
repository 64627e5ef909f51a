"""Where data is found, and what is said when it is not."""

import gzip
import hashlib
from pathlib import Path

import pytest

from optiq_server.evaluation.datasets import (
    BFCL_ANSWERS,
    BFCL_QUESTIONS,
    GSM8K,
    HUMANEVAL,
    DataSource,
    Published,
    rows_of,
)
from optiq_server.evaluation.errors import DataDamaged, DataMissing
from tests.evaluation.benchmark_data import published

_CONTENT = b'{"a": 1}\n'
_FILE = Published(
    path="set/test.jsonl", sha256=hashlib.sha256(_CONTENT).hexdigest(), url="https://example.org/test.jsonl"
)


class _Fetched:
    """Writes `content`, and counts."""

    def __init__(self, content: bytes = _CONTENT) -> None:
        self.content = content
        self.count = 0

    def __call__(self, file: Published, path: Path) -> None:
        self.count += 1
        path.write_bytes(self.content)


def _unreachable(_: Published, __: Path) -> None:
    raise OSError("no route")


def test_a_file_is_fetched_once(tmp_path: Path) -> None:
    fetch = _Fetched()
    source = DataSource(folder=None, cache=tmp_path, fetch=fetch)

    paths = {source.file(_FILE), source.file(_FILE)}

    [path] = paths
    assert path.read_bytes() == _CONTENT
    assert fetch.count == 1


def test_another_file_than_was_published_is_not_kept(tmp_path: Path) -> None:
    source = DataSource(folder=None, cache=tmp_path, fetch=_Fetched(b"<html>"))

    with pytest.raises(DataDamaged, match=f"not {_FILE.sha256}"):
        source.file(_FILE)

    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_that_cannot_be_fetched_is_told_with_the_command(tmp_path: Path) -> None:
    source = DataSource(folder=None, cache=tmp_path, fetch=_unreachable)

    with pytest.raises(DataMissing, match=r"no route.*`curl .* -o DIR/set/test\.jsonl https://example\.org"):
        source.file(_FILE)


def test_the_users_folder_is_read_as_it_is_and_nothing_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "test.jsonl").write_text("my own")
    source = DataSource(folder=tmp_path, cache=tmp_path / "cache", fetch=_unreachable)

    assert source.file(_FILE).read_text() == "my own"


def test_a_file_that_is_missing_in_the_users_folder_is_told_with_the_command(tmp_path: Path) -> None:
    source = DataSource(folder=tmp_path, cache=tmp_path, fetch=_unreachable)

    with pytest.raises(DataMissing, match=f"not in {tmp_path}: get it with `curl"):
        source.file(_FILE)


def test_mmlu_is_a_folder_and_is_told_with_the_command(tmp_path: Path) -> None:
    source = DataSource(folder=tmp_path, cache=tmp_path, fetch=_unreachable)

    with pytest.raises(DataMissing, match=r"data\.tar.*DIR/mmlu"):
        source.mmlu()
    for split in ("dev", "test"):
        (tmp_path / "mmlu" / split).mkdir(parents=True)

    assert source.mmlu() == tmp_path / "mmlu"


@pytest.mark.parametrize("file", [GSM8K, HUMANEVAL, BFCL_QUESTIONS, BFCL_ANSWERS])
def test_the_hashes_are_those_of_the_published_files(file: Published) -> None:
    assert hashlib.sha256(published(file.path).read_bytes()).hexdigest() == file.sha256


def test_rows_are_read_plain_and_from_gzip(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(_CONTENT * 2)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(_CONTENT * 2))

    assert rows_of(tmp_path / "a.jsonl", ("a",)) == rows_of(tmp_path / "a.jsonl.gz", ("a",)) == [{"a": 1}] * 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.jsonl", b"[1]\n", "line 1: an object with a"),
        ("a.jsonl", b'{"a": 1}\n{"b": 1}\n', "line 2: an object with a"),
        ("a.jsonl", b"{\n", "line 1: no JSON"),
        ("a.jsonl", b"\xff\n", "cannot be read"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.jsonl.gz", gzip.compress(_CONTENT)[:-4], "cannot be read"),
    ],
)
def test_damaged_files_are_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DataDamaged, match=message):
        rows_of(tmp_path / name, ("a",))
