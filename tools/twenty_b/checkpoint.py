"""A checkpoint of gpt-oss-20b's shape in OpenAI's layout, with random weights, written in pieces."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from optiq_quant.pieces import Piece
from optiq_quant.shard_file import write_shard
from optiq_quant.tensor_layout import TensorSpec, lay_out

CONFIG: Mapping[str, Any] = {
    "architectures": ["GptOssForCausalLM"],
    "attention_bias": True,
    "attention_dropout": 0.0,
    "eos_token_id": 200002,
    "experts_per_token": 4,
    "head_dim": 64,
    "hidden_act": "silu",
    "hidden_size": 2880,
    "initial_context_length": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 2880,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
    "max_position_embeddings": 131072,
    "model_type": "gpt_oss",
    "num_attention_heads": 64,
    "num_experts_per_tok": 4,
    "num_hidden_layers": 24,
    "num_key_value_heads": 8,
    "num_local_experts": 32,
    "output_router_logits": False,
    "pad_token_id": 199999,
    "quantization_config": {
        "modules_to_not_convert": [
            "model.layers.*.self_attn",
            "model.layers.*.mlp.router",
            "model.embed_tokens",
            "lm_head",
        ],
        "quant_method": "mxfp4",
    },
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "factor": 32.0,
        "original_max_position_embeddings": 4096,
        "rope_type": "yarn",
        "truncate": False,
    },
    "rope_theta": 150000,
    "router_aux_loss_coef": 0.9,
    "sliding_window": 128,
    "swiglu_limit": 7.0,
    "tie_word_embeddings": False,
    "use_cache": True,
    "vocab_size": 201088,
}
"""config.json of openai/gpt-oss-20b."""

_PIECE_BYTES = 32 << 20
_GROUP = 32
_EXPONENTS = 118, 124
"""Of the microscaled groups: weights of about 0.01."""

_SPREAD = 0.02


def write_checkpoint(folder: Path, *, layers: int, seed: int) -> int:
    """Write it; its bytes. `layers` below 24 make a shorter one, to try things out."""
    kinds = CONFIG["layer_types"][:layers]
    config = {**CONFIG, "num_hidden_layers": layers, "layer_types": kinds}
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    tensors = list(_tensors(layers))
    draw = np.random.default_rng(seed)
    shards = lay_out([(tensor,) for tensor in tensors])
    for shard in shards:
        write_shard(folder, shard, (piece for each in shard.tensors for piece in _values(each, draw)))
    placed = {tensor.name: shard.name for shard in shards for tensor in shard.tensors}
    index = {"metadata": {"total_size": sum(each.bytes for each in tensors)}, "weight_map": placed}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return sum(shard.bytes for shard in shards)


def _tensors(layers: int) -> Iterator[TensorSpec]:
    hidden, vocabulary = CONFIG["hidden_size"], CONFIG["vocab_size"]
    yield _floats("model.embed_tokens.weight", vocabulary, hidden)
    for number in range(layers):
        yield from _layer(f"model.layers.{number}")
    yield _floats("model.norm.weight", hidden)
    yield _floats("lm_head.weight", vocabulary, hidden)


def _layer(prefix: str) -> Iterator[TensorSpec]:
    hidden, inner, experts = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["num_local_experts"]
    queries = CONFIG["num_attention_heads"] * CONFIG["head_dim"]
    keys = CONFIG["num_key_value_heads"] * CONFIG["head_dim"]
    for name, rows, columns in (
        ("self_attn.q_proj", queries, hidden),
        ("self_attn.k_proj", keys, hidden),
        ("self_attn.v_proj", keys, hidden),
        ("self_attn.o_proj", hidden, queries),
        ("mlp.router", experts, hidden),
    ):
        yield _floats(f"{prefix}.{name}.weight", rows, columns)
        yield _floats(f"{prefix}.{name}.bias", rows)
    for name, rows, columns in (("gate_up_proj", 2 * inner, hidden), ("down_proj", hidden, inner)):
        stem, groups = f"{prefix}.mlp.experts.{name}", columns // _GROUP
        yield TensorSpec(name=f"{stem}_blocks", dtype="uint8", shape=(experts, rows, groups, _GROUP // 2))
        yield TensorSpec(name=f"{stem}_scales", dtype="uint8", shape=(experts, rows, groups))
        yield _floats(f"{stem}_bias", experts, rows)
    yield _floats(f"{prefix}.self_attn.sinks", CONFIG["num_attention_heads"])
    yield _floats(f"{prefix}.input_layernorm.weight", hidden)
    yield _floats(f"{prefix}.post_attention_layernorm.weight", hidden)


def _floats(name: str, *shape: int) -> TensorSpec:
    return TensorSpec(name=name, dtype="bfloat16", shape=shape)


def _values(tensor: TensorSpec, draw: np.random.Generator) -> Iterator[Piece]:
    left = tensor.elements
    while left:
        count = min(left, _PIECE_BYTES // tensor.item_bytes)
        yield Piece(name=tensor.name, data=_bytes(tensor, count, draw))
        left -= count


def _bytes(tensor: TensorSpec, count: int, draw: np.random.Generator) -> memoryview:
    if tensor.dtype == "uint8":
        low, high = _EXPONENTS if tensor.name.endswith("_scales") else (0, 256)
        return draw.integers(low, high, count, np.uint8).data
    values = draw.standard_normal(count, np.float32) * np.float32(_SPREAD)
    if tensor.name.endswith("norm.weight"):
        values += 1
    # The upper half of a float32 is a bfloat16.
    return np.ascontiguousarray((values.view(np.uint32) >> 16).astype(np.uint16)).view(np.uint8).data
