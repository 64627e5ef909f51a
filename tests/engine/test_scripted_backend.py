import itertools

import pytest

from optiq_server.engine.backend import Backend, Output
from optiq_server.engine.scripted_backend import FaultStage, Script, ScriptedBackend, ScriptedFault
from optiq_server.engine.types import EndReason
from tests.engine.constraints import ScriptedConstraint
from tests.engine.doubles import STOP, request, scripted


def play(backend: ScriptedBackend, steps: int) -> list[Output]:
    return [output for _ in range(steps) for output in backend.step()]


def test_it_is_a_backend() -> None:
    backend: Backend = scripted()

    assert backend.info.architecture == "scripted"


def test_a_prompt_takes_its_steps_before_the_first_token() -> None:
    backend = scripted(lambda _: Script(tokens=[4, STOP], prefill_steps=2))
    backend.insert(0, request())

    outputs = play(backend, 4)

    assert [output.tokens for output in outputs] == [(), (), (4,), (STOP,)]
    assert outputs[-1].reason is EndReason.STOP


def test_several_tokens_in_a_step_end_at_the_stop_token() -> None:
    backend = scripted(lambda _: Script(tokens=[4, STOP, 6], prefill_steps=0, tokens_per_step=3))
    backend.insert(0, request())

    assert backend.step() == [Output(sequence_id=0, tokens=(4, STOP), reason=EndReason.STOP)]
    assert backend.inserted == ()


def test_a_script_that_runs_out_ends_with_length() -> None:
    backend = scripted(lambda _: Script(tokens=[4], prefill_steps=0))
    backend.insert(0, request())

    assert [output.reason for output in play(backend, 2)] == [None, EndReason.LENGTH]


def test_the_last_allowed_token_may_be_a_stop_token() -> None:
    backend = scripted(lambda _: Script(tokens=[4, STOP], prefill_steps=0))
    backend.insert(0, request(max_tokens=2))

    assert [output.reason for output in play(backend, 2)] == [None, EndReason.STOP]


def test_a_fault_may_strike_during_the_prompt() -> None:
    backend = scripted(lambda _: Script(tokens=[4], prefill_steps=5, fault=FaultStage.STEP))
    backend.insert(0, request())

    with pytest.raises(ScriptedFault, match="fails this step"):
        backend.step()


def test_reset_forgets_every_sequence() -> None:
    backend = scripted(lambda _: itertools.repeat(5))
    backend.insert(0, request())

    backend.reset()

    assert backend.step() == []


def test_a_script_that_keeps_to_the_constraint_is_played() -> None:
    backend = scripted(lambda _: Script(tokens=[4, STOP], prefill_steps=0))
    constraint = ScriptedConstraint([frozenset({4, 5}), frozenset({STOP})])
    backend.insert(0, request(constraint=constraint))

    outputs = play(backend, 2)

    assert [output.reason for output in outputs] == [None, EndReason.STOP]
    assert constraint.is_finished


def test_a_script_that_breaks_its_constraint_ends_alone() -> None:
    backend = scripted(lambda _: Script(tokens=[4, 6], prefill_steps=0))
    backend.insert(0, request(constraint=ScriptedConstraint([frozenset({4}), frozenset({STOP})])))
    backend.insert(1, request())

    outputs = play(backend, 2)

    assert outputs[2] == Output(sequence_id=0, reason=EndReason.FAULT, detail="the script forbids 6")
    assert outputs[3].tokens == (6,)
    assert backend.inserted == (1,)
