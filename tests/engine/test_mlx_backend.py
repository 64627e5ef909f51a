from dataclasses import replace

import mlx.core as mx
import numpy as np
import pytest

from optiq_server.engine.backend import Backend
from optiq_server.engine.kv_budget import KvBudget, KvShape
from optiq_server.engine.loader import LoadedModel, load_checkpoint
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import (
    EndReason,
    EngineLimits,
    GenerationRequest,
    ModelInfo,
    SamplingParameters,
)
from tests.engine.checkpoints import REFERENCE

pytestmark = pytest.mark.mlx

GREEDY = SamplingParameters(temperature=0.0)
PROMPTS = tuple(
    tuple((7 * i + n) % 512 for i in range(length)) for n, length in enumerate((3, 1, 140, 9, 530, 64))
)
"""Shorter and longer than the window of 128, shorter and longer than a chunk; one of a single token."""

MIXED = (
    SamplingParameters(seed=1),
    SamplingParameters(seed=2, temperature=0.6),
    SamplingParameters(seed=3, top_p=0.7),
    SamplingParameters(seed=4, top_k=5, temperature=1.4),
    SamplingParameters(seed=5, min_p=0.1),
    GREEDY,
)


def made(
    prompt: tuple[int, ...],
    sampling: SamplingParameters = GREEDY,
    max_tokens: int | None = 12,
    stop_tokens: frozenset[int] = frozenset(),
) -> GenerationRequest:
    return GenerationRequest(
        request_id="r", prompt=prompt, stop_tokens=stop_tokens, max_tokens=max_tokens, sampling=sampling
    )


