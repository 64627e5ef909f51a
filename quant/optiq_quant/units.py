"""Units: the weights that each get a format of their own. It holds no array.

A unit is one module of mlx-lm's model: a linear layer, an embedding, or one projection of all experts
of a layer.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from optiq_quant.formats import Format


class Role(StrEnum):
    """What a unit does in the model. EXPERT_* are those of a mixture, all experts of a layer in one unit."""

    EMBEDDING = "embedding"
    QUERY = "query"
    KEY = "key"
    VALUE = "value"
    OUTPUT = "output"
    ROUTER = "router"
    GATE = "gate"
    UP = "up"
    DOWN = "down"
    EXPERT_GATE = "expert gate"
    EXPERT_UP = "expert up"
    EXPERT_DOWN = "expert down"
    HEAD = "head"
    OTHER = "other"

    @property
    def is_expert(self) -> bool:
        return self in (Role.EXPERT_GATE, Role.EXPERT_UP, Role.EXPERT_DOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`path` is the module's, in mlx-lm's names; `shape` (out, in) or (experts, out, in); `stored` the
    source's format. `layer` is None outside the layers.

    One decoded token reads `read_numerator / read_denominator` of its bytes: all of a linear layer, one row
    of an embedding that is not also the head, the active experts of a mixture.
    """

    path: str
    role: Role
    layer: int | None
    shape: tuple[int, ...]
    stored: Format
    read_numerator: int = 1
    read_denominator: int = 1

    def __post_init__(self) -> None:
        if len(self.shape) < 2 or min(self.shape) < 1:
            raise ValueError(f"{self.path}: a unit has at least two axes; its shape is {self.shape}")
        if not 0 < self.read_numerator <= self.read_denominator:
            raise ValueError(f"{self.path}: what a token reads is a share of at most 1")

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)

    @property
    def is_native(self) -> bool:
        """Whether the source has it in a quantized format already: re-coding it loses something."""
        return self.stored.group_size > 0

    def bytes(self, form: Format) -> int:
        return form.bytes(self.shape)

    def decode_bytes(self, form: Format) -> int:
        """Bytes of it that one decoded token reads, rounded up."""
        return -(-self.bytes(form) * self.read_numerator // self.read_denominator)
