"""A file that is whole, or not there."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import mlx.core as mx
import pytest

from optiq_quant.pieces import Piece
from optiq_quant.shard_file import PiecesMismatch, is_written, tensor_hashes, write_shard, write_whole
from optiq_quant.tensor_layout import ShardLayout, TensorSpec, lay_out


@pytest.fixture(name="layout")
def _layout() -> ShardLayout:
    specs = [TensorSpec(name=name, dtype="uint8", shape=(4,)) for name in "ab"]
    return lay_out([specs])[0]


def _piece(name: str, data: bytes) -> Piece:
    return Piece(name=name, data=memoryview(data))


def test_pieces_of_several_tensors_may_come_in_turns(tmp_path: Path, layout: ShardLayout) -> None:
    pieces = [_piece("b", b"12"), _piece("a", b"abc"), _piece("b", b"34"), _piece("a", b"d")]

    write_shard(tmp_path, layout, pieces)

    found = mx.load(str(tmp_path / layout.name))
    assert isinstance(found, dict)
    assert {name: bytes(memoryview(array)) for name, array in found.items()} == {"a": b"abcd", "b": b"1234"}  # type: ignore[arg-type]
    assert is_written(tmp_path, layout)
    assert tensor_hashes(tmp_path, layout)["b"] == hashlib.sha256(b"1234").hexdigest()


def test_a_write_that_breaks_off_leaves_no_file_of_that_name(tmp_path: Path, layout: ShardLayout) -> None:
    def broken() -> Iterator[Piece]:
        yield _piece("a", b"abcd")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_shard(tmp_path, layout, broken())

    assert not is_written(tmp_path, layout)
    write_shard(tmp_path, layout, [_piece("a", b"abcd"), _piece("b", b"1234")])
    assert [path.name for path in tmp_path.iterdir()] == [layout.name]


@pytest.mark.parametrize(("a", "problem"), [(b"abc", "a has fewer bytes"), (b"abcde", "a has more bytes")])
def test_pieces_that_do_not_fill_their_place_are_refused(
    tmp_path: Path, layout: ShardLayout, a: bytes, problem: str
) -> None:
    with pytest.raises(PiecesMismatch, match=problem):
        write_shard(tmp_path, layout, [_piece("b", b"1234"), _piece("a", a)])


def test_a_file_of_another_layout_or_cut_short_is_not_the_one(tmp_path: Path, layout: ShardLayout) -> None:
    write_shard(tmp_path, layout, [_piece("a", b"abcd"), _piece("b", b"1234")])
    other = lay_out([[TensorSpec(name=name, dtype="uint8", shape=(4,)) for name in "ac"]])[0]

    assert not is_written(tmp_path, other)
    path = tmp_path / layout.name
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_written(tmp_path, layout)


def test_a_small_file_replaces_the_one_before(tmp_path: Path) -> None:
    write_whole(tmp_path / "f", b"1")
    write_whole(tmp_path / "f", b"2")

    assert (tmp_path / "f").read_bytes() == b"2"
    assert len(list(tmp_path.iterdir())) == 1
