"""Which prompts a step computes, and how far."""

from hypothesis import given
from hypothesis import strategies as st

from optiq_server.engine.prefill import Chunk, ChunkSize, Progress, common_length, next_chunks


def _prompt(sequence_id: int, left: int, *, work: int = 0, waits: bool = False) -> Progress:
    return Progress(sequence_id=sequence_id, work=work, left=left, waits=waits)


def _chunks(*prompts: Progress, budget: int = 100, oldest_first: bool = False) -> dict[int, int]:
    chunks = next_chunks(prompts, budget=budget, oldest_first=oldest_first)
    return {chunk.sequence_id: chunk.tokens for chunk in chunks}


def test_a_long_prompt_is_cut_to_the_budget_and_has_the_step_for_itself() -> None:
    assert _chunks(_prompt(0, 1000), _prompt(1, 1000)) == {0: 100}


def test_short_prompts_share_a_step_as_far_as_their_padding_fits() -> None:
    assert _chunks(_prompt(0, 30), _prompt(1, 20), _prompt(2, 33), _prompt(3, 5)) == {0: 30, 1: 20, 2: 33}


def test_a_newcomer_overtakes_what_has_been_worked_on() -> None:
    assert _chunks(_prompt(0, 1000, work=500), _prompt(1, 10)) == {1: 10}


def test_in_every_second_step_the_oldest_goes_on() -> None:
    prompts = (_prompt(0, 1000, work=500), _prompt(1, 10))

    assert _chunks(*prompts, oldest_first=True) == {0: 100}


def test_who_waits_for_anothers_beginning_is_passed_over() -> None:
    assert _chunks(_prompt(0, 50, work=20), _prompt(1, 10, waits=True)) == {0: 50}
    assert _chunks(_prompt(1, 10, waits=True)) == {}


def test_a_prompt_with_nothing_left_shares_any_step() -> None:
    assert _chunks(_prompt(0, 0), _prompt(1, 50)) == {0: 0, 1: 50}


@given(
    lefts=st.lists(st.integers(0, 300), max_size=12),
    works=st.lists(st.integers(0, 300), min_size=12, max_size=12),
    budget=st.integers(32, 200),
    oldest_first=st.booleans(),
)
def test_no_step_exceeds_the_budget_and_none_is_idle(
    lefts: list[int], works: list[int], budget: int, oldest_first: bool
) -> None:
    prompts = [_prompt(n, left, work=works[n]) for n, left in enumerate(lefts)]

    chunks = next_chunks(prompts, budget=budget, oldest_first=oldest_first)

    assert len(chunks) * max((chunk.tokens for chunk in chunks), default=0) <= budget
    assert bool(chunks) == bool(prompts)
    assert len({chunk.sequence_id for chunk in chunks}) == len(chunks)
    if len(chunks) > 1:
        assert all(
            chunk == Chunk(sequence_id=chunk.sequence_id, tokens=lefts[chunk.sequence_id]) for chunk in chunks
        )


@given(a=st.lists(st.integers(0, 1)), b=st.lists(st.integers(0, 1)))
def test_the_common_length_is_that_of_a_scan(a: list[int], b: list[int]) -> None:
    expected = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))

    assert common_length(a, b) == expected


def test_chunks_grow_and_shrink_with_what_they_cost() -> None:
    size = ChunkSize()
    unknown = size.budget(others_decode=True)

    for _ in range(10):
        size.observe(512, 10.0)
    slow = size.budget(others_decode=True)
    for _ in range(20):
        size.observe(512, 0.01)
    fast = size.budget(others_decode=True)

    assert (slow, unknown, fast) == (32, 512, 2048)


def test_a_chunk_is_larger_while_nobody_decodes() -> None:
    size = ChunkSize()
    size.observe(512, 0.512)

    assert size.budget(others_decode=True) == 128
    assert size.budget(others_decode=False) == 512


def test_tiny_chunks_tell_nothing_of_the_cost() -> None:
    size = ChunkSize()
    size.observe(1, 60.0)

    assert size.budget(others_decode=True) == 512
