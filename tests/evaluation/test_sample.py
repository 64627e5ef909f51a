"""Which items a limit leaves."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from optiq_server.evaluation.sample import choose
from tests.evaluation.sums import make_sums

_ITEMS = make_sums(57).items


def test_without_a_limit_all_are_asked_in_their_order() -> None:
    assert choose(_ITEMS, None, 0) == tuple(_ITEMS)


@given(limit=st.integers(1, 57), seed=st.integers(0, 50))
def test_a_limit_is_spread_evenly_over_the_clusters(limit: int, seed: int) -> None:
    chosen = choose(_ITEMS, limit, seed)

    counts = Counter(item.cluster for item in chosen)
    full = Counter(item.cluster for item in _ITEMS)
    unfinished = [counts[name] for name in full if counts[name] < full[name]]
    assert len(chosen) == limit
    assert max(counts.values()) - min(unfinished, default=10) <= 1


@given(limit=st.integers(1, 56), seed=st.integers(0, 50))
def test_a_larger_limit_only_adds_items(limit: int, seed: int) -> None:
    fewer = {item.id for item in choose(_ITEMS, limit, seed)}

    assert fewer < {item.id for item in choose(_ITEMS, limit + 1, seed)}


def test_another_seed_draws_other_items() -> None:
    assert choose(_ITEMS, 12, 0) != choose(_ITEMS, 12, 1)


def test_the_draw_is_the_same_on_every_machine() -> None:
    assert [item.id for item in choose(_ITEMS, 6, 0)] == [item.id for item in choose(_ITEMS[::-1], 6, 0)][
        ::-1
    ]
