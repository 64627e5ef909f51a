"""Compute what the engine's parity tests compare with: a tiny random gpt_oss in Hugging Face transformers.

Writes a checkpoint in OpenAI's own layout (MXFP4 experts as `*_blocks` and `*_scales`, bfloat16 elsewhere),
3,000 tokens with the reference's log-probabilities at some positions, and rotary frequencies for each
spelling of a config. Run once, in an environment of its own:

    pip install torch==2.13.0 transformers==5.23.0 safetensors==0.8.0
    OMP_NUM_THREADS=1 python tools/reference_logits.py tests/data/gpt_oss_reference
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GptOssConfig
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssRotaryEmbedding
from transformers.utils.quantization_config import Mxfp4Config

TOKENS = 3000
VOCABULARY = 512
HIDDEN = 64
EXPERTS = 4
LAYERS = 4
HEADS, KV_HEADS, HEAD_DIM = 4, 2, 64

BANDS = ((0, 128), (128, 512), (512, 2048), (2048, TOKENS))
POSITIONS_PER_BAND = 32

YARN = {
    "rope_type": "yarn",
    "factor": 32.0,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "truncate": False,
    "original_max_position_embeddings": 4096,
}
"""As in gpt-oss-20b's config.json."""

CONFIG = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "num_hidden_layers": LAYERS,
    "num_local_experts": EXPERTS,
    "num_experts_per_tok": 2,
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "intermediate_size": HIDDEN,
    "head_dim": HEAD_DIM,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS,
    "sliding_window": 128,
    "layer_types": ["sliding_attention", "full_attention"] * (LAYERS // 2),
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-05,
    "hidden_act": "silu",
    "attention_bias": True,
    "swiglu_limit": 7.0,
    "rope_theta": 150000,
    "rope_scaling": YARN,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "quantization_config": {
        "quant_method": "mxfp4",
        "modules_to_not_convert": [
            "model.layers.*.self_attn",
            "model.layers.*.mlp.router",
            "model.embed_tokens",
            "lm_head",
        ],
    },
}

FP4_VALUES = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0], np.float32)
"""What the lower three bits of an E2M1 code stand for; the fourth is the sign."""

ROPE_CASES: tuple[dict[str, object], ...] = (
    {},
    {"rope_theta": 10000.0},
    {"rope_theta": 150000, "rope_scaling": YARN},
    {"rope_theta": 150000, "rope_scaling": {**YARN, "truncate": True}},
    {"rope_theta": 150000, "rope_scaling": {k: v for k, v in YARN.items() if k != "truncate"}},
    {
        "rope_theta": 10000,
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
    },
    {"rope_parameters": {**YARN, "rope_theta": 150000.0}},
    {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}, "rope_theta": 7.0},
    {"rope_parameters": {**YARN, "rope_theta": 1000.0, "attention_factor": 1.25}},
    {"rope_parameters": {**YARN, "rope_theta": 1000.0, "mscale": 0.7, "mscale_all_dim": 0.3}},
    {
        "rope_parameters": {"rope_type": "yarn", "factor": 2.0, "rope_theta": 150000.0},
        "max_position_embeddings": 2048,
    },
    {"rope_parameters": {**YARN, "rope_theta": 150000.0}, "original_max_position_embeddings": 1024},
)


