"""A loaded model's arrays, still lazy, taken out of it one unit at a time.

Whoever has written a unit lets go of it: so no more than one of the source's tensors is in memory.
"""

from collections.abc import Iterable, Iterator

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.utils import tree_flatten

from optiq_quant.encoded import Encoded
from optiq_quant.inventory import Inventory
from optiq_quant.modules import stored_encoding, unit_modules
from optiq_quant.pieces import Piece, coded_pieces, kept_pieces, tensor_pieces
from optiq_quant.plan import Coding, PlannedUnit
from optiq_quant.tensor_layout import TensorSpec


class Sources:
    """The arrays of `model`, which the caller lets go of. Each can be taken once."""

    def __init__(self, model: Module, inventory: Inventory) -> None:
        self._dtype: mx.Dtype = getattr(mx, inventory.dtype)
        self._units = {path: stored_encoding(module) for path, module in unit_modules(model).items()}
        arrays = dict(tree_flatten(model.parameters()))
        self._others: dict[str, mx.array] = {each.name: arrays[each.name] for each in inventory.others}

    def take(self, path: str) -> Encoded:
        """A unit's weights as the source has them."""
        return self._units.pop(path)

    def drop(self, names: Iterable[str]) -> None:
        """Let go of the units and tensors that `names` has, by path or name, unread."""
        for name in names:
            self._units.pop(name, None)
            self._others.pop(name, None)

    def kept_or_nearest(self, planned: PlannedUnit) -> Iterator[Piece]:
        """What is written for a unit whose codes follow from the source alone."""
        source = self.take(planned.path)
        if planned.coding is Coding.KEPT:
            yield from kept_pieces(planned.path, source)
        else:
            yield from coded_pieces(planned.path, source, planned.format, self._dtype)

    def other(self, tensor: TensorSpec) -> Iterator[Piece]:
        """What is written for a tensor that is in no unit."""
        array = self._others.pop(tensor.name)
        yield from tensor_pieces(tensor.name, array.astype(getattr(mx, tensor.dtype)))
