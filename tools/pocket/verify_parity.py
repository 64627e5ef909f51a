"""Compare the trainer's model with Hugging Face's GptOss on the unpacked checkpoint, in float32.

`python -m tools.pocket.verify_parity --from final.pt --checkpoint FOLDER` prints the largest difference of
the logits over a sequence longer than the sliding window. The folder must come from an export of `--from`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from tools.pocket.model import PocketModel
from tools.pocket.shape import ModelShape

_LENGTH = 500
_QUANTISED = (".gate_up", ".down")


def exported_model(path: Path) -> tuple[PocketModel, list[int]]:
    """The trainer's model with every weight rounded as the export rounds it."""
    state = torch.load(path, weights_only=True)
    model = PocketModel(ModelShape(rows=len(state["tokens"]) + 1))
    rounded = {
        name: tensor if name.endswith(_QUANTISED) else tensor.to(torch.bfloat16).float()
        for name, tensor in state["model"].items()
    }
    model.load_state_dict(rounded)
    return model, state["tokens"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, tokens = exported_model(options.source)
    rows = torch.randint(0, len(tokens), (1, _LENGTH), generator=torch.Generator().manual_seed(0))
    ids = torch.tensor(tokens)[rows]
    reference = AutoModelForCausalLM.from_pretrained(
        options.checkpoint, dtype=torch.float32, attn_implementation="eager"
    )
    with torch.no_grad():
        everywhere = torch.arange(_LENGTH)[None]
        hidden, _ = model(rows[:, :0], rows, torch.zeros(1, dtype=torch.long), everywhere)
        ours = model.logits(hidden)[0, :, :-1]
        theirs = reference(ids).logits[0][:, torch.tensor(tokens)]
    difference = (ours - theirs).abs().max().item()
    agree = (ours.argmax(-1) == theirs.argmax(-1)).float().mean().item()
    largest = theirs.abs().max().item()
    print(f"largest |logit difference| {difference:.2e} of {largest:.1f}; top-1 agree {agree:.4f}")


if __name__ == "__main__":
    main()
