import json
import shutil
import struct
from pathlib import Path

import pytest

from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.inventory import read_model_type, take_inventory
from tests.engine.checkpoints import REFERENCE


def write_shard(path: Path, *names: str) -> None:
    """A safetensors file with one float32 tensor of 8 elements for each name."""
    header = {
        name: {"dtype": "F32", "shape": [2, 4], "data_offsets": [32 * i, 32 * i + 32]}
        for i, name in enumerate(names)
    }
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + bytes(32 * len(names)))


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Two shards and their index."""
    (tmp_path / "config.json").write_text('{"model_type": "gpt_oss"}')
    write_shard(tmp_path / "model-1.safetensors", "a", "b")
    write_shard(tmp_path / "model-2.safetensors", "c")
    weight_map = {"a": "model-1.safetensors", "b": "model-1.safetensors", "c": "model-2.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return tmp_path


def refusal(folder: Path) -> str:
    with pytest.raises(LoadFailed) as refused:
        take_inventory(folder)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_every_tensor_of_every_shard_is_told(folder: Path) -> None:
    inventory = take_inventory(folder)

    assert sorted(inventory.tensors) == ["a", "b", "c"]
    assert inventory.tensors["c"].shape == (2, 4)
    assert inventory.model_type == "gpt_oss"


def test_half_floats_are_counted_twice_where_they_are_widened() -> None:
    inventory = take_inventory(REFERENCE)
    stored = sum(tensor.bytes for tensor in inventory.tensors.values())
    packed = sum(tensor.bytes for tensor in inventory.tensors.values() if tensor.dtype == "U8")

    assert inventory.weight_bytes(in_float32=False) == stored
    assert inventory.weight_bytes(in_float32=True) == 2 * (stored - packed) + packed


def test_a_folder_without_config_is_no_checkpoint(tmp_path: Path) -> None:
    assert "holds no config.json" in refusal(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"model_type": 3}'], ids=["not JSON", "no object", "no type"])
def test_a_config_that_says_nothing_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)

    assert "config.json" in refusal(folder)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    shutil.copy(REFERENCE / "config.json", tmp_path)

    assert "holds no weights" in refusal(tmp_path)


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / "model-2.safetensors").unlink()

    assert "shard model-2.safetensors (2 of 2) is missing" in refusal(folder)


def test_a_tensor_that_no_shard_holds_is_named(folder: Path) -> None:
    write_shard(folder / "model-1.safetensors", "a")

    assert "its index names b, which no shard holds" in refusal(folder)


@pytest.mark.parametrize("lost", [1, 60])
def test_a_truncated_shard_is_named(folder: Path, lost: int) -> None:
    shard = folder / "model-1.safetensors"
    shard.write_bytes(shard.read_bytes()[:-lost])

    assert "model-1.safetensors is truncated or damaged" in refusal(folder)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\x05",
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 9) + b"not JSON!",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 8) + b'{"a": 1}',
    ],
    ids=["empty", "one byte", "endless header", "no JSON", "a list", "no entry"],
)
def test_a_shard_that_is_no_safetensors_file_is_named(folder: Path, damage: bytes) -> None:
    (folder / "model-1.safetensors").write_bytes(damage)

    assert "model-1.safetensors is damaged" in refusal(folder)


def test_a_tensor_whose_bytes_do_not_fit_its_shape_is_named(folder: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}).encode()
    (folder / "model-1.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))

    assert "a has 8 bytes, which does not fit its shape" in refusal(folder)


def test_the_model_type_is_told_by_config_json_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')

    assert read_model_type(tmp_path) == "llama"


@pytest.mark.parametrize("config", ["{}", "{", '{"model_type": 1}', "[]"])
def test_a_config_without_a_model_type_is_refused(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)

    with pytest.raises(LoadFailed, match=r"config\.json"):
        read_model_type(tmp_path)