def main() -> None:
    """Write everything to the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(20)

    write_checkpoint(folder, random)
    tokens = random.integers(0, VOCABULARY, TOKENS)
    logits = reference_logits(folder, tokens)
    write_reference(folder, tokens, logits)
    write_rope_cases(folder)


def write_checkpoint(folder: Path, random: np.random.Generator) -> None:
    def normal(*shape: int, scale: float) -> torch.Tensor:
        return torch.from_numpy(random.normal(0.0, scale, shape).astype(np.float32)).to(torch.bfloat16)

    def around_one() -> torch.Tensor:
        return 1.0 + normal(HIDDEN, scale=0.1)

    tensors: dict[str, torch.Tensor] = {
        "model.embed_tokens.weight": normal(VOCABULARY, HIDDEN, scale=1.0),
        "lm_head.weight": normal(VOCABULARY, HIDDEN, scale=0.2),
        "model.norm.weight": around_one(),
    }
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        for part, heads in (("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS)):
            tensors[f"{name}.self_attn.{part}_proj.weight"] = normal(heads * HEAD_DIM, HIDDEN, scale=0.15)
            tensors[f"{name}.self_attn.{part}_proj.bias"] = normal(heads * HEAD_DIM, scale=0.2)
        tensors[f"{name}.self_attn.o_proj.weight"] = normal(HIDDEN, HEADS * HEAD_DIM, scale=0.1)
        tensors[f"{name}.self_attn.o_proj.bias"] = normal(HIDDEN, scale=0.2)
        tensors[f"{name}.self_attn.sinks"] = normal(HEADS, scale=1.0)
        tensors[f"{name}.input_layernorm.weight"] = around_one()
        tensors[f"{name}.post_attention_layernorm.weight"] = around_one()
        tensors[f"{name}.mlp.router.weight"] = normal(EXPERTS, HIDDEN, scale=0.2)
        tensors[f"{name}.mlp.router.bias"] = normal(EXPERTS, scale=0.2)
        for part, rows in (("gate_up_proj", 2 * HIDDEN), ("down_proj", HIDDEN)):
            blocks, scales = encode_mxfp4(
                random.normal(0.0, 0.15, (EXPERTS, rows, HIDDEN)).astype(np.float32)
            )
            tensors[f"{name}.mlp.experts.{part}_blocks"] = torch.from_numpy(blocks)
            tensors[f"{name}.mlp.experts.{part}_scales"] = torch.from_numpy(scales)
            tensors[f"{name}.mlp.experts.{part}_bias"] = normal(EXPERTS, rows, scale=0.2)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")


def encode_mxfp4(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E, out, in) float32 -> blocks (E, out, in / 32, 16), two codes a byte, and scales (E, out, in / 32).

    A group of 32 shares a power of two, stored with a bias of 127 (OCP Microscaling Formats 1.0).
    """
    groups = weights.reshape(*weights.shape[:-1], -1, 32)
    exponents = np.floor(np.log2(np.abs(groups).max(axis=-1))) - 2
    scaled = groups / np.exp2(exponents)[..., None]
    codes = np.abs(np.abs(scaled)[..., None] - FP4_VALUES).argmin(axis=-1).astype(np.uint8)
    codes |= (scaled < 0).astype(np.uint8) << 3
    return codes[..., 0::2] | codes[..., 1::2] << 4, (exponents + 127).astype(np.uint8)


def reference_logits(folder: Path, tokens: np.ndarray) -> np.ndarray:
    """Logits (TOKENS, VOCABULARY) of the reference in float32, with plain attention."""
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation="eager",
        quantization_config=Mxfp4Config(dequantize=True),
    ).to(torch.float32)
    with torch.no_grad():
        logits: np.ndarray = model(torch.from_numpy(tokens)[None]).logits[0].numpy()
    return logits


def write_reference(folder: Path, tokens: np.ndarray, logits: np.ndarray) -> None:
    positions = np.concatenate([np.linspace(a, b - 1, POSITIONS_PER_BAND).astype(int) for a, b in BANDS])
    log_probabilities = torch.log_softmax(torch.from_numpy(logits[positions]).double(), dim=-1).numpy()
    np.savez_compressed(
        folder / "reference.npz",
        tokens=tokens.astype(np.uint16),
        positions=positions.astype(np.uint16),
        log_probabilities=log_probabilities.astype(np.float32),
        top_tokens=logits.argmax(axis=-1).astype(np.uint16),
    )


def write_rope_cases(folder: Path) -> None:
    cases = []
    for config in ROPE_CASES:
        # A copy: transformers completes the dictionaries that it is given.
        embedding = GptOssRotaryEmbedding(GptOssConfig(**json.loads(json.dumps(config)), head_dim=HEAD_DIM))
        cases.append(
            {
                "config": config,
                "head_dim": HEAD_DIM,
                "inverse_frequencies": [float(f"{x:.7g}") for x in embedding.inv_freq.tolist()],
                "scale": embedding.attention_scaling,
            }
        )
    (folder / "rope.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
