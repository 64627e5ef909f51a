"""What measuring costs: forward passes, by what of the model each of them ran. Values and sums only."""

from collections.abc import Sequence
from dataclasses import dataclass

from optiq_quant.units import Role, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Multiplications for one token: of each layer, and of the head. Only their ratios are used."""

    layers: tuple[int, ...]
    head: int

    def share(self, start: int, *, with_head: bool) -> float:
        """Of a full pass: the layers from `start` on, and the head where it is run."""
        done = sum(self.layers[start:]) + (self.head if with_head else 0)
        return done / (sum(self.layers) + self.head)


def even_work(layers: int) -> Work:
    """For a model whose units are not known: the head counts as one layer."""
    return Work(layers=(1,) * layers, head=1)


def work_of(units: Sequence[Unit], layers: int) -> Work:
    """From what a token reads of each unit. A tied embedding is the head; another one is a mere look-up."""
    per_layer, outside = [0] * layers, 0
    for unit in units:
        read = unit.parameters * unit.read_numerator // unit.read_denominator
        if unit.layer is not None:
            per_layer[unit.layer] += read
        elif unit.role in (Role.HEAD, Role.EMBEDDING):
            outside += read
    return Work(layers=tuple(per_layer), head=outside)


@dataclass(slots=True, kw_only=True)
class ForwardCount:
    """What was computed so far. `forwards` counts a full pass over one prompt as 1, `token_forwards` as the
    prompt's tokens; parts of a pass count by their share of the work."""

    forwards: float = 0.0
    token_forwards: float = 0.0
    seconds: float = 0.0

    def add(self, share: float, *, tokens: int, of: int) -> None:
        """`share` of a pass for `tokens` of a prompt that has `of`."""
        self.forwards += share * tokens / of
        self.token_forwards += share * tokens

    def include(self, other: "ForwardCount") -> None:
        self.forwards += other.forwards
        self.token_forwards += other.token_forwards
        self.seconds += other.seconds
