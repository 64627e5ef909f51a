"""Whether a job fits beside the model that is served: bytes of weights against bytes that are left. Pure,
but for the headers of the checkpoint that it reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optiq_server.byte_size import show_bytes
from optiq_server.engine.inventory import take_inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCheck:
    """`needed` is None where it is not known, `left` where nothing tells; the latter stops no job."""

    needed: int | None
    left: int | None

    @property
    def fits(self) -> bool:
        return self.left is None or (self.needed is not None and self.needed <= self.left)

    def __str__(self) -> str:
        left = "unknown" if self.left is None else show_bytes(self.left)
        if self.needed is None:
            return f"the checkpoint is not on this disk, so what it needs is not known; {left} are left"
        return f"the job needs {show_bytes(self.needed)}, and {left} are left beside the served model"


def weights_of(checkpoint: str, *, in_float32: bool, find: Callable[[str], Path | None]) -> int | None:
    """The bytes of a checkpoint's weights in memory; None where `find` finds it nowhere on this disk.

    Raises LoadFailed for a folder that is no checkpoint.
    """
    folder = find(checkpoint)
    return None if folder is None else take_inventory(folder).weight_bytes(in_float32=in_float32)
