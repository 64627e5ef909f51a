import gzip
import hashlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from optiq_harmony.errors import VocabularyUnavailable
from optiq_harmony.ranks import RANKS_SHA256, decompress_ranks, unpack_ranks


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_unpacked_file_is_the_published_one(tmp_path: Path) -> None:
    path = unpack_ranks(tmp_path / "new" / "folder")

    assert path.name == "o200k_base.tiktoken"
    assert _sha256(path) == RANKS_SHA256


def test_an_intact_file_is_not_written_again(tmp_path: Path) -> None:
    first = unpack_ranks(tmp_path).stat()

    second = unpack_ranks(tmp_path).stat()

    assert (first.st_ino, first.st_mtime_ns) == (second.st_ino, second.st_mtime_ns)


@pytest.mark.parametrize("damage", [b"", b"IQ== 0\n"], ids=["empty", "cut"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: bytes) -> None:
    path = unpack_ranks(tmp_path)
    path.write_bytes(damage)

    unpack_ranks(tmp_path)

    assert _sha256(path) == RANKS_SHA256


def test_processes_that_start_together_leave_one_intact_file(tmp_path: Path) -> None:
    with ProcessPoolExecutor(max_workers=3, mp_context=get_context("spawn")) as pool:
        paths = list(pool.map(unpack_ranks, [tmp_path] * 6))

    assert set(paths) == {tmp_path / "o200k_base.tiktoken"}
    assert [path.name for path in tmp_path.iterdir()] == ["o200k_base.tiktoken"]
    assert _sha256(paths[0]) == RANKS_SHA256


def test_a_cache_folder_that_is_a_file_is_refused_with_its_path(tmp_path: Path) -> None:
    blocker = tmp_path / "blocker"
    blocker.write_text("not a folder")

    with pytest.raises(VocabularyUnavailable) as refusal:
        unpack_ranks(blocker)

    assert refusal.value.path == blocker / "o200k_base.tiktoken"
    assert str(blocker) in str(refusal.value)


@pytest.mark.parametrize(
    "packed",
    [b"no gzip", gzip.compress(b"IQ== 0\n")[:-9], gzip.compress(b"IQ== 0\n")],
    ids=["not gzip", "cut", "other content"],
)
def test_damaged_package_data_is_refused(packed: bytes) -> None:
    with pytest.raises(VocabularyUnavailable, match="packaged file"):
        decompress_ranks(packed, Path("cache/o200k_base.tiktoken"))
