"""How many bytes keys and values take, and how many sequences fit. Pure numbers from a config, no arrays.

Rule 1: a sequence counts with the most tokens it may ever hold, so that what was admitted never has to go.
Rule 2: rows that decode together are padded to the longest, in steps of `_STEP_TOKENS`: the batch counts as
        so many of its longest.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

_STEP_TOKENS = 256
"""mlx-lm's caches grow by so many tokens at a time."""

_CHUNK_TOKENS = 2048
"""Sliding layers hold a whole chunk of prompt beside their window while it is computed."""

_SHARE = 0.85
"""Of what is left beside the weights; the rest is for activations, logits and what the system wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KvShape:
    """Bytes of keys and values a token: in all full layers together, and in all sliding ones of `window`."""

    full_bytes: int
    sliding_bytes: int
    window: int

    def sequence_bytes(self, tokens: int) -> int:
        """What a sequence of so many tokens holds while it decodes."""
        return self.full_bytes * _rounded(tokens) + self.sliding_bytes * min(tokens, self.window)


@dataclass(frozen=True, slots=True, kw_only=True)
class KvBudget:
    """`total` bytes for the keys and values of everything that runs, and of what is kept of the past."""

    shape: KvShape
    total: int

    def committed(self, tokens: Collection[int]) -> int:
        """What sequences that hold at most so many tokens each may take together."""
        longest = max(tokens, default=0)
        chunk = self.shape.sliding_bytes * _CHUNK_TOKENS if tokens else 0
        return len(tokens) * self.shape.sequence_bytes(longest) + chunk

    def fits(self, tokens: Collection[int]) -> bool:
        return self.committed(tokens) <= self.total

    def longest(self) -> int:
        """The most tokens that one sequence may hold if it is alone; 0 where not even one step fits."""
        fixed = self.committed([0]) + self.shape.sliding_bytes * self.shape.window
        per_step = self.shape.full_bytes * _STEP_TOKENS
        if not per_step:
            return _UNBOUNDED if fixed <= self.total else 0
        return max(0, (self.total - fixed) // per_step) * _STEP_TOKENS


_UNBOUNDED = 1 << 31


def kv_budget(config: Mapping[str, object], *, element_bytes: int, left: int) -> KvBudget | None:
    """The budget where `left` bytes remain beside the weights; None where config.json does not tell."""
    shape = kv_shape(config, element_bytes=element_bytes)
    return None if shape is None else KvBudget(shape=shape, total=int(max(0, left) * _SHARE))


def kv_shape(config: Mapping[str, object], *, element_bytes: int) -> KvShape | None:
    """What a token's keys and values take by a model's config.json; None where it does not tell."""
    layers = _integer(config, "num_hidden_layers")
    queries = _integer(config, "num_attention_heads")
    heads = _integer(config, "num_key_value_heads") or queries
    width = _integer(config, "head_dim")
    if not width and queries:
        width = _integer(config, "hidden_size") // queries
    if not (layers and heads and width):
        return None
    layer_bytes = 2 * heads * width * element_bytes
    sliding = _sliding_layers(config, layers)
    return KvShape(
        full_bytes=layer_bytes * (layers - sliding),
        sliding_bytes=layer_bytes * sliding,
        window=_integer(config, "sliding_window") or 0,
    )


def _sliding_layers(config: Mapping[str, object], layers: int) -> int:
    kinds = config.get("layer_types")
    if isinstance(kinds, list):
        return kinds.count("sliding_attention")
    # gpt_oss alternates where its config says nothing; of others nothing is assumed.
    return (layers + 1) // 2 if config.get("model_type") == "gpt_oss" else 0


def _integer(config: Mapping[str, object], name: str) -> int:
    value = config.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _rounded(tokens: int) -> int:
    return -(-tokens // _STEP_TOKENS) * _STEP_TOKENS
