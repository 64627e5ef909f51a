"""The check that stock mlx-lm loads a written folder and computes from it what we compute."""

from collections.abc import Callable
from pathlib import Path

from mlx.nn.layers.base import Module

from optiq_quant.inventory import Inventory, take_inventory
from optiq_quant.stock import largest_difference, own_logits, stock_logits, token_sequences
from optiq_quant.units import Role
from optiq_quant.verify import Check, Outcome, run_check
from optiq_quant.written import read_object

_NAME = "stock mlx-lm"
_HALF_FLOATS = ("bfloat16", "float16")
_GIB = 1 << 30


def check_stock(folder: Path, *, load_as_stock: Callable[[Path], Module], available: int | None) -> Check:
    """Skipped where `available` bytes of memory, if known, do not hold the model in float32.

    The two models are in memory one after the other. Raises what `load_as_stock` raises.
    """
    inventory = take_inventory(load_as_stock(folder), read_object(folder / "config.json"))
    needed = _bytes_in_float32(inventory)
    if available is not None and needed > available:
        detail = f"it needs {needed / _GIB:.1f} GiB of memory, and {available / _GIB:.1f} GiB are left"
        return Check(name=_NAME, outcome=Outcome.SKIPPED, detail=detail)
    return run_check(_NAME, lambda: _compare(folder, inventory, load_as_stock))


def _compare(folder: Path, inventory: Inventory, load_as_stock: Callable[[Path], Module]) -> str:
    rows = next(unit.shape[0] for unit in inventory.units if unit.role is Role.EMBEDDING)
    sequences = token_sequences(rows)
    theirs = stock_logits(folder, sequences)
    difference = largest_difference(own_logits(folder, sequences, load_as_stock), theirs)
    tokens = sum(map(len, sequences))
    return (
        f"it loads in a process without our packages; the logits of {tokens} tokens in float32, with its own "
        f"rope, differ from ours by {difference:.1e} of the largest"
    )


def _bytes_in_float32(inventory: Inventory) -> int:
    tensors = [*inventory.others, *(tensor for group in inventory.stored.values() for tensor in group)]
    return sum(tensor.bytes * (2 if tensor.dtype in _HALF_FLOATS else 1) for tensor in tensors)
