"""What the engine's tests share: small requests, and a scripted backend to serve them."""

import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from optiq_server.engine.constraint import Constraint
from optiq_server.engine.scripted_backend import Script, ScriptedBackend
from optiq_server.engine.types import Ended, GenerationRequest, ModelInfo, SamplingParameters, Tokens

STOP = 9
INFO = ModelInfo(architecture="scripted", context_length=1000, vocabulary_size=100, weight_bytes=0)
ENDLESS_CONTEXT = replace(INFO, context_length=10**9)
"""An unpaced reply cannot use it up, however long the test's own thread is kept waiting."""


def request(
    *prompt: int,
    max_tokens: int | None = None,
    time_limit: float | None = None,
    sampling: SamplingParameters | None = None,
    constraint: Constraint | None = None,
) -> GenerationRequest:
    return GenerationRequest(
        request_id="r",
        prompt=prompt or (1,),
        stop_tokens=frozenset({STOP}),
        max_tokens=max_tokens,
        time_limit=time_limit,
        sampling=sampling or SamplingParameters(),
        constraint=constraint,
    )


def table(
    scripts: dict[int, Script | Iterable[int]],
) -> Callable[[GenerationRequest], Script | Iterable[int]]:
    """Choose the script by the prompt's first token."""
    return lambda request: scripts[request.prompt[0]]


def endless(_: GenerationRequest) -> Iterable[int]:
    return itertools.repeat(5)


class Gate:
    """Lets the worker make as many steps as the test allows, no more."""

    def __init__(self) -> None:
        self._permits = threading.Semaphore(0)
        self._is_open = threading.Event()

    def __call__(self) -> None:
        while not self._is_open.is_set() and not self._permits.acquire(timeout=0.01):
            pass

    def allow(self, steps: int) -> None:
        for _ in range(steps):
            self._permits.release()

    def open(self) -> None:
        self._is_open.set()


def scripted(
    reply: Callable[[GenerationRequest], Script | Iterable[int]] = endless,
    *,
    info: ModelInfo = INFO,
    pace: Callable[[], object] = lambda: None,
) -> ScriptedBackend:
    return ScriptedBackend(reply, info=info, pace=pace)


class Clock:
    """A clock that the test sets; seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Witness:
    """An observer that writes down what it was told."""

    def __init__(self) -> None:
        self.prompts: list[int] = []
        self.waits: list[tuple[float, bool, int]] = []
        self.ends: list[Ended] = []

    def on_queued(self, request: GenerationRequest) -> None:
        self.prompts.append(len(request.prompt))

    def on_tokens(self, tokens: Tokens, *, waited: float, first: bool) -> None:
        self.waits.append((waited, first, len(tokens.ids)))

    def on_ended(self, ended: Ended) -> None:
        self.ends.append(ended)
