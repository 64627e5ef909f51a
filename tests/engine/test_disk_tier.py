"""Stored beginnings that outlive the process: the same replies, and damage is passed over."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from optiq_server.engine.fingerprint import weights_fingerprint
from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import EngineLimits
from tests.engine.checkpoints import REFERENCE, reference_with
from tests.engine.small_model import small_model
from tests.engine.test_prefix_cache import Message, Reader, made, message

pytestmark = pytest.mark.mlx

_HISTORY = [message(200), message(150, 3), message(90, 5)]


@pytest.fixture(name="small", scope="module")
def _small() -> LoadedModel:
    return small_model()


def _life(
    small: LoadedModel, folder: Path, *histories: Sequence[Message], cache_bytes: int = 1 << 24
) -> list[int]:
    """One process's life: open, answer each, close. How much of each prompt was cached."""
    backend = MlxBackend(small, EngineLimits(cache_bytes=cache_bytes, cache_dir=folder))
    reader = Reader(small, backend)
    cached = []
    for history in histories:
        reader.run(made(history))
        cached.append(reader.cached[0])
    backend.prefixes.check_integrity()
    backend.close()
    return cached


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def test_a_prompt_is_restored_in_the_next_life(small: LoadedModel, tmp_path: Path) -> None:
    [first] = _life(small, tmp_path, _HISTORY)
    again, more = _life(small, tmp_path, _HISTORY, [*_HISTORY, message(40, 8)])

    # The last message's end is a checkpoint; what opens the reply is computed.
    assert (first, again, more) == (0, 443, 443)


def test_nothing_is_written_twice_and_what_was_dropped_goes(small: LoadedModel, tmp_path: Path) -> None:
    _life(small, tmp_path, _HISTORY)
    before = {path: path.stat().st_ino for path in _files(tmp_path)}
    _life(small, tmp_path, _HISTORY)
    after = {path: path.stat().st_ino for path in _files(tmp_path)}
    _life(small, tmp_path, [message(60, 1)], cache_bytes=60_000)

    assert before == after
    assert sum(path.stat().st_size for path in _files(tmp_path)) < 100_000


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_file_is_passed_over_with_a_warning(
    small: LoadedModel, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    _life(small, tmp_path, _HISTORY)
    for path in _files(tmp_path):
        content = bytearray(path.read_bytes())
        match damage:
            case "cut":
                del content[len(content) // 2 :]
            case "flipped":
                content[-100] ^= 255
            case _:
                content.clear()
        path.write_bytes(content)

    with caplog.at_level(logging.WARNING):
        cached = _life(small, tmp_path, _HISTORY, _HISTORY)

    assert cached == [0, 443]
    assert "is passed over" in caplog.text


def test_damage_is_passed_over_among_prompts_that_share_a_step(small: LoadedModel, tmp_path: Path) -> None:
    histories = [[message(300, n)] for n in range(3)]
    _life(small, tmp_path, *histories)
    for path in _files(tmp_path)[:2]:
        content = bytearray(path.read_bytes())
        content[-100] ^= 255
        path.write_bytes(content)
    backend = MlxBackend(small, EngineLimits(cache_bytes=1 << 24, cache_dir=tmp_path))
    reader = Reader(small, backend)

    reader.run(*(made(history) for history in histories))

    assert sorted(reader.cached.values()) == [0, 0, 301]
    backend.close()


def test_where_one_file_is_missing_what_stands_before_it_is_used(small: LoadedModel, tmp_path: Path) -> None:
    _life(small, tmp_path, _HISTORY)
    largest_first = sorted(_files(tmp_path), key=lambda path: -path.stat().st_size)
    lengths = {path: path.stat().st_size for path in largest_first}
    last = min(lengths, key=lambda path: lengths[path])
    last.unlink()

    [cached] = _life(small, tmp_path, _HISTORY)

    assert 0 < cached < 443


def test_another_models_files_are_not_touched(small: LoadedModel, tmp_path: Path) -> None:
    _life(small, tmp_path, _HISTORY)
    before = _files(tmp_path)

    [cached] = _life(replace(small_model(1)), tmp_path, _HISTORY)

    assert cached == 0
    assert set(before) < set(_files(tmp_path))


def test_a_folder_that_cannot_be_written_costs_the_cache_alone(
    small: LoadedModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")

    assert _life(small, blocked, _HISTORY, _HISTORY) == [0, 443]
    assert "cannot be written" in caplog.text


def test_the_fingerprint_is_the_weights_own(tmp_path: Path) -> None:
    same = reference_with(tmp_path / "same", {})
    other = reference_with(tmp_path / "other", {"rope_theta": 10_000})

    named = weights_fingerprint(same, dtype="float32")

    assert named == weights_fingerprint(same, dtype="float32")
    assert named != weights_fingerprint(other, dtype="float32")
    assert named != weights_fingerprint(same, dtype="as stored")
    assert len(weights_fingerprint(REFERENCE, dtype="float32")) == 64
