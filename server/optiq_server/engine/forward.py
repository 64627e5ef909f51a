"""One forward pass over rows of different lengths. Knows caches and a model, nothing of what is drawn."""

from collections.abc import Sequence

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_server.engine.layer_cache import Caches, settle


def feed(model: Module, caches: Caches, first: mx.array, behind: Sequence[Sequence[int]]) -> mx.array:
    """Feed each row its `first` token (B,) and those behind it; the logits (B, V) after each row's last.

    The caches hold the tokens afterwards. Nothing is computed yet.
    """
    longest = max(len(each) for each in behind)
    if longest == 0:
        logits: mx.array = model(first[:, None], cache=caches)
        return logits[:, -1, :]
    padded = mx.array([[*each, *[0] * (longest - len(each))] for each in behind], mx.uint32)
    lengths = [1 + len(each) for each in behind]
    logits = _ragged(model, caches, mx.concatenate([first[:, None], padded], axis=1), lengths)
    last = mx.array(lengths)[:, None, None] - 1
    return mx.take_along_axis(logits, last, axis=1)[:, 0, :]


def prefill(model: Module, caches: Caches, rows: Sequence[Sequence[int]]) -> None:
    """Feed each row its tokens, at least one, and compute the caches. No logits are."""
    longest = max(map(len, rows))
    padded = mx.array([[*row, *[0] * (longest - len(row))] for row in rows], mx.uint32)
    _ragged(model, caches, padded, [len(row) for row in rows])
    mx.eval([cache.state for cache in caches])
    mx.clear_cache()


def _ragged(model: Module, caches: Caches, tokens: mx.array, lengths: Sequence[int]) -> mx.array:
    """Tokens (B, L), of which each row's first `lengths` count -> logits (B, L, V)."""
    padding = [tokens.shape[1] - length for length in lengths]
    settle(caches)
    is_ragged = any(padding)
    if is_ragged:
        for cache in caches:
            cache.prepare(lengths=list(lengths), right_padding=padding)
    logits: mx.array = model(tokens, cache=caches)
    if is_ragged:
        for cache in caches:
            cache.finalize()
    return logits
