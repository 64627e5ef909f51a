from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from optiq_server.engine.backend import Output
from optiq_server.engine.kv_budget import KvBudget, KvShape
from optiq_server.engine.schedule import Schedule
from optiq_server.engine.sequence import Sequence
from optiq_server.engine.types import Ended, EndReason, Tokens
from tests.engine.doubles import INFO, request


def sequence(sequence_id: int, deadline: float | None = None) -> Sequence:
    return Sequence(id=sequence_id, request=request(1, 2, 3), deadline=deadline)


def test_sequences_start_in_the_order_in_which_they_came() -> None:
    schedule = Schedule(max_running=2)
    for sequence_id in (7, 3, 5):
        schedule.add(sequence(sequence_id))

    admitted = schedule.admit(INFO)

    assert [each.id for each in admitted] == [7, 3]
    assert schedule.waiting == (5,)


def test_a_free_place_is_filled_by_the_next_in_line() -> None:
    schedule = Schedule(max_running=1)
    schedule.add(sequence(1))
    schedule.add(sequence(2))
    schedule.admit(INFO)

    schedule.record([Output(sequence_id=1, reason=EndReason.STOP)])

    assert [each.id for each in schedule.admit(INFO)] == [2]


def test_a_departure_tells_whether_the_backend_holds_the_sequence() -> None:
    schedule = Schedule(max_running=1)
    schedule.add(sequence(1))
    schedule.add(sequence(2))
    schedule.admit(INFO)

    departures = schedule.end([1, 2], EndReason.CANCELLED)

    assert [(each.sequence_id, each.was_running) for each in departures] == [(1, True), (2, False)]
    assert schedule.is_idle


def test_ending_an_unknown_sequence_is_nothing() -> None:
    assert Schedule(max_running=1).end([4], EndReason.CANCELLED) == []


def test_overdue_is_told_of_waiting_and_running_alike() -> None:
    schedule = Schedule(max_running=1)
    for each in (sequence(1, 5.0), sequence(2, 6.0), sequence(3)):
        schedule.add(each)
    schedule.admit(INFO)

    assert schedule.overdue(4.9) == []
    assert schedule.overdue(5.0) == [1]
    assert schedule.overdue(6.0) == [1, 2]


def test_the_end_counts_prompt_completion_and_cached_tokens() -> None:
    schedule = Schedule(max_running=1)
    schedule.add(sequence(1))
    schedule.admit(INFO)
    schedule.record([Output(sequence_id=1, tokens=(4, 5), cached_tokens=2)])

    news = schedule.record([Output(sequence_id=1, tokens=(6,), reason=EndReason.STOP)])

    ended = Ended(reason=EndReason.STOP, prompt_tokens=3, completion_tokens=3, cached_tokens=2)
    assert news[0].events == (Tokens(ids=(6,)), ended)


@given(
    max_running=st.integers(1, 4),
    actions=st.lists(
        st.tuples(st.sampled_from(["add", "admit", "cancel", "finish"]), st.integers(0, 15)), max_size=60
    ),
)
def test_a_sequence_is_in_one_place_and_ends_once(max_running: int, actions: list[tuple[str, int]]) -> None:
    schedule = Schedule(max_running=max_running)
    added: set[int] = set()
    ended: list[int] = []

    for action, number in actions:
        if action == "add" and number not in added:
            schedule.add(sequence(number))
            added.add(number)
        elif action == "admit":
            schedule.admit(INFO)
        elif action == "cancel":
            ended += [each.sequence_id for each in schedule.end([number], EndReason.CANCELLED)]
        elif action == "finish" and number in schedule.running:
            news = schedule.record([Output(sequence_id=number, reason=EndReason.LENGTH)])
            ended += [each.sequence_id for each in news]

        everywhere = [*schedule.waiting, *schedule.running, *ended]
        assert sorted(everywhere) == sorted(added)
        assert len(schedule.running) <= max_running


def test_a_sequence_waits_until_memory_holds_it_beside_the_others_and_is_not_overtaken() -> None:
    budget = KvBudget(shape=KvShape(full_bytes=1, sliding_bytes=0, window=0), total=1000)
    model = replace(INFO, kv_budget=budget)
    schedule = Schedule(max_running=8)
    for sequence_id, max_tokens in ((1, 200), (2, 400), (3, 5)):
        wanted = request(1, max_tokens=max_tokens)
        schedule.add(Sequence(id=sequence_id, request=wanted))

    assert [each.id for each in schedule.admit(model)] == [1]
    schedule.end([1], EndReason.CANCELLED)
    assert [each.id for each in schedule.admit(model)] == [2]
    assert schedule.waiting == (3,)


def test_one_alone_is_never_kept_waiting() -> None:
    budget = KvBudget(shape=KvShape(full_bytes=1, sliding_bytes=0, window=0), total=1)
    schedule = Schedule(max_running=8)
    schedule.add(sequence(1))

    assert [each.id for each in schedule.admit(replace(INFO, kv_budget=budget))] == [1]


def test_a_reply_without_a_limit_is_kept_memory_for_in_steps() -> None:
    model = replace(INFO, context_length=10**6, reply_step=100)
    unlimited, limited = request(1), request(1, max_tokens=20_000)

    assert model.reserved_tokens(unlimited) == 101
    assert model.reserved_tokens(unlimited, 99) == 101
    assert model.reserved_tokens(unlimited, 100) == 201
    assert model.reserved_tokens(limited) == model.reserved_tokens(limited, 9_000) == 20_001
    assert INFO.reserved_tokens(unlimited) == INFO.context_length
