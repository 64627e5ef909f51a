"""The batch that decodes: forced tokens, log-probabilities, biases and penalties, alone and among others."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import (
    EndReason,
    EngineLimits,
    GenerationRequest,
    SamplingParameters,
    TokenLogprobs,
)
from tests.engine.constraints import ScriptedConstraint
from tests.engine.small_model import VOCABULARY_SIZE, WINDOW, small_model, true_logprobs

pytestmark = pytest.mark.mlx

_GREEDY = SamplingParameters(temperature=0.0)
_SMALL = small_model()


def _request(
    length: int = 30, sampling: SamplingParameters = _GREEDY, *, max_tokens: int = 20
) -> GenerationRequest:
    return GenerationRequest(
        request_id="r",
        prompt=tuple((5 * i + i // 7) % VOCABULARY_SIZE for i in range(length)),
        stop_tokens=frozenset(),
        max_tokens=max_tokens,
        sampling=sampling,
    )


def _constrained(
    request: GenerationRequest, allowed: Sequence[frozenset[int]], *, forces: bool
) -> GenerationRequest:
    constraint = ScriptedConstraint(allowed, vocabulary_size=VOCABULARY_SIZE, forces=forces)
    return replace(request, constraint=constraint, max_tokens=len(allowed))


class _Run:
    def __init__(self, *requests: GenerationRequest, loaded: LoadedModel = _SMALL) -> None:
        self.tokens: dict[int, list[int]] = {n: [] for n in range(len(requests))}
        self.logprobs: dict[int, list[TokenLogprobs]] = {n: [] for n in range(len(requests))}
        self.reasons: dict[int, EndReason] = {}
        self.steps = 0
        backend = MlxBackend(loaded, EngineLimits(max_running=8, cache_bytes=0))
        for number, request in enumerate(requests):
            backend.insert(number, request)
        while len(self.reasons) < len(requests):
            self.steps += 1
            for output in backend.step():
                self.tokens[output.sequence_id] += output.tokens
                self.logprobs[output.sequence_id] += output.logprobs
                if output.reason is not None:
                    self.reasons[output.sequence_id] = output.reason
        backend.close()


_ANY = frozenset(range(VOCABULARY_SIZE))
_CHOICE = st.just(_ANY)
_FORCED = st.integers(0, VOCABULARY_SIZE - 1).map(lambda token: frozenset({token}))
_REPLY = st.lists(st.one_of(_CHOICE, _FORCED, _FORCED, _FORCED), min_size=1, max_size=60)


@given(
    replies=st.lists(_REPLY, min_size=1, max_size=4),
    lengths=st.lists(st.integers(1, 3 * WINDOW), min_size=4, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_forced_tokens_fed_together_leave_the_caches_as_one_by_one(
    replies: list[list[frozenset[int]]], lengths: list[int]
) -> None:
    requests = [
        _constrained(_request(length), [*allowed, *[_ANY] * 3], forces=True)
        for allowed, length in zip(replies, lengths, strict=False)
    ]

    run = _Run(*requests)

    for number, (request, allowed) in enumerate(zip(requests, replies, strict=True)):
        tokens = run.tokens[number]
        truth = true_logprobs(_SMALL, request.prompt, tokens)
        assert len(tokens) == len(allowed) + 3
        for place, token in enumerate(tokens):
            if place < len(allowed) and len(allowed[place]) == 1:
                assert token in allowed[place]
            else:
                assert truth[place, token] >= truth[place].max() - 1e-4


def test_forced_tokens_take_one_step_together() -> None:
    forced = [frozenset({n}) for n in range(30)]

    apart = _Run(_constrained(_request(), [_ANY, *forced, _ANY], forces=False))
    together = _Run(_constrained(_request(), [_ANY, *forced, _ANY], forces=True))

    assert together.tokens == apart.tokens
    assert apart.steps - together.steps == 29


def test_a_free_row_is_not_changed_by_one_with_forced_tokens() -> None:
    free = [_request(5, SamplingParameters(seed=3)), _request(60), _request(20, SamplingParameters(seed=4))]
    forced = _constrained(_request(40), [_ANY, *[frozenset({n}) for n in range(15)], _ANY], forces=True)

    run = _Run(free[0], forced, *free[1:])

    for number, request in zip((0, 2, 3), free, strict=True):
        assert run.tokens[number] == _Run(request).tokens[0]


def test_forced_tokens_end_at_the_limit_and_at_a_stop_token() -> None:
    forced = [frozenset({n}) for n in range(10)]
    cut = replace(_constrained(_request(), forced, forces=True), max_tokens=4)
    stopped = replace(_constrained(_request(), forced, forces=True), stop_tokens=frozenset({6}))

    run = _Run(cut, stopped)

    assert (run.tokens[0], run.reasons[0]) == ([0, 1, 2, 3], EndReason.LENGTH)
    assert (run.tokens[1], run.reasons[1]) == ([0, 1, 2, 3, 4, 5, 6], EndReason.STOP)


@pytest.mark.parametrize("sampling", [_GREEDY, SamplingParameters(seed=1, temperature=1.5, top_k=9)])
def test_log_probabilities_are_the_models_own(sampling: SamplingParameters) -> None:
    wanted = replace(_request(sampling=sampling), top_logprobs=5)

    run = _Run(_request(9), wanted, replace(_request(12), top_logprobs=0))

    truth = true_logprobs(_SMALL, wanted.prompt, run.tokens[1])
    assert [each.token for each in run.logprobs[1]] == run.tokens[1]
    for told, row in zip(run.logprobs[1], truth, strict=True):
        best = np.argsort(-row, kind="stable")[:5]
        assert told.logprob == pytest.approx(row[told.token], abs=1e-4)
        assert [logprob for _, logprob in told.top] == pytest.approx(row[best].tolist(), abs=1e-4)
        assert [token for token, _ in told.top] == best.tolist()
    assert run.logprobs[0] == []
    assert all(each.top == () for each in run.logprobs[2])


def test_log_probabilities_come_with_constrained_tokens_too() -> None:
    forced = [frozenset({n}) for n in range(6)]
    wanted = replace(_constrained(_request(), [_ANY, *forced], forces=True), top_logprobs=1)

    run = _Run(wanted)

    truth = true_logprobs(_SMALL, wanted.prompt, run.tokens[0])
    assert [each.token for each in run.logprobs[0]] == run.tokens[0]
    told = [each.logprob for each in run.logprobs[0]]
    assert told == pytest.approx([row[t] for t, row in zip(run.tokens[0], truth, strict=True)], abs=1e-4)


def _replayed(request: GenerationRequest, tokens: Sequence[int]) -> list[int]:
    """What greedy drawing gives when biases and penalties are computed from their definition."""
    parameters = request.sampling
    expected = []
    logits = true_logprobs(_SMALL, request.prompt, tokens).astype(np.float64)
    for place, row in enumerate(logits):
        said = [t for t in tokens[:place] if t not in request.unpenalized]
        adjusted = row + np.array([parameters.logit_bias.get(t, 0.0) for t in range(VOCABULARY_SIZE)])
        for token in set(said):
            count = said.count(token)
            adjusted[token] -= parameters.presence_penalty + parameters.frequency_penalty * count
        expected.append(int(np.argmax(adjusted)))
    return expected


@pytest.mark.parametrize(
    "sampling",
    [
        SamplingParameters(temperature=0.0, presence_penalty=2.0),
        SamplingParameters(temperature=0.0, frequency_penalty=1.5),
        SamplingParameters(temperature=0.0, frequency_penalty=-1.0, presence_penalty=0.5),
        SamplingParameters(temperature=0.0, logit_bias={3: 8.0, 5: -100.0, 7: 6.5}),
        SamplingParameters(temperature=0.0, logit_bias={3: 9.0}, frequency_penalty=2.0),
    ],
    ids=["presence", "frequency", "mixed", "bias", "bias and frequency"],
)
def test_biases_and_penalties_are_what_they_are_defined_to_be(sampling: SamplingParameters) -> None:
    request = replace(_request(sampling=sampling), unpenalized=frozenset({11, 12}))

    run = _Run(_request(8), request, _request(17, SamplingParameters(seed=2)))

    assert run.tokens[1] == _replayed(request, run.tokens[1])
    assert run.tokens[1] != _Run(_request()).tokens[0]


def test_a_repetition_penalty_counts_prompt_and_reply_but_not_what_is_exempt() -> None:
    plain = _Run(_request()).tokens[0]
    request = _request(sampling=SamplingParameters(temperature=0.0, repetition_penalty=2.0))
    exempt = replace(request, unpenalized=frozenset(range(VOCABULARY_SIZE)))

    assert _Run(request).tokens[0] != plain
    assert _Run(exempt).tokens[0] == plain


def test_forced_tokens_are_counted_by_penalties() -> None:
    sampling = SamplingParameters(temperature=0.0, presence_penalty=2.0, logit_bias={9: 50.0, 8: 49.0})
    request = _constrained(_request(sampling=sampling), [frozenset({9}), frozenset({10}), _ANY], forces=True)

    assert _Run(request).tokens[0] == [9, 10, 8]
