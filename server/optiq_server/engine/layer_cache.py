"""What we use of mlx-lm's batch caches, typed: one for each layer, all with the same rows.

mlx-lm ships no types, and some of what is used here it calls its own; both stand in this file alone.
"""

from collections.abc import Sequence
from typing import Protocol, TypeAlias, cast

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx_lm.models.cache import BatchRotatingKVCache, make_prompt_cache


class LayerCache(Protocol):
    """Keys and values (B, heads, columns, head_dim); each row's last token is in column `_idx` - 1.

    `offset` (B,) counts each row's tokens.
    """

    keys: mx.array
    values: mx.array
    offset: mx.array
    _idx: int

    @property
    def state(self) -> object:
        """All arrays, to be evaluated."""

    def extend(self, other: "LayerCache") -> None: ...

    def filter(self, batch_indices: list[int]) -> None: ...

    def prepare(self, *, lengths: list[int], right_padding: list[int]) -> None: ...

    def finalize(self) -> None: ...

    def keys_and_values(self) -> tuple[mx.array, mx.array]: ...


class SlidingCache(LayerCache, Protocol):
    """The last `max_size` tokens: in the order of time, or, when `rotated`, as a ring."""

    max_size: int
    rotated: bool

    def _temporal_order(self) -> None: ...


Caches: TypeAlias = list[LayerCache]


def fresh_caches(model: Module) -> Caches:
    """Empty caches of one row."""
    return [type(cache).merge([cache]) for cache in make_prompt_cache(model)]


def as_sliding(cache: LayerCache) -> SlidingCache | None:
    """The cache as a sliding one; None if it is not."""
    kind: object = cache
    return cast("SlidingCache", cache) if isinstance(kind, BatchRotatingKVCache) else None


def extend(caches: Caches, others: Caches) -> None:
    """Put the rows of `others` behind those of `caches`; `others` are of no use afterwards."""
    for cache, other in zip(caches, others, strict=True):
        cache.extend(other)


def keep_rows(caches: Caches, rows: Sequence[int]) -> None:
    """Drop the other rows."""
    for cache in caches:
        cache.filter(list(rows))


def settle(caches: Caches) -> None:
    """Bring the rings into the order of time: a step of several tokens masks by columns."""
    for cache in caches:
        sliding = as_sliding(cache)
        if sliding is not None and sliding.rotated:
            sliding._temporal_order()
