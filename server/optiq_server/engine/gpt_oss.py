"""gpt-oss on mlx-lm: mlx-lm's model with the reference's rope, and every layout of its experts.

mlx-lm passes over fields of config.json that change the result; those are honoured here or refused by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx_lm.models import gpt_oss

from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.rope import Rope, gpt_oss_rope

_FIXED: Mapping[str, object] = {
    "swiglu_limit": 7.0,
    "swiglu_alpha": 1.702,
    "hidden_act": "silu",
    "attention_bias": True,
    "tie_word_embeddings": False,
}
"""Fields that mlx-lm's gpt_oss has built in, with the values that it computes with."""

_LAYER_KINDS = ("sliding_attention", "full_attention")


def checked_config(config: Mapping[str, object]) -> dict[str, object]:
    """What to put over a gpt_oss config.json so that mlx-lm builds what it means.

    Raises LoadFailed, naming the field, where that cannot be done.
    """
    for name, value in _FIXED.items():
        if config.get(name) not in (None, value):
            raise LoadFailed(
                f"config.json: {name} is {config[name]!r}; gpt_oss is computed with {value!r} only"
            )
    layers = config.get("num_hidden_layers", gpt_oss.ModelArgs.num_hidden_layers)
    if not isinstance(layers, int):
        raise LoadFailed(f"config.json: num_hidden_layers is {layers!r}; it must be an integer")
    return {
        "layer_types": _layer_types(config.get("layer_types"), layers),
        "rope_parameters": None,
        "rope_scaling": None,
        "rope": gpt_oss_rope(config, head_dim=_head_dim(config)),
        "head_dim": _head_dim(config),
    }


def _layer_types(stated: object, layers: int) -> list[str]:
    """One kind for each layer; alternating where config.json says nothing, whatever the number of layers."""
    kinds = [_LAYER_KINDS[i % 2] for i in range(layers)] if stated is None else stated
    if not isinstance(kinds, list) or len(kinds) != layers or set(kinds) != set(_LAYER_KINDS):
        raise LoadFailed(
            f"config.json: layer_types must name {layers} layers, each sliding_attention or full_attention, "
            "and at least one of each"
        )
    return kinds


def _head_dim(config: Mapping[str, object]) -> int:
    head_dim = config.get("head_dim", gpt_oss.ModelArgs.head_dim)
    if not isinstance(head_dim, int) or head_dim <= 0 or head_dim % 2:
        raise LoadFailed(f"config.json: head_dim is {head_dim!r}; it must be an even number")
    return head_dim


@dataclass
class ModelArgs(gpt_oss.ModelArgs):
    """mlx-lm's arguments and the rope, which `checked_config` has put in the config."""

    rope: Rope | None = None


class ReferenceRope(Module):
    """Rotates queries or keys (B, heads, L, head_dim) by the reference's frequencies."""

    def __init__(self, rope: Rope) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # mlx.nn ships no types
        self._scale = rope.scale
        self._wavelengths = mx.array(rope.wavelengths, mx.float32)
        # A lazy array belongs to the stream of the thread that made it; this one is no parameter, so that
        # nobody else evaluates it.
        mx.eval(self._wavelengths)

    def __call__(self, x: mx.array, offset: int | mx.array = 0) -> mx.array:
        return mx.fast.rope(
            x if self._scale == 1.0 else x * self._scale,
            x.shape[-1],
            traditional=False,
            base=None,
            scale=1.0,
            offset=offset,
            freqs=self._wavelengths,
        )


class Model(gpt_oss.Model):
    """mlx-lm's gpt_oss with the reference's rope in each layer."""

    def __init__(self, args: ModelArgs) -> None:
        if args.rope is None:
            raise LoadFailed("gpt_oss needs a rope; pass the config through checked_config")
        super().__init__(args)
        rope = ReferenceRope(args.rope)
        for layer in self.layers:
            layer.self_attn.rope = rope

    def sanitize(self, weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
        """Rename and lay out a checkpoint's tensors as mlx-lm's modules want them.

        Experts that are not quantized come from Hugging Face as `gate_up_proj` (E, in, 2 x out), gate and up
        interleaved, and `down_proj` (E, in, out), without `.weight`; mlx-lm knows them only as (E, out, in).
        """
        named = dict(_dense_expert(name, array) for name, array in weights.items())
        sanitized: dict[str, mx.array] = super().sanitize(named)  # type: ignore[no-untyped-call]  # as above
        return sanitized


def give_stock_rope(model: Model, config: Mapping[str, object]) -> None:
    """Let `model` compute what stock mlx-lm makes of `config`, to be compared with it: with its rope."""
    stock = gpt_oss.Model(gpt_oss.ModelArgs.from_dict(dict(config)))
    for layer, other in zip(model.layers, stock.layers, strict=True):
        layer.self_attn.rope = other.self_attn.rope


def _dense_expert(name: str, array: mx.array) -> tuple[str, mx.array]:
    if name.endswith((".experts.gate_up_proj", ".experts.down_proj")):
        return f"{name}.weight", mx.swapaxes(array, -1, -2)
    return name, array
