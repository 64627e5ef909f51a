"""Opens the backend of a checkpoint. Call it on the worker's thread; everything heavy is imported there.

mlx-lm brings in transformers, which takes seconds: imported here, `/health` answers meanwhile.
"""

import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from optiq_server.engine.backend import Backend
from optiq_server.engine.types import EngineLimits

Inspect: TypeAlias = Callable[[Path, Any, Mapping[str, object]], None]
"""Is shown a folder, its model (an MLX module, which is not imported here) and its config.json."""


def open_checkpoint(model: str, limits: EngineLimits, *, inspect: Inspect | None = None) -> Backend:
    """Load `model`, a folder or a repository of the Hugging Face hub. Raises LoadFailed.

    `inspect` is shown the model while its arrays are lazy.
    """
    import mlx.core as mx

    with open_file_limit_kept():
        from optiq_server.engine.checkpoint import resolve_checkpoint
        from optiq_server.engine.loader import load_checkpoint
        from optiq_server.engine.mlx_backend import MlxBackend

    if mx.default_device().type == mx.DeviceType.cpu:
        # MLX compiles for a CPU by running g++, seconds for each new kernel in the midst of the first
        # requests, and decodes no faster afterwards; without g++ it does not compile at all.
        mx.disable_compile()
    return MlxBackend(load_checkpoint(resolve_checkpoint(model), inspect=inspect), limits)


@contextmanager
def open_file_limit_kept() -> Iterator[None]:
    """Undo what importing mlx-lm does to the process's limit of open files.

    It sets (2048, 4096), whatever they were: a server that was given 20,000 would refuse clients at 2,048.
    Only root may raise the hard limit again; otherwise the soft one is raised as far as the new hard limit
    lets it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    lowered_soft, lowered_hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _larger(soft, lowered_soft)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_smaller(wanted, hard), hard))
    except ValueError:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_smaller(wanted, lowered_hard), lowered_hard))


def _larger(a: int, b: int) -> int:
    return resource.RLIM_INFINITY if resource.RLIM_INFINITY in (a, b) else max(a, b)


def _smaller(a: int, b: int) -> int:
    finite = [limit for limit in (a, b) if limit != resource.RLIM_INFINITY]
    return min(finite, default=resource.RLIM_INFINITY)
