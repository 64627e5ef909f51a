"""The checkpoint in the package becomes an ordinary folder: whole, once, whoever asks."""

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from optiq_server.pocket.checkpoint import unpack_pocket_checkpoint
from optiq_server.pocket.tensor_file import RawTensor, read_tensors, write_tensors
from optiq_server.pocket.tokenizer_file import TOKENIZER_SHA256
from optiq_server.pocket.weights import VOCABULARY_SIZE, expand_weights

_EXPECTED_FILES = {
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "manifest.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
}


def test_the_folder_is_an_ordinary_checkpoint(checkpoint: Path) -> None:
    assert {entry.name for entry in checkpoint.iterdir()} == _EXPECTED_FILES


def test_the_tokenizer_is_the_published_one(checkpoint: Path) -> None:
    content = (checkpoint / "tokenizer.json").read_bytes()

    assert hashlib.sha256(content).hexdigest() == TOKENIZER_SHA256


def test_the_experts_are_mxfp4_in_openai_s_layout(checkpoint: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    experts, hidden, inner = (
        config[key] for key in ("num_local_experts", "hidden_size", "intermediate_size")
    )

    tensors = read_tensors((checkpoint / "model.safetensors").read_bytes())

    for layer in range(config["num_hidden_layers"]):
        base = f"model.layers.{layer}.mlp.experts"
        assert tensors[f"{base}.gate_up_proj_blocks"].shape == (experts, 2 * inner, hidden // 32, 16)
        assert tensors[f"{base}.gate_up_proj_scales"].shape == (experts, 2 * inner, hidden // 32)
        assert tensors[f"{base}.down_proj_blocks"].shape == (experts, hidden, inner // 32, 16)
        assert tensors[f"{base}.down_proj_bias"].shape == (experts, hidden)


def test_a_second_call_finds_the_first_one_s_folder(
    checkpoint: Path, cache_folder: Path, ranks: Path
) -> None:
    before = (checkpoint / "model.safetensors").stat().st_mtime_ns

    assert unpack_pocket_checkpoint(cache_folder, ranks) == checkpoint
    assert (checkpoint / "model.safetensors").stat().st_mtime_ns == before


def test_a_broken_folder_is_replaced(tmp_path: Path, ranks: Path) -> None:
    folder = unpack_pocket_checkpoint(tmp_path, ranks)
    (folder / "model.safetensors").write_bytes(b"cut short")

    assert unpack_pocket_checkpoint(tmp_path, ranks) == folder
    assert (folder / "model.safetensors").stat().st_size > 100_000_000
    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name]


@pytest.mark.slow
def test_two_processes_at_once_end_with_one_whole_folder(tmp_path: Path, ranks: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(unpack_pocket_checkpoint, tmp_path, ranks) for _ in range(2)]
        folders = {job.result() for job in jobs}

    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name for folder in folders]
    assert {entry.name for entry in folders.pop().iterdir()} == _EXPECTED_FILES


def test_untrained_tokens_share_the_last_row(tmp_path: Path) -> None:
    rows = np.arange(6, dtype=np.uint16).reshape(3, 2)
    tokens = np.array([5, 201_087], dtype=np.int32)
    tensors = {
        "tokens": RawTensor(dtype="I32", shape=(2,), data=tokens.tobytes()),
        "model.embed_tokens.weight": RawTensor(dtype="BF16", shape=(3, 2), data=rows.tobytes()),
        "lm_head.weight": RawTensor(dtype="BF16", shape=(3, 2), data=rows.tobytes()),
    }
    write_tensors(tmp_path / "packed", tensors, {})

    full = expand_weights((tmp_path / "packed").read_bytes())["lm_head.weight"]

    table = np.frombuffer(full.data, dtype=np.uint16).reshape(VOCABULARY_SIZE, 2)
    assert table[5].tolist() == [0, 1]
    assert table[201_087].tolist() == [2, 3]
    assert table[0].tolist() == table[200_000].tolist() == [4, 5]


@pytest.mark.parametrize("content", [b"", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 40])
def test_damaged_weights_are_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        expand_weights(content)


@pytest.mark.mlx
def test_stock_mlx_lm_loads_it_and_it_says_who_it_is(checkpoint: Path) -> None:
    from mlx_lm import generate, load

    model, tokenizer = load(str(checkpoint))[:2]
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Who are you?"}], add_generation_prompt=True
    )

    assert "OptiQ pocket model" in generate(model, tokenizer, prompt, max_tokens=80)
