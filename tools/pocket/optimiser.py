"""Muon for the matrices, AdamW for everything else.

Muon (Jordan 2024) replaces a matrix's momentum by the nearest orthogonal matrix, found by a few
Newton-Schulz steps. Matrices of one shape are stacked and orthogonalised together.
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False, warn-return-any=False
# (torch is not installed where the gate runs, so its types are unknown there)

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

# The quintic's coefficients, tuned by Jordan for a steep slope at zero.
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalise(stack: Tensor, steps: int = 5) -> Tensor:
    """Matrices (N, a, b) to matrices whose singular values are all near one."""
    x = stack
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.transpose(-1, -2)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.transpose(-1, -2)
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.transpose(-1, -2) if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised; an update has the RMS of an AdamW update, so that one rate serves both."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        stacks: dict[tuple[int, int], list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(state["momentum"], group["momentum"])
                matrices = update.reshape(-1, *parameter.shape[-2:])
                stacks[(matrices.shape[-2], matrices.shape[-1])].append((parameter, matrices))
        lr = self.param_groups[0]["lr"]
        for (rows, columns), members in stacks.items():
            updates = orthogonalise(torch.cat([matrices for _, matrices in members]))
            scale = lr * 0.2 * max(rows, columns) ** 0.5
            parts = updates.split([len(matrices) for _, matrices in members])
            for (parameter, _), part in zip(members, parts, strict=True):
                parameter.add_(part.view_as(parameter), alpha=-scale)


def is_matrix(name: str) -> bool:
    """Whether Muon trains this parameter; rows that are looked up and the router are AdamW's."""
    return name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight", "o_proj.weight")) or (
        name.endswith((".gate_up", ".down"))
    )


def build_optimisers(model: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    matrices = [p for n, p in model.named_parameters() if is_matrix(n)]
    others = [p for n, p in model.named_parameters() if not is_matrix(n)]
    return [Muon(matrices, lr), torch.optim.AdamW(others, lr, betas=(0.9, 0.98), weight_decay=0.0)]
