"""Opens the model that the settings name, and finds how it is spoken to. Runs on the engine's worker thread.

Its imports stay inside: MLX and mlx-lm take seconds, during which `/health` should answer already.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optiq_server.engine.backend import Backend
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.inventory import read_model_type, take_inventory
from optiq_server.engine.opening import Inspect
from optiq_server.engine.types import EngineLimits
from optiq_server.lab.facts import CheckpointFacts
from optiq_server.settings import Settings

if TYPE_CHECKING:
    # The command line knows these types without the protocol's packages: `optiq --help` loads nothing heavy.
    from optiq_server.dialect.protocol import Dialect

_HARMONY_ARCHITECTURE = "gpt_oss"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedModel:
    """A model that computes, how it is spoken to, and what the Lab tells of its checkpoint."""

    backend: Backend
    dialect: "Dialect"
    facts: CheckpointFacts | None = None


def open_model(settings: Settings, limits: EngineLimits, harmony: "Callable[[], Dialect]") -> OpenedModel:
    """Load the checkpoint; `harmony` makes gpt-oss's dialect. Raises LoadFailed, one line for the user."""
    folder = _folder(settings)
    facts: list[CheckpointFacts] = []

    def inspect(folder: Path, model: Any, config: Mapping[str, object]) -> None:  # noqa: ANN401  # MLX's
        from optiq_server.lab.weights import checkpoint_facts

        facts.append(checkpoint_facts(folder, model, config))

    if take_inventory(folder).model_type == _HARMONY_ARCHITECTURE:
        # First, because what it begins to build takes as long as the weights.
        dialect = harmony()
        backend = _open(folder, limits, inspect)
    else:
        backend = _open(folder, limits, inspect)
        dialect = _template_dialect(folder, backend.info.vocabulary_size)
    return OpenedModel(backend=backend, dialect=dialect, facts=facts[0])


def open_backend(settings: Settings, limits: EngineLimits) -> Backend:
    """The model alone. Raises LoadFailed."""
    return _open(_folder(settings), limits)


def may_speak_harmony(settings: Settings) -> bool:
    """False where the settings name a folder on this disk that holds a model of another family."""
    folder = Path(settings.model or "").expanduser()
    if settings.model is None or not folder.is_dir():
        return True
    try:
        return read_model_type(folder) == _HARMONY_ARCHITECTURE
    except LoadFailed:
        return True


def _open(folder: Path, limits: EngineLimits, inspect: Inspect | None = None) -> Backend:
    from optiq_server.engine.opening import open_checkpoint

    return open_checkpoint(str(folder), limits, inspect=inspect)


def _template_dialect(folder: Path, vocabulary_size: int) -> "Dialect":
    from optiq_server.dialect.template import open_template_dialect

    return open_template_dialect(folder, vocabulary_size=vocabulary_size)


def _folder(settings: Settings) -> Path:
    return _pocket(settings.cache_folder) if settings.model is None else _named(settings.model)


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
