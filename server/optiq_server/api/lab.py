"""What the Lab's routes are composed of, beside the services of generation."""

from collections.abc import Callable
from dataclasses import dataclass

from optiq_server.api.jobs import Workshop
from optiq_server.lab.facts import CheckpointFacts
from optiq_server.lab.site import Site


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """`site` is the built page, None where there is none. Without a `workshop` there are no jobs.

    `checkpoint` tells of what is loaded, None where nothing is known of it; `available` are the bytes that
    this machine has left, None where it does not tell.
    """

    site: Site | None = None
    workshop: Workshop | None = None
    checkpoint: Callable[[], CheckpointFacts | None] = _nothing
    available: Callable[[], int | None] = _nothing
