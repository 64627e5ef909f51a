"""Opens the model that the settings name. Runs on the engine's worker thread; knows no HTTP.

Its imports stay inside: MLX and mlx-lm take seconds, during which `/health` should answer already.
"""

from pathlib import Path

from optiq_server.engine.backend import Backend
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.types import EngineLimits
from optiq_server.settings import Settings

_SERVED_ARCHITECTURE = "gpt_oss"


def open_backend(settings: Settings, limits: EngineLimits) -> Backend:
    """Load the checkpoint. Raises LoadFailed, with one line for the user."""
    from optiq_server.engine.inventory import take_inventory
    from optiq_server.engine.opening import open_checkpoint

    folder = _pocket(settings.cache_folder) if settings.model is None else _named(settings.model)
    architecture = take_inventory(folder).model_type
    if architecture != _SERVED_ARCHITECTURE:
        raise LoadFailed(
            f"{settings.model} is a model of type {architecture!r}: "
            f"this server speaks to {_SERVED_ARCHITECTURE!r} only"
        )
    return open_checkpoint(str(folder), limits)


def _named(model: str) -> Path:
    from optiq_server.engine.checkpoint import resolve_checkpoint

    return resolve_checkpoint(model)


def _pocket(cache_folder: Path) -> Path:
    from optiq_harmony.errors import VocabularyUnavailable
    from optiq_harmony.ranks import unpack_ranks
    from optiq_server.pocket.checkpoint import unpack_pocket_checkpoint

    try:
        return unpack_pocket_checkpoint(cache_folder, ranks=unpack_ranks(cache_folder))
    except (VocabularyUnavailable, OSError) as error:
        raise LoadFailed(f"the pocket model cannot be unpacked into {cache_folder}: {error}") from error
