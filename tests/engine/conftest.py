"""The reference model, loaded once for each file of tests, and a backend over it."""

from collections.abc import Iterator

import pytest

from optiq_server.engine.loader import LoadedModel, load_checkpoint
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import EngineLimits
from tests.engine.checkpoints import REFERENCE


@pytest.fixture(name="loaded", scope="module")
def _loaded() -> LoadedModel:
    return load_checkpoint(REFERENCE, in_float32=True)


@pytest.fixture(name="backend")
def _backend(loaded: LoadedModel) -> Iterator[MlxBackend]:
    backend = MlxBackend(loaded, EngineLimits(max_running=8))
    yield backend
    backend.close()