class Run:
    """Steps a backend and gathers what each sequence got."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.tokens: dict[int, list[int]] = {}
        self.ends: dict[int, EndReason] = {}

    def steps(self, count: int) -> None:
        for _ in range(count):
            for output in self.backend.step():
                self.tokens.setdefault(output.sequence_id, []).extend(output.tokens)
                if output.reason is not None:
                    self.ends[output.sequence_id] = output.reason

    def until_ended(self, *sequence_ids: int, at_most: int = 100) -> None:
        for _ in range(at_most):
            if all(sequence_id in self.ends for sequence_id in sequence_ids):
                return
            self.steps(1)
        raise AssertionError(f"not ended after {at_most} steps: {sequence_ids} but {self.ends}")


def alone(loaded: LoadedModel, request: GenerationRequest) -> list[int]:
    backend = MlxBackend(loaded, EngineLimits(max_running=8))
    backend.insert(0, request)
    run = Run(backend)
    run.until_ended(0)
    backend.close()
    return run.tokens[0]


def without_cache(loaded: LoadedModel, prompt: tuple[int, ...], count: int) -> list[int]:
    """Greedy continuation by one whole forward pass for each token."""
    ids = list(prompt)
    for _ in range(count):
        logits = loaded.model(mx.array([ids]))[0, -1]
        ids.append(int(np.argmax(np.array(logits))))
    return ids[len(prompt) :]


def test_a_batch_that_fills_up_step_by_step_gives_each_its_own_greedy_tokens(
    loaded: LoadedModel, backend: MlxBackend
) -> None:
    run = Run(backend)

    for number, prompt in enumerate(PROMPTS):
        backend.insert(number, made(prompt, max_tokens=6))
        run.steps(2)
    run.until_ended(*range(len(PROMPTS)))

    assert [run.tokens[n] for n in range(len(PROMPTS))] == [without_cache(loaded, p, 6) for p in PROMPTS]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 3, 1, 4, 2, 0)], ids=["forth", "back"])
def test_a_seed_gives_the_same_tokens_alone_and_among_others(
    loaded: LoadedModel, backend: MlxBackend, order: tuple[int, ...]
) -> None:
    requests = [made(prompt, sampling) for prompt, sampling in zip(PROMPTS, MIXED, strict=True)]
    run = Run(backend)

    for number in order:
        backend.insert(number, requests[number])
        run.steps(1)
    run.until_ended(*order)

    assert [run.tokens[n] for n in range(6)] == [alone(loaded, request) for request in requests]


def test_a_seed_gives_the_same_tokens_when_its_mates_come_and_go(
    loaded: LoadedModel, backend: MlxBackend
) -> None:
    request = made(PROMPTS[0], SamplingParameters(seed=11), max_tokens=30)
    unseeded = made(PROMPTS[3], SamplingParameters(), max_tokens=5)
    run = Run(backend)
    backend.insert(1, unseeded)
    backend.insert(2, made(PROMPTS[5], SamplingParameters(), max_tokens=None))
    run.steps(3)

    backend.insert(0, request)
    run.steps(6)
    backend.remove([2])
    backend.insert(3, unseeded)
    run.until_ended(0, 1, 3)

    assert run.tokens[0] == alone(loaded, request)


def test_different_seeds_give_different_tokens(loaded: LoadedModel) -> None:
    replies = {tuple(alone(loaded, made(PROMPTS[0], SamplingParameters(seed=seed)))) for seed in range(4)}

    assert len(replies) == 4


def test_without_a_seed_two_replies_differ(loaded: LoadedModel) -> None:
    request = made(PROMPTS[0], SamplingParameters(), max_tokens=20)

    assert alone(loaded, request) != alone(loaded, request)


def test_a_stop_token_ends_the_reply_and_is_its_last_token(loaded: LoadedModel, backend: MlxBackend) -> None:
    free = alone(loaded, made(PROMPTS[0]))
    stop = free[4]
    backend.insert(0, made(PROMPTS[0], stop_tokens=frozenset({stop})))
    backend.insert(1, made(PROMPTS[0]))
    run = Run(backend)

    run.until_ended(0, 1)

    assert run.tokens[0] == free[: free.index(stop) + 1]
    assert (run.ends[0], run.ends[1]) == (EndReason.STOP, EndReason.LENGTH)
    assert run.tokens[1] == free


@pytest.mark.parametrize("max_tokens", [None, 50])
def test_the_context_bounds_the_reply(loaded: LoadedModel, max_tokens: int | None) -> None:
    info = ModelInfo(architecture="gpt_oss", context_length=20, vocabulary_size=512, weight_bytes=0)
    backend = MlxBackend(replace(loaded, info=info), EngineLimits())
    backend.insert(0, made(tuple(range(13)), max_tokens=max_tokens))
    run = Run(backend)

    run.until_ended(0)

    assert len(run.tokens[0]) == 7
    assert run.ends[0] is EndReason.LENGTH


def test_a_long_prompt_is_computed_in_chunks_while_others_decode(loaded: LoadedModel) -> None:
    # With a clock that stands still, chunks keep their first size.
    backend = MlxBackend(loaded, EngineLimits(), clock=lambda: 0.0)
    run = Run(backend)
    backend.insert(0, made(PROMPTS[0], max_tokens=40))
    run.steps(3)
    before = len(run.tokens[0])

    backend.insert(1, made(tuple(i % 512 for i in range(4 * 512)), max_tokens=1))
    run.steps(4)

    assert len(run.tokens[0]) == before + 4
    assert 1 not in run.tokens
    run.until_ended(1)


@pytest.mark.parametrize("steps_before", [0, 2, 8], ids=["queue", "prefill", "decode"])
def test_a_removed_sequence_leaves_no_trace_in_the_others(
    loaded: LoadedModel, backend: MlxBackend, steps_before: int
) -> None:
    request = made(PROMPTS[2], SamplingParameters(seed=8), max_tokens=20)
    run = Run(backend)
    backend.insert(0, request)
    backend.insert(1, made(PROMPTS[4] * 3))
    backend.insert(2, made(PROMPTS[1], max_tokens=25))
    run.steps(steps_before)

    backend.remove([1])
    run.until_ended(0, 2)
    run.steps(3)

    assert run.tokens[0] == alone(loaded, request)
    assert 1 not in run.ends


def test_after_a_reset_nothing_is_left_and_the_next_is_served(
    loaded: LoadedModel, backend: MlxBackend
) -> None:
    run = Run(backend)
    backend.insert(0, made(PROMPTS[4]))
    backend.insert(1, made(PROMPTS[0]))
    run.steps(4)

    backend.reset()
    assert backend.step() == []
    backend.insert(1, made(PROMPTS[2]))
    run = Run(backend)
    run.until_ended(1)

    assert run.tokens == {1: alone(loaded, made(PROMPTS[2]))}


def test_close_frees_the_weights_and_the_caches() -> None:
    before = mx.get_active_memory()
    backend = MlxBackend(load_checkpoint(REFERENCE, in_float32=True), EngineLimits())
    backend.insert(0, made(PROMPTS[4], max_tokens=None))
    Run(backend).steps(5)
    assert mx.get_active_memory() > before + backend.info.weight_bytes // 2

    backend.close()

    assert mx.get_active_memory() <= before + 1024


def test_its_figures_are_those_of_what_it_holds(loaded: LoadedModel) -> None:
    backend = MlxBackend(loaded, EngineLimits(cache_bytes=1 << 24))
    backend.insert(0, made(PROMPTS[2]))
    while backend.stats().prompts[0].computed < len(PROMPTS[2]) - 1:
        backend.step()

    stats = backend.stats()

    assert stats.computed_prompt_tokens == len(PROMPTS[2]) - 1
    assert (stats.cache_entries, stats.cache_bytes) == (len(backend.prefixes), backend.prefixes.nbytes)
    assert 0 < stats.cache_bytes <= stats.cache_capacity_bytes == 1 << 24
    assert 0 < stats.active_memory_bytes <= stats.peak_memory_bytes
    backend.remove([0])
    assert backend.stats().prompts == {}


def test_what_was_restored_is_told_apart_from_what_was_computed(loaded: LoadedModel) -> None:
    backend = MlxBackend(loaded, EngineLimits(cache_bytes=1 << 24))
    for sequence_id in range(2):
        backend.insert(sequence_id, made(PROMPTS[2], max_tokens=3))
        while backend.stats().prompts[sequence_id].computed < len(PROMPTS[2]) - 1:
            backend.step()

    progress = backend.stats().prompts

    assert progress[1].cached == progress[1].computed == len(PROMPTS[2]) - 1
    assert backend.stats().computed_prompt_tokens == len(PROMPTS[2]) - 1


@pytest.mark.parametrize(("total", "reason"), [(1 << 40, None), (600, EndReason.LENGTH)])
def test_a_reply_without_a_limit_goes_on_as_far_as_memory_does(
    loaded: LoadedModel, total: int, reason: EndReason | None
) -> None:
    budget = KvBudget(shape=KvShape(full_bytes=1, sliding_bytes=0, window=0), total=total)
    info = replace(loaded.info, kv_budget=budget, reply_step=254)
    backend = MlxBackend(replace(loaded, info=info), EngineLimits(cache_bytes=0))
    backend.insert(0, made((1, 2), max_tokens=None))
    backend.insert(1, made((4, 5), max_tokens=40))
    backend.insert(2, made((4, 5), max_tokens=254))
    run = Run(backend)

    while len(run.tokens.get(0, [])) < 260 and 0 not in run.ends:
        run.steps(1)

    # Rows count as so many of the longest, in steps of 256: two fit, and one of them no longer than that.
    assert run.ends.get(0) == reason
    assert len(run.tokens[0]) >= 254
    backend.close()
