"""Pack a training checkpoint for the wheel: `python -m tools.pocket.export --from final.pt --to FOLDER`.

Experts become MXFP4 blocks and scales in OpenAI's layout, all else bfloat16; the embedding and the head keep
only their trained rows. `optiq_server.pocket.checkpoint` makes an ordinary checkpoint of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from optiq_server.pocket.tensor_file import RawTensor, write_tensors
from tools.pocket.quantise import encode

PACKED_NAME = "pocket.safetensors"


def _bfloat16(tensor: Tensor) -> RawTensor:
    bits = tensor.detach().to(torch.bfloat16).contiguous().view(torch.int16)
    return RawTensor(dtype="BF16", shape=tuple(tensor.shape), data=bits.numpy().tobytes())


def _bytes(tensor: Tensor) -> RawTensor:
    return RawTensor(dtype="U8", shape=tuple(tensor.shape), data=tensor.contiguous().numpy().tobytes())


def _layer(prefix: str, weights: dict[str, Tensor]) -> dict[str, RawTensor]:
    """One block's tensors under Hugging Face's names."""
    named: dict[str, RawTensor] = {}
    for name, tensor in weights.items():
        if name in ("mlp.gate_up", "mlp.down"):
            blocks, scales = encode(tensor)
            base = f"{prefix}.mlp.experts.{name.removeprefix('mlp.')}_proj"
            named[f"{base}_blocks"], named[f"{base}_scales"] = _bytes(blocks), _bytes(scales)
        elif name in ("mlp.gate_up_bias", "mlp.down_bias"):
            stem = name.removeprefix("mlp.").removesuffix("_bias")
            named[f"{prefix}.mlp.experts.{stem}_proj_bias"] = _bfloat16(tensor)
        else:
            place = (
                f"self_{name.replace('attention.', 'attn.', 1)}" if name.startswith("attention.") else name
            )
            named[f"{prefix}.{place}"] = _bfloat16(tensor)
    return named


def pack(model: dict[str, Tensor], tokens: list[int]) -> dict[str, RawTensor]:
    """All tensors of the packed file by name."""
    ids = torch.tensor(tokens, dtype=torch.int32)
    named = {
        "tokens": RawTensor(dtype="I32", shape=(len(tokens),), data=ids.numpy().tobytes()),
        "model.embed_tokens.weight": _bfloat16(model["embedding"]),
        "lm_head.weight": _bfloat16(model["head"]),
        "model.norm.weight": _bfloat16(model["norm.weight"]),
    }
    layers = {name.split(".")[1] for name in model if name.startswith("blocks.")}
    for layer in sorted(layers, key=int):
        start = f"blocks.{layer}."
        weights = {name.removeprefix(start): t for name, t in model.items() if name.startswith(start)}
        named |= _layer(f"model.layers.{layer}", weights)
    return named


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="source", type=Path, required=True, help="a checkpoint of train.py")
    parser.add_argument("--to", type=Path, default=Path("server/optiq_server/pocket"))
    options = parser.parse_args()
    state = torch.load(options.source, weights_only=True)
    path = options.to / PACKED_NAME
    write_tensors(
        path, pack(state["model"], state["tokens"]), {"tokens_trained": str(state["progress"]["tokens"])}
    )
    print(f"{path}: {path.stat().st_size:,} bytes, {len(state['tokens'])} tokens with a row")


if __name__ == "__main__":
    main()
