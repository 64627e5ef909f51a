"""Puts the Lab together: the built page, what is known of the checkpoint, and the workshop of jobs.

Imported with the composition, late; MLX comes in with the first question about memory.
"""

import os
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from optiq_server.api.jobs import Workshop
from optiq_server.api.lab import Lab
from optiq_server.api.services import Services
from optiq_server.api_key import API_KEY_VARIABLE, ApiKey
from optiq_server.engine.engine import Engine
from optiq_server.jobs.command_lines import command_line
from optiq_server.jobs.memory import weights_of
from optiq_server.jobs.registry import JobRegistry
from optiq_server.jobs.store import JobStore
from optiq_server.lab.facts import CheckpointFacts
from optiq_server.lab.site import read_site
from optiq_server.model import OpenedModel
from optiq_server.settings import CACHE_VARIABLE, Settings


def lab_of(settings: Settings, services: Services, opened: "Future[OpenedModel]", *, own_url: str) -> Lab:
    """The Lab of a server whose API is at `own_url`."""

    def checkpoint() -> CheckpointFacts | None:
        return opened.result(timeout=0).facts if opened.done() else None

    registry = JobRegistry(
        JobStore(settings.cache_folder / "jobs"),
        command_line=partial(command_line, own_url=own_url),
        new_id=services.new_id,
        clock=services.clock,
        environment=_environment(os.environ, settings.cache_folder, services.api_key),
    )
    return Lab(
        site=read_site(),
        workshop=Workshop(registry=registry, needed=_needed, left=partial(_left, services.engine)),
        checkpoint=checkpoint,
        available=_available,
    )


def _environment(own: Mapping[str, str], cache_folder: Path, key: ApiKey | None) -> dict[str, str]:
    """Jobs share the server's cache folder, and one that evaluates this server has to send its key."""
    shared = {**own, CACHE_VARIABLE: str(cache_folder)}
    return shared if key is None else {**shared, API_KEY_VARIABLE: key.reveal()}


def _available() -> int | None:
    # Imported here: MLX takes a while, and by now the worker has loaded it.
    from optiq_server.engine.memory import available_memory

    return available_memory()


def _needed(checkpoint: str) -> int | None:
    """Raises LoadFailed."""
    # The hub's client takes a second to import.
    from optiq_server.engine.checkpoint import find_checkpoint
    from optiq_server.engine.memory import has_metal

    return weights_of(checkpoint, in_float32=not has_metal(), find=find_checkpoint)


def _left(engine: Engine) -> int | None:
    from optiq_server.engine.memory import left_beside

    status = engine.status
    if status.model is None:
        return None
    budget = status.model.kv_budget
    weights = status.model.weight_bytes
    held = max(0, status.snapshot.backend.active_memory_bytes - weights)
    return left_beside(weights=weights, promised=0 if budget is None else budget.total, held=held)
