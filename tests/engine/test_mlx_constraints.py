"""Constrained rows in the MLX backend: their own tokens, and nobody else's."""

from dataclasses import replace

import pytest

from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import EndReason, GenerationRequest, SamplingParameters
from tests.engine.constraints import ScriptedConstraint
from tests.engine.test_mlx_backend import MIXED, PROMPTS, Run, alone, made

pytestmark = pytest.mark.mlx

EVERY_TOKEN = frozenset(range(512))
STOP = 500
SETS = tuple(frozenset({n, n + 40, 400 - n}) for n in range(30))
"""Which tokens may be the n-th; all of them improbable, and no two sets alike."""


def constrained(
    request: GenerationRequest, *allowed: frozenset[int], fails_after: int | None = None
) -> GenerationRequest:
    return replace(request, constraint=ScriptedConstraint(allowed, fails_after=fails_after))


@pytest.mark.parametrize("sampling", MIXED)
def test_only_allowed_tokens_are_drawn(
    loaded: LoadedModel, backend: MlxBackend, sampling: SamplingParameters
) -> None:
    backend.insert(0, constrained(made(PROMPTS[0], sampling, max_tokens=30), *SETS))
    run = Run(backend)

    run.until_ended(0)

    assert len(run.tokens[0]) == 30
    assert all(token in allowed for token, allowed in zip(run.tokens[0], SETS, strict=True))


def test_a_constraint_that_allows_everything_changes_nothing(loaded: LoadedModel) -> None:
    for prompt, sampling in zip(PROMPTS, MIXED, strict=True):
        free = made(prompt, sampling)

        assert alone(loaded, constrained(free, *[EVERY_TOKEN] * 12)) == alone(loaded, free)


def test_a_seed_gives_the_same_constrained_tokens_alone_and_among_others(
    loaded: LoadedModel, backend: MlxBackend
) -> None:
    def requests() -> list[GenerationRequest]:
        free = [made(prompt, sampling) for prompt, sampling in zip(PROMPTS, MIXED, strict=True)]
        return [constrained(each, *SETS) if n % 2 else each for n, each in enumerate(free)]

    run = Run(backend)
    for number, request in enumerate(requests()):
        backend.insert(number, request)
        run.steps(1)
    run.until_ended(*range(6))

    assert [run.tokens[n] for n in range(6)] == [alone(loaded, request) for request in requests()]


def test_the_constraint_sees_the_replys_tokens_and_not_the_prompts(backend: MlxBackend) -> None:
    constraint = ScriptedConstraint([*SETS[:5], frozenset({STOP})])
    request = made(PROMPTS[2], max_tokens=None, stop_tokens=frozenset({STOP}))
    backend.insert(0, replace(request, constraint=constraint))
    run = Run(backend)

    run.until_ended(0)

    assert run.ends[0] is EndReason.STOP
    assert run.tokens[0][-1] == STOP
    assert constraint.accepted == run.tokens[0]


@pytest.mark.parametrize("fails_after", [0, 1, 4])
def test_a_constraint_that_fails_ends_its_sequence_alone(
    loaded: LoadedModel, backend: MlxBackend, fails_after: int
) -> None:
    mates = [made(PROMPTS[2], MIXED[0]), constrained(made(PROMPTS[3], MIXED[1]), *SETS)]
    backend.insert(0, constrained(made(PROMPTS[0]), *SETS, fails_after=fails_after))
    for number, mate in enumerate(mates, start=1):
        backend.insert(number, mate)
    run = Run(backend)

    run.until_ended(0, 1, 2)

    assert run.ends == {0: EndReason.FAULT, 1: EndReason.LENGTH, 2: EndReason.LENGTH}
    assert all(token in allowed for token, allowed in zip(run.tokens[0], SETS, strict=False))
    assert run.tokens[1] == alone(loaded, mates[0])
    assert run.tokens[2] == alone(loaded, constrained(made(PROMPTS[3], MIXED[1]), *SETS))


def test_where_no_token_is_allowed_the_sequence_ends_with_a_fault(backend: MlxBackend) -> None:
    backend.insert(0, constrained(made(PROMPTS[0]), SETS[0], frozenset(), SETS[1]))
    run = Run(backend)

    run.until_ended(0)

    assert run.ends[0] is EndReason.FAULT


def test_a_removed_constrained_sequence_is_forgotten(loaded: LoadedModel, backend: MlxBackend) -> None:
    backend.insert(0, constrained(made(PROMPTS[0]), *SETS, fails_after=3))
    backend.insert(1, made(PROMPTS[2], MIXED[0]))
    run = Run(backend)
    run.steps(2)

    backend.remove([0])
    run.until_ended(1)

    assert run.ends == {1: EndReason.LENGTH}
    assert run.tokens[1] == alone(loaded, made(PROMPTS[2], MIXED[0]))
