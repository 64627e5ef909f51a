"""gpt_oss in torch, written for training on one CPU core.

It computes what Hugging Face's `GptOssForCausalLM` computes (`verify_parity.py` compares them), with four
savings: what all conversations begin with runs once, experts run sparsely, the last layer runs only where a
token is predicted, and the vocabulary is the used rows plus one shared row.
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False, warn-return-any=False
# (torch is not installed where the gate runs, so its types are unknown there)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.pocket.quantise import fake_quantise
from tools.pocket.shape import (
    RMS_EPS,
    SWIGLU_ALPHA,
    SWIGLU_LIMIT,
    ModelShape,
    rope_attention_scale,
    rope_frequencies,
)
from tools.pocket.sink_attention import SinkAttention


@dataclass(frozen=True, slots=True)
class State:
    """The residual: shared prefixes (G, P, H), bodies (B, T, H), and which prefix each body follows (B,)."""

    prefix: Tensor
    body: Tensor
    owner: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> State:
        return State(function(self.prefix), function(self.body), self.owner)


class RMSNorm(nn.Module):
    """Root-mean-square normalisation with a learned gain."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, RMS_EPS)


class Rotary(nn.Module):
    """YaRN positions in the half-split layout: dimension f turns together with dimension f + 32."""

    cosine: Tensor
    sine: Tensor

    def __init__(self, head_dim: int, longest: int = 2048) -> None:
        super().__init__()
        angles = torch.outer(
            torch.arange(longest, dtype=torch.float64),
            torch.tensor(rope_frequencies(head_dim), dtype=torch.float64),
        )
        scale = rope_attention_scale()
        self.register_buffer("cosine", (angles.cos() * scale).float(), persistent=False)
        self.register_buffer("sine", (angles.sin() * scale).float(), persistent=False)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Turn x (B, H, T, D) by positions (T,) or (B, T)."""
        cosine, sine = self.cosine[positions], self.sine[positions]
        if positions.dim() == 2:
            cosine, sine = cosine[:, None], sine[:, None]
        first, second = x.chunk(2, dim=-1)
        return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


class Attention(nn.Module):
    """Grouped-query attention with biases, a learned sink for each head, and an optional window."""

    def __init__(self, shape: ModelShape, window: int | None) -> None:
        super().__init__()
        self.shape, self.window = shape, window
        wide, narrow = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.hidden, wide)
        self.k_proj = nn.Linear(shape.hidden, narrow)
        self.v_proj = nn.Linear(shape.hidden, narrow)
        self.o_proj = nn.Linear(wide, shape.hidden)
        self.sinks = nn.Parameter(torch.zeros(shape.heads))

    def forward(self, state: State, queries: Tensor, positions: Tensor, rotary: Rotary) -> State:
        """Attend from the whole prefix and from `queries` (B, S, H) at `positions` (S,) or (B, S).

        Without a prefix output to compute (the last layer needs none) pass `queries` for chosen places only.
        """
        shared = state.prefix.shape[1]
        k_body, v_body = self._keys_values(state.body, shared, rotary)
        steps = torch.arange(shared + state.body.shape[1])
        if not shared:
            return State(
                state.prefix, self._attend(queries, k_body, v_body, positions, steps, rotary), state.owner
            )
        k, v = self._keys_values(state.prefix, 0, rotary)
        prefix = self._attend(state.prefix, k, v, steps[:shared], steps[:shared], rotary)
        k_body = torch.cat((k[state.owner], k_body), dim=2)
        v_body = torch.cat((v[state.owner], v_body), dim=2)
        body = self._attend(queries, k_body, v_body, positions, steps, rotary)
        return State(prefix, body, state.owner)

    def _keys_values(self, x: Tensor, start: int, rotary: Rotary) -> tuple[Tensor, Tensor]:
        shape = self.shape
        k = self.k_proj(x).unflatten(-1, (shape.kv_heads, shape.head_dim)).transpose(1, 2)
        v = self.v_proj(x).unflatten(-1, (shape.kv_heads, shape.head_dim)).transpose(1, 2)
        return rotary(k, torch.arange(start, start + x.shape[1])), v

    def _attend(
        self, queries: Tensor, k: Tensor, v: Tensor, positions: Tensor, steps: Tensor, rotary: Rotary
    ) -> Tensor:
        shape = self.shape
        batch, length = queries.shape[:2]
        group = shape.heads // shape.kv_heads
        q = self.q_proj(queries).unflatten(-1, (shape.heads, shape.head_dim)).transpose(1, 2)
        q = rotary(q, positions) * shape.head_dim**-0.5
        q = q.reshape(batch, shape.kv_heads, group * length, shape.head_dim)
        seen = steps <= positions[..., None]
        if self.window is not None:
            seen = seen & (steps > positions[..., None] - self.window)
        hidden = torch.zeros(seen.shape).masked_fill(~seen, float("-inf"))
        hidden = (hidden if hidden.dim() == 3 else hidden[None]).repeat(1, group, 1)
        sink = self.sinks.view(shape.kv_heads, group, 1, 1).expand(-1, -1, length, 1).flatten(1, 2)
        out = SinkAttention.apply(q, k.contiguous(), v.contiguous(), hidden, sink)
        out = out.view(batch, shape.heads, length, shape.head_dim).transpose(1, 2)
        return self.o_proj(out.flatten(-2))


class Experts(nn.Module):
    """Top-k routed experts with the clamped SwiGLU; weights are MXFP4 in the forward pass."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        count, inner, hidden = shape.experts, shape.intermediate, shape.hidden
        self.router = nn.Linear(hidden, count)
        # Rows 0::2 of gate_up are the gate and rows 1::2 the linear half, as in OpenAI's checkpoint.
        self.gate_up = nn.Parameter(torch.randn(count, 2 * inner, hidden) * hidden**-0.5)
        self.gate_up_bias = nn.Parameter(torch.zeros(count, 2 * inner))
        self.down = nn.Parameter(torch.randn(count, hidden, inner) * 0.3 * inner**-0.5)
        self.down_bias = nn.Parameter(torch.zeros(count, hidden))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (N, H) to (output (N, H), load-balancing loss)."""
        shape = self.shape
        scores = self.router(x)
        top, chosen = scores.topk(shape.top_k, dim=-1)
        weights = top.softmax(dim=-1).flatten()
        flat = chosen.flatten()
        order = flat.argsort()
        rows = order // shape.top_k
        counts = torch.bincount(flat, minlength=shape.experts)
        gate_up, down = fake_quantise(self.gate_up), fake_quantise(self.down)
        outputs = []
        for expert, part in enumerate(x[rows].split(counts.tolist())):
            both = F.linear(part, gate_up[expert], self.gate_up_bias[expert])
            gate = both[:, 0::2].clamp(max=SWIGLU_LIMIT)
            linear = both[:, 1::2].clamp(-SWIGLU_LIMIT, SWIGLU_LIMIT)
            inner = gate * torch.sigmoid(SWIGLU_ALPHA * gate) * (linear + 1)
            outputs.append(F.linear(inner, down[expert], self.down_bias[expert]))
        weighted = torch.cat(outputs) * weights[order, None]
        out = torch.zeros_like(x).index_add(0, rows, weighted)
        share = counts.float() / max(1, flat.numel())
        balance = shape.experts * (share * scores.softmax(dim=-1).mean(dim=0)).sum()
        return out, balance


class Block(nn.Module):
    """One layer: attention, then experts, each around a residual."""

    def __init__(self, shape: ModelShape, kind: str) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(shape.hidden)
        self.post_attention_layernorm = RMSNorm(shape.hidden)
        self.attention = Attention(shape, shape.window if kind == "sliding_attention" else None)
        self.mlp = Experts(shape)

    def forward(self, state: State, rotary: Rotary, places: Tensor | None = None) -> tuple[State, Tensor]:
        """Without `places` everything is computed; with them (B, S) only those of the body."""
        normed = state.map(self.input_layernorm)
        shared = state.prefix.shape[1]
        if places is None:
            positions = torch.arange(shared, shared + state.body.shape[1])
            queries = normed.body
        else:
            positions = shared + places
            index = places[..., None].expand(-1, -1, state.body.shape[-1])
            state = State(state.prefix, state.body.gather(1, index), state.owner)
            queries = normed.body.gather(1, index)
        update = self.attention(normed, queries, positions, rotary)
        state = State(state.prefix + update.prefix, state.body + update.body, state.owner)
        flat = torch.cat((state.prefix.flatten(0, 1), state.body.flatten(0, 1)))
        mixed, balance = self.mlp(self.post_attention_layernorm(flat))
        flat = flat + mixed
        split = state.prefix.shape[0] * shared
        return (
            State(flat[:split].view_as(state.prefix), flat[split:].view_as(state.body), state.owner),
            balance,
        )


class PocketModel(nn.Module):
    """The whole model over compact rows; the last row stands for every token that training never saw."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Parameter(torch.randn(shape.rows, shape.hidden))
        self.head = nn.Parameter(torch.randn(shape.rows, shape.hidden) * 0.1)
        self.rotary = Rotary(shape.head_dim)
        self.blocks = nn.ModuleList(Block(shape, kind) for kind in shape.layer_types)
        self.norm = RMSNorm(shape.hidden)

    def forward(self, prefix: Tensor, body: Tensor, owner: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Token rows, and the places (B, S) of the body whose next token is wanted, to (hidden, balance).

        Conversations share their first tokens: `prefix` (G, P) is computed once, and row b of `body` (B, T)
        follows prefix `owner[b]`.
        """
        state = State(F.embedding(prefix, self.embedding), F.embedding(body, self.embedding), owner)
        total = state.body.new_zeros(())
        last = len(self.blocks) - 1
        for number, block in enumerate(self.blocks):
            state, balance = block(state, self.rotary, places if number == last else None)
            total = total + balance
        return self.norm(state.body), total / len(self.blocks)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.head)
