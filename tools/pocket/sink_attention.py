"""Attention with sinks as one autograd function, a sequence at a time so that its scores stay in the cache.

torch's own softmax over `[scores, sink]` needs a copy of the scores in each direction, which made up a fifth
of a training step. A sink is one more score with the value zero, so it only enlarges the denominator.
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False, warn-return-any=False
# (torch is not installed where the gate runs, so its types are unknown there)

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def _scores(query: Tensor, key: Tensor, hidden: Tensor, sink: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (G, N, T) of one sequence, and the sink's weight (G, N, 1); `hidden` is 0 or -inf."""
    weights = torch.baddbmm(hidden, query, key.transpose(1, 2))
    largest = torch.maximum(weights.amax(dim=-1, keepdim=True), sink)
    weights.sub_(largest).exp_()
    at_sink = (sink - largest).exp_()
    total = weights.sum(dim=-1, keepdim=True).add_(at_sink)
    return weights.div_(total), at_sink.div_(total)


class SinkAttention(torch.autograd.Function):
    """query (B, G, N, D), key and value (B, G, T, D), hidden (B or 1, N, T), sink (G, N, 1) to (B, G, N, D).

    G counts key/value heads; the N queries of one of them are those of all its query heads in turn.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  # torch's context object has no type
        query: Tensor,
        key: Tensor,
        value: Tensor,
        hidden: Tensor,
        sink: Tensor,
    ) -> Tensor:
        out = torch.empty_like(query)
        kept, kept_sink = [], []
        for b in range(len(query)):
            weights, at_sink = _scores(query[b], key[b], hidden[b if len(hidden) > 1 else 0], sink)
            torch.bmm(weights, value[b], out=out[b])
            kept.append(weights)
            kept_sink.append(at_sink)
        ctx.save_for_backward(query, key, value, out, *kept, *kept_sink)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, Tensor]:  # noqa: ANN401
        query, key, value, out, *kept = ctx.saved_tensors
        kept, kept_sink = kept[: len(query)], kept[len(query) :]
        d_query, d_key, d_value = (torch.empty_like(x) for x in (query, key, value))
        d_sink = torch.zeros_like(kept_sink[0])
        for b, (weights, at_sink) in enumerate(zip(kept, kept_sink, strict=True)):
            torch.bmm(weights.transpose(1, 2), grad[b], out=d_value[b])
            mean = (grad[b] * out[b]).sum(dim=-1, keepdim=True)
            d_scores = torch.bmm(grad[b], value[b].transpose(1, 2)).sub_(mean).mul_(weights)
            torch.bmm(d_scores, key[b], out=d_query[b])
            torch.bmm(d_scores.transpose(1, 2), query[b], out=d_key[b])
            d_sink -= at_sink * mean
        return d_query, d_key, d_value, None, d_sink
