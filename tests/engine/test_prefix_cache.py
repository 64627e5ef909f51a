"""Cached prompts: the same tokens and log-probabilities as from cold, whatever came before."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from optiq_server.engine.kv_budget import KvBudget, KvShape
from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import (
    EngineLimits,
    GenerationRequest,
    SamplingParameters,
    TokenLogprobs,
)
from tests.engine.small_model import VOCABULARY_SIZE, small_model, true_logprobs

pytestmark = pytest.mark.mlx

_END = 1
_MESSAGE = st.lists(st.integers(2, VOCABULARY_SIZE - 1), min_size=1, max_size=90).map(tuple)
_TOLERANCE = 1e-4

Message = tuple[int, ...]


def made(messages: Sequence[Message], max_tokens: int = 6) -> GenerationRequest:
    prompt: tuple[int, ...] = ()
    boundaries = []
    for message in messages:
        prompt += (*message, _END)
        boundaries.append(len(prompt))
    return GenerationRequest(
        request_id="r",
        prompt=(*prompt, 2, 3),
        boundaries=tuple(boundaries),
        message_ends=frozenset({_END}),
        stop_tokens=frozenset(),
        max_tokens=max_tokens,
        sampling=SamplingParameters(temperature=0.0),
        top_logprobs=0,
    )


class Reader:
    """Steps a backend, and checks each reply against the truth."""

    def __init__(self, loaded: LoadedModel, backend: MlxBackend) -> None:
        self._loaded = loaded
        self._backend = backend
        self.cached: dict[int, int] = {}
        self._told: dict[int, list[TokenLogprobs]] = {}

    def run(self, *requests: GenerationRequest) -> list[list[int]]:
        """The replies to requests that come together."""
        self._told = {number: [] for number in range(len(requests))}
        for number, request in enumerate(requests):
            self._backend.insert(number, request)
        running = set(self._told)
        while running:
            for output in self._backend.step():
                self._told[output.sequence_id] += output.logprobs
                self.cached[output.sequence_id] = output.cached_tokens
                if output.reason is not None:
                    running.remove(output.sequence_id)
        for number, request in enumerate(requests):
            self._check(request, self._told[number])
        self._backend.prefixes.check_integrity()
        return [[each.token for each in self._told[number]] for number in range(len(requests))]

    def _check(self, request: GenerationRequest, told: Sequence[TokenLogprobs]) -> None:
        tokens = [each.token for each in told]
        truth = true_logprobs(self._loaded, request.prompt, tokens)
        assert len(tokens) == request.max_tokens
        for each, row in zip(told, truth, strict=True):
            assert abs(each.logprob - row[each.token]) <= _TOLERANCE
            assert row[each.token] >= np.max(row) - _TOLERANCE


@pytest.fixture(name="small", scope="module")
def _small() -> LoadedModel:
    return small_model()


def _reader(small: LoadedModel, cache_bytes: int = 1 << 24) -> tuple[MlxBackend, Reader]:
    backend = MlxBackend(small, EngineLimits(max_running=8, cache_bytes=cache_bytes))
    return backend, Reader(small, backend)


def message(length: int, start: int = 0) -> Message:
    return tuple(2 + (7 * (start + i) + i // 5) % (VOCABULARY_SIZE - 2) for i in range(length))


def test_the_next_turn_computes_what_is_new_alone(small: LoadedModel) -> None:
    backend, reader = _reader(small)
    history = [message(200), message(150, 3)]
    reader.run(made(history))
    before = backend.computed_prompt_tokens

    [reply] = reader.run(made([*history, message(20, 9), message(30, 4)]))

    # All messages that were there before; the new ones and the opening of the reply are computed.
    assert reader.cached[0] == 352
    assert backend.computed_prompt_tokens - before == 21 + 31 + 1
    assert len(reply) == 6


def test_identical_prompts_that_come_together_are_computed_once(small: LoadedModel) -> None:
    backend, reader = _reader(small)
    request = made([message(700), message(80, 1)])

    replies = reader.run(request, request, request, request)

    assert replies[0] == replies[1] == replies[2] == replies[3]
    assert backend.computed_prompt_tokens == 782 + 4 * 1


def test_a_shared_preamble_is_computed_once_for_all_who_come_together(small: LoadedModel) -> None:
    backend, reader = _reader(small)
    preamble = message(600)

    reader.run(*(made([preamble, message(10 + n, n)]) for n in range(5)))

    assert backend.computed_prompt_tokens == 601 + sum(10 + n + 1 for n in range(5)) + 5


def test_conversations_that_share_a_preamble_share_its_bytes(small: LoadedModel) -> None:
    shared, reader = _reader(small)
    apart, other = _reader(small)
    for number in range(20):
        reader.run(made([message(1500), message(20, number)], max_tokens=1))
    other.run(made([message(1500), message(20)], max_tokens=1))

    assert shared.prefixes.nbytes <= 0.15 * 20 * apart.prefixes.nbytes


def test_a_reply_that_ended_a_message_is_stored_with_it(small: LoadedModel) -> None:
    _, reader = _reader(small)
    request = made([message(100)], max_tokens=40)
    [reply] = reader.run(replace(request, message_ends=frozenset(range(VOCABULARY_SIZE))))
    continued = replace(
        made([message(100)]), prompt=(*request.prompt, *reply, *message(10, 2)), boundaries=(101,)
    )

    reader.run(continued)

    # Of every token of the reply that was fed: the last one drawn was told, and fed as well.
    assert reader.cached[0] == len(request.prompt) + len(reply)


def test_without_bytes_nothing_is_kept_and_all_is_right(small: LoadedModel) -> None:
    backend, reader = _reader(small, cache_bytes=0)
    request = made([message(100)])

    assert reader.run(request) == reader.run(request)
    assert (len(backend.prefixes), reader.cached[0]) == (0, 0)


def test_an_edit_inside_a_long_message_computes_from_the_last_checkpoint_on(small: LoadedModel) -> None:
    _, reader = _reader(small)
    long = message(2600)
    reader.run(made([long]))
    edited = (*long[:2200], *message(400, 5))

    reader.run(made([edited]))

    assert reader.cached[0] == 2048


def test_what_was_dropped_while_a_reply_ran_is_kept_anew_at_its_next_end(small: LoadedModel) -> None:
    backend, reader = _reader(small)
    request = replace(made([message(100)], max_tokens=8), message_ends=frozenset(range(VOCABULARY_SIZE)))
    backend.insert(9, request)
    for _ in range(4):
        backend.step()
    backend.prefixes.clear()
    for _ in range(4):
        backend.step()
    backend.remove([9])

    reader.run(made([message(100)]))

    backend.prefixes.check_integrity()
    assert reader.cached[0] == 0
    assert len(backend.prefixes) > 1


def test_running_sequences_take_their_memory_from_what_is_kept() -> None:
    shape = KvShape(full_bytes=512, sliding_bytes=0, window=0)
    budget = KvBudget(shape=shape, total=1_200_000)
    loaded = small_model()
    tight = replace(loaded, info=replace(loaded.info, kv_budget=budget))
    backend, reader = _reader(tight)
    reader.run(*(made([message(300, n)]) for n in range(3)))
    kept = backend.prefixes.nbytes

    backend.insert(9, made([message(20)], max_tokens=1600))
    squeezed = backend.prefixes.nbytes
    backend.remove([9])

    assert kept > squeezed
    assert squeezed <= budget.total - budget.committed([1623])
    assert backend.prefixes.capacity == budget.total


def test_who_waited_for_a_prompt_that_was_cancelled_goes_on(small: LoadedModel) -> None:
    backend, reader = _reader(small)
    shared = made([message(3000), message(5)])
    backend.insert(7, shared)
    backend.step()
    backend.insert(8, shared)
    backend.step()
    backend.remove([7])
    backend.remove([8])

    assert reader.run(shared, shared)[0]


class Conversations(RuleBasedStateMachine):
    """Turns, branches, edits, regenerations and tool loops over a cache that is too small for all of them."""

    small = small_model()

    def __init__(self) -> None:
        super().__init__()
        self.backend = MlxBackend(self.small, EngineLimits(max_running=8, cache_bytes=60_000))
        self.reader = Reader(self.small, self.backend)
        self.histories: list[list[Message]] = []

    @rule(system=st.sampled_from([(5,) * 40, (9, 8) * 30, ()]), message=_MESSAGE)
    def begin(self, system: Message, message: Message) -> None:
        self._turn([*([system] if system else []), message])

    @precondition(lambda self: self.histories)
    @rule(data=st.data(), message=_MESSAGE)
    def go_on(self, data: st.DataObject, message: Message) -> None:
        self._turn([*data.draw(st.sampled_from(self.histories)), message])

    @precondition(lambda self: self.histories)
    @rule(data=st.data())
    def regenerate(self, data: st.DataObject) -> None:
        self._turn(data.draw(st.sampled_from(self.histories))[:-1] or [(7,)])

    @precondition(lambda self: self.histories)
    @rule(data=st.data(), message=_MESSAGE)
    def edit(self, data: st.DataObject, message: Message) -> None:
        history = list(data.draw(st.sampled_from(self.histories)))
        history[data.draw(st.integers(0, len(history) - 1))] = message
        self._turn(history)

    @precondition(lambda self: len(self.histories) > 1)
    @rule(data=st.data())
    def several_at_once(self, data: st.DataObject) -> None:
        chosen = [data.draw(st.sampled_from(self.histories)) for _ in range(3)]
        self.reader.run(*(made(history) for history in chosen))

    @precondition(lambda self: self.histories)
    @rule(data=st.data(), steps=st.integers(0, 4))
    def leave_early(self, data: st.DataObject, steps: int) -> None:
        self.backend.insert(99, made(data.draw(st.sampled_from(self.histories)), max_tokens=50))
        for _ in range(steps):
            self.backend.step()
        self.backend.remove([99])

    @invariant()
    def the_cache_is_sound(self) -> None:
        self.backend.prefixes.check_integrity()
        assert self.backend.prefixes.nbytes <= 60_000

    def _turn(self, history: list[Message]) -> None:
        if sum(map(len, history)) > 600:
            return
        [reply] = self.reader.run(made(history))
        # A tool loop keeps the reply as it was; the cache may know it already.
        self.histories.append([*history, tuple(reply)])


TestConversations = pytest.mark.slow(Conversations.TestCase)
Conversations.TestCase.settings = settings(
    max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
