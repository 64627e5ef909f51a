"""How many bytes this machine has left for a model, as far as it tells."""

from collections.abc import Callable
from pathlib import Path

import mlx.core as mx


def available_memory(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that weights may take, or None where nothing tells.

    On Metal it is the recommended working set, beyond which macOS starts to page; on Linux what the kernel
    calls available, or what the container leaves of its limit if that is less.
    """
    if mx.metal.is_available():
        return int(mx.device_info()["max_recommended_working_set_size"])
    bounds = [bound for bound in (_kernel_available(proc), _container_left(cgroup)) if bound is not None]
    return min(bounds, default=None)


def has_metal() -> bool:
    """Whether models compute on a Mac's GPU, in the checkpoint's own floats."""
    return bool(mx.metal.is_available())


def wire_memory() -> int | None:
    """Let macOS keep the model's memory resident, as mlx-lm does; the limit before, None where there is none.

    Without it a model near the size of the working set is paged between steps.
    """
    if not mx.metal.is_available():
        return None
    return int(mx.set_wired_limit(int(mx.device_info()["max_recommended_working_set_size"])))


def unwire_memory(limit: int | None) -> None:
    """Put the limit back, once nothing computes any more."""
    if limit is not None:
        mx.synchronize()
        mx.set_wired_limit(limit)


_CACHE_SHARE = 1 / 4
"""Of what is left beside the weights; running replies and their steps need the rest."""

_UNKNOWN_CACHE_BYTES = 1 << 30


def default_cache_bytes(weight_bytes: int) -> int:
    """How much a cache of prompts may take once `weight_bytes` are loaded: a quarter of what is left."""
    available = available_memory()
    if available is None:
        return _UNKNOWN_CACHE_BYTES
    # What Metal recommends includes the weights; what the others call available does not.
    left = available - weight_bytes if mx.metal.is_available() else available
    return int(max(0, left) * _CACHE_SHARE)


def left_beside(
    *,
    weights: int,
    promised: int,
    held: int,
    available: Callable[[], int | None] = available_memory,
) -> int | None:
    """Bytes for another program, beside a model with `weights`; None where nothing tells.

    The model was promised so much for keys and values, of which it has `held` taken already.
    """
    bytes_left = available()
    if bytes_left is None:
        return None
    # As above: Metal's figure is for all of the model, the others' for what comes.
    taken = weights + promised if mx.metal.is_available() else max(0, promised - held)
    return max(0, bytes_left - taken)


def _kernel_available(proc: Path) -> int | None:
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:
        return None
    kibibytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return kibibytes[0] << 10 if kibibytes else None


def _container_left(cgroup: Path) -> int | None:
    """What a version 2 control group leaves; None without one or without a limit."""
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
    except OSError:
        return None
    return None if limit == "max" else max(0, int(limit) - used)
