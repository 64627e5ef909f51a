"""Keys and values cut out of a batch's caches, and caches made of them again.

A block holds what one run of tokens adds: of each full layer the keys and values of these tokens, of each
sliding layer the last `window` ones before the end of the run, because an older one is never attended to
again. A chain of blocks from the first token on is a cache.

Written for mlx-lm 0.32: its batch caches hold each row's last token in the last column. Other kinds of cache
than its two with keys and values cannot be cut; `is_divisible` tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import mlx.core as mx
from mlx_lm.models.cache import BatchKVCache, BatchRotatingKVCache, RotatingKVCache

from optiq_server.engine.layer_cache import Caches, LayerCache, SlidingCache, as_sliding


@dataclass(frozen=True, slots=True)
class Slice:
    """Keys and values (1, heads, tokens, head_dim) of one layer."""

    keys: mx.array
    values: mx.array

    @property
    def nbytes(self) -> int:
        return int(self.keys.nbytes + self.values.nbytes)


@dataclass(frozen=True, slots=True)
class Block:
    """One slice for each layer; the run ends after `end` tokens."""

    end: int
    slices: tuple[Slice, ...]

    @property
    def nbytes(self) -> int:
        return sum(each.nbytes for each in self.slices)


def is_divisible(caches: Sequence[object]) -> bool:
    """Whether blocks can be cut from these caches."""
    return all(isinstance(cache, BatchKVCache | BatchRotatingKVCache) for cache in caches)


def block_bytes(caches: Caches, *, start: int, end: int) -> int:
    """How many bytes `cut` would take."""
    total = 0
    for cache in caches:
        sliding = as_sliding(cache)
        length = end - start if sliding is None else _window(sliding, end)
        for array in (cache.keys, cache.values):
            total += length * array.shape[1] * array.shape[3] * array.dtype.size
    return total


def cut(caches: Caches, row: int, *, start: int, end: int, held: int) -> Block | None:
    """The block of the tokens from `start` to `end` of a row that holds `held` tokens; arrays of its own.

    None where a sliding layer has dropped what it needs: the end lies too far back.
    """
    slices = []
    for cache in caches:
        sliding = as_sliding(cache)
        length = end - start if sliding is None else _window(sliding, end)
        columns = cache.keys_and_values() if sliding is None else _in_order(sliding)
        stop = columns[0].shape[2] - (held - end)
        if stop < length:
            return None
        keys, values = (mx.contiguous(each[row : row + 1, :, stop - length : stop]) for each in columns)
        slices.append(Slice(keys, values))
    mx.eval([(each.keys, each.values) for each in slices])
    return Block(end=end, slices=tuple(slices))


def paste(fresh: Caches, chain: Sequence[Block]) -> Caches:
    """Caches of one row that hold what the chain holds; `fresh` are empty ones of the same model."""
    end = chain[-1].end
    pasted = []
    for layer, cache in enumerate(fresh):
        sliding = as_sliding(cache)
        if sliding is None:
            pasted.append(_full([block.slices[layer] for block in chain], end))
        else:
            pasted.append(_sliding(sliding.max_size, chain[-1].slices[layer], end))
    return pasted


def _window(cache: SlidingCache, end: int) -> int:
    return min(end, cache.max_size)


def _in_order(cache: SlidingCache) -> tuple[mx.array, mx.array]:
    """The columns in the order of time, up to the last one that is in use."""
    if cache.rotated:
        return mx.roll(cache.keys, -cache._idx, 2), mx.roll(cache.values, -cache._idx, 2)
    return cache.keys[..., : cache._idx, :], cache.values[..., : cache._idx, :]


def _full(slices: Sequence[Slice], end: int) -> LayerCache:
    cache = cast("LayerCache", BatchKVCache([0]))
    cache.keys = mx.concatenate([each.keys for each in slices], axis=2)
    cache.values = mx.concatenate([each.values for each in slices], axis=2)
    cache.offset = mx.array([end])
    cache._idx = end
    return cache


def _sliding(window: int, held: Slice, end: int) -> LayerCache:
    cache = RotatingKVCache(max_size=window)
    cache.state = (held.keys, held.values, end, 0, window, held.keys.shape[2])
    merged: LayerCache = BatchRotatingKVCache.merge([cache])
    return merged
