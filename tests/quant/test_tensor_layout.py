"""Where tensors lie in the files, before there is one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from optiq_quant.tensor_layout import TensorSpec, lay_out

_TENSORS = st.builds(
    lambda number, dtype, shape: TensorSpec(name=f"t{number}", dtype=dtype, shape=tuple(shape)),
    st.integers(0, 10**6),
    st.sampled_from(["uint8", "bfloat16", "uint32", "float32"]),
    st.lists(st.integers(1, 9), max_size=3),
)
_GROUPS = st.lists(st.lists(_TENSORS, min_size=1, max_size=3), min_size=1, max_size=12)


@given(groups=_GROUPS, shard_bytes=st.integers(1, 4000))
def test_each_tensor_lies_in_one_shard_and_no_shard_of_several_groups_is_too_large(
    groups: list[list[TensorSpec]], shard_bytes: int
) -> None:
    groups = [
        [TensorSpec(name=f"{i}.{j}", dtype=t.dtype, shape=t.shape) for j, t in enumerate(g)]
        for i, g in enumerate(groups)
    ]

    shards = lay_out(groups, shard_bytes)

    placed = [tensor.name for shard in shards for tensor in shard.tensors]
    assert sorted(placed) == sorted(tensor.name for group in groups for tensor in group)
    for shard in shards:
        inside = {tensor.name.partition(".")[0] for tensor in shard.tensors}
        data = sum(tensor.bytes for tensor in shard.tensors)
        assert data <= shard_bytes or len(inside) == 1
        assert all(
            name in {t.name for t in shard.tensors}
            for i in inside
            for name in [t.name for t in groups[int(i)]]
        )


@given(groups=_GROUPS)
def test_tensors_lie_without_gaps_and_aligned_to_their_type(groups: list[list[TensorSpec]]) -> None:
    groups = [
        [TensorSpec(name=f"{i}.{j}", dtype=t.dtype, shape=t.shape) for j, t in enumerate(g)]
        for i, g in enumerate(groups)
    ]

    (shard,) = lay_out(groups, 10**9)

    offsets = shard.offsets()
    end = len(shard.header())
    for tensor in shard.tensors:
        assert offsets[tensor.name] == end
        assert end % tensor.item_bytes == 0
        end += tensor.bytes
    assert shard.bytes == end


def test_the_header_is_what_the_safetensors_library_reads(tmp_path: Path) -> None:
    tensors = [
        TensorSpec(name="codes", dtype="uint32", shape=(2, 3)),
        TensorSpec(name="scales", dtype="uint8", shape=(5,)),
        TensorSpec(name="half", dtype="float16", shape=(2,)),
    ]
    (shard,) = lay_out([tensors])
    data = bytes(range(shard.bytes - len(shard.header())))
    (tmp_path / shard.name).write_bytes(shard.header() + data)

    found = load_file(tmp_path / shard.name)

    assert found["codes"].tobytes() == data[:24]
    assert found["half"].tobytes() == data[24:28]
    assert np.array_equal(found["scales"], np.frombuffer(data[28:], np.uint8))


def test_one_shard_has_the_plain_name_and_several_are_numbered() -> None:
    groups = [[TensorSpec(name=name, dtype="uint8", shape=(10,))] for name in "abc"]

    assert [shard.name for shard in lay_out(groups)] == ["model.safetensors"]
    assert [shard.name for shard in lay_out(groups, 20)] == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]


def test_a_type_that_the_format_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="w: tensors of type complex64 cannot be written"):
        TensorSpec(name="w", dtype="complex64", shape=(1,))
