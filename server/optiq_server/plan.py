"""What a checkpoint needs and what fits on a machine: `optiq plan`. From the checkpoint's headers alone.

It knows no device and loads no weights, so a 16 GB Mac can be planned for on any machine.
"""

from dataclasses import asdict, dataclass
from typing import Any

from optiq_server.byte_size import show_bytes
from optiq_server.engine.inventory import Inventory
from optiq_server.engine.kv_budget import KvBudget, KvShape, kv_budget, kv_shape
from optiq_server.engine.rope import context_length
from optiq_server.errors import StartFailed

_LARGE_MAC = 36 << 30
"""From this much memory on macOS lets Metal have three quarters of it, below two thirds (mlx-lm#644)."""

_SEQUENCES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Bytes, but for `longest`: the tokens that each of so many sequences may have at the same time."""

    model_type: str
    memory: int
    for_the_device: int
    weights: int
    read_per_token: int
    left: int
    kv_per_1000_tokens: int
    kv_windows: int
    trained_context: int
    longest: dict[int, int]

    @property
    def fits(self) -> bool:
        return self.longest.get(1, 0) > 0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "fits": self.fits}


def metal_share(memory: int) -> int:
    """What macOS lets Metal have of a Mac's memory by default; a computed rule, not asked of a device."""
    return memory * 3 // 4 if memory >= _LARGE_MAC else memory * 2 // 3


def make_plan(inventory: Inventory, *, memory: int, on_a_mac: bool) -> Plan:
    """Plan for a machine with `memory` bytes. Raises StartFailed where config.json does not tell enough.

    A Mac keeps 16-bit floats as they are; a CPU computes in float32 (see engine.loader).
    """
    shape = kv_shape(inventory.config, element_bytes=2 if on_a_mac else 4)
    if shape is None:
        raise StartFailed(f"{inventory.folder / 'config.json'} does not tell the shape of keys and values")
    weights = inventory.weight_bytes(in_float32=not on_a_mac)
    for_the_device = metal_share(memory) if on_a_mac else memory
    left = for_the_device - weights
    budget = kv_budget(inventory.config, element_bytes=2 if on_a_mac else 4, left=left)
    trained = context_length(inventory.config)
    return Plan(
        model_type=inventory.model_type,
        memory=memory,
        for_the_device=for_the_device,
        weights=weights,
        read_per_token=read_per_token(inventory, in_float32=not on_a_mac),
        left=left,
        kv_per_1000_tokens=shape.full_bytes * 1000,
        kv_windows=shape.sliding_bytes * shape.window,
        trained_context=trained,
        longest={count: _longest(budget, shape, count, trained) for count in _SEQUENCES},
    )


def read_per_token(inventory: Inventory, *, in_float32: bool) -> int:
    """Bytes of weights that one decoded token reads: the active experts, one row of the embedding, the rest.

    Divided by a chip's memory bandwidth it bounds the speed of one stream with a short context.
    """
    config = inventory.config
    experts, active = config.get("num_local_experts"), config.get("num_experts_per_tok")
    share = active / experts if isinstance(experts, int) and isinstance(active, int) and experts else 1.0
    total = 0.0
    for name, tensor in inventory.tensors.items():
        size = tensor.bytes * (2 if in_float32 and tensor.dtype in ("BF16", "F16") else 1)
        if ".experts." in name:
            total += size * share
        elif "embed_tokens" in name:
            total += size / max(1, tensor.shape[0])
        else:
            total += size
    return int(total)


def plan_lines(plan: Plan) -> str:
    """The plan as a person reads it."""
    rows = [
        ("memory", show_bytes(plan.memory)),
        ("of it for the device", show_bytes(plan.for_the_device)),
        ("weights", show_bytes(plan.weights)),
        ("of them read for each token", show_bytes(plan.read_per_token)),
        ("left beside them", show_bytes(plan.left) if plan.left > 0 else f"-{show_bytes(-plan.left)}"),
        ("keys and values, 1,000 tokens", show_bytes(plan.kv_per_1000_tokens)),
        ("and of the sliding windows, a sequence", show_bytes(plan.kv_windows)),
        *((_row_name(count), _row(tokens, plan)) for count, tokens in plan.longest.items()),
    ]
    width = max(len(name) for name, _ in rows)
    verdict = "it fits" if plan.fits else "it does not fit"
    return "\n".join([*(f"{name:{width}}  {value}" for name, value in rows), verdict])


def _row_name(count: int) -> str:
    return "context of one sequence" if count == 1 else f"of {count} at the same time"


def _row(tokens: int, plan: Plan) -> str:
    if tokens <= 0:
        return "none"
    return f"{tokens:,} tokens" + (" (all)" if tokens >= plan.trained_context else "")


def _longest(budget: KvBudget | None, shape: KvShape, count: int, trained: int) -> int:
    """The most tokens that each of `count` sequences may have, by halving."""
    if budget is None or not budget.fits([1] * count):
        return 0
    low, high = 1, trained
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if budget.fits([middle] * count) else (low, middle - 1)
    return low
