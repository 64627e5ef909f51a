"""Runs requests on a backend of ours in this process, and notes when each token came."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import GenerationRequest, SamplingParameters


@dataclass(slots=True)
class Told:
    """One sequence's tokens and the times at which they were told, and how much of its prompt was cached."""

    tokens: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    cached_tokens: int = 0


def greedy(
    prompt: Sequence[int],
    *,
    max_tokens: int,
    boundaries: Sequence[int] = (),
    stop: frozenset[int] = frozenset(),
) -> GenerationRequest:
    return GenerationRequest(
        request_id="bench",
        prompt=tuple(prompt),
        boundaries=tuple(boundaries),
        stop_tokens=stop,
        max_tokens=max_tokens,
        sampling=SamplingParameters(temperature=0.0),
    )


def run(
    backend: MlxBackend,
    requests: Sequence[GenerationRequest],
    *,
    at_step: Callable[[int], GenerationRequest | None] = lambda step: None,
) -> list[Told]:
    """Insert all, step until all have ended; `at_step` may bring one more request before a step."""
    told = [Told() for _ in requests]
    for number, request in enumerate(requests):
        backend.insert(number, request)
    running = set(range(len(requests)))
    step = 0
    while running:
        late = at_step(step)
        if late is not None:
            backend.insert(len(told), late)
            running.add(len(told))
            told.append(Told())
        for output in backend.step():
            each = told[output.sequence_id]
            each.tokens += output.tokens
            each.times += [time.perf_counter()] * len(output.tokens)
            each.cached_tokens = output.cached_tokens
            if output.reason is not None:
                running.remove(output.sequence_id)
        step += 1
    return told


def time_to_first_token(backend: MlxBackend, request: GenerationRequest) -> tuple[float, int]:
    """Seconds until the first token is told, and the prompt's cached tokens; the reply is one token long."""
    started = time.perf_counter()
    [told] = run(backend, [request])
    return told.times[0] - started, told.cached_tokens
