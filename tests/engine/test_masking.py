import mlx.core as mx
import numpy as np
import pytest

from optiq_server.engine.masking import ConstrainedRow, masked
from tests.engine.constraints import ScriptedConstraint

pytestmark = pytest.mark.mlx

ANY = frozenset(range(70))


@pytest.mark.parametrize("vocabulary_size", [64, 70, 95])
def test_a_mask_forbids_what_it_does_not_name(vocabulary_size: int) -> None:
    constraint = ScriptedConstraint([frozenset({0, 31, 32, 63})], vocabulary_size=vocabulary_size)
    logits = mx.arange(vocabulary_size, dtype=mx.float32)[None]

    kept = np.array(masked(logits, [constraint.mask()]))[0]

    assert np.flatnonzero(np.isfinite(kept)).tolist() == [0, 31, 32, 63]
    assert kept[[0, 31, 32, 63]].tolist() == [0, 31, 32, 63]


def test_rows_without_a_mask_stay_as_they_are() -> None:
    mask = ScriptedConstraint([frozenset({5})], vocabulary_size=70).mask()
    logits = mx.random.normal((3, 70), key=mx.random.key(0)).astype(mx.bfloat16)

    kept = masked(logits, [None, mask, None])

    assert kept.dtype == mx.bfloat16
    assert mx.array_equal(kept[0::2], logits[0::2])


def test_a_row_accepts_what_was_drawn_and_gives_the_next_mask() -> None:
    constraint = ScriptedConstraint([ANY, frozenset({7})], vocabulary_size=70)
    row = ConstrainedRow(constraint)

    row.accept(3)
    second = row.mask()
    row.accept(7)

    assert second is not None
    assert second.tolist() == [1 << 7, 0, 0]
    assert row.mask() is None
    assert constraint.accepted == [3, 7]
    assert row.failure is None


def test_what_is_forced_is_accepted_at_once() -> None:
    sets = [ANY, frozenset({7}), frozenset({8}), ANY]
    constraint = ScriptedConstraint(sets, vocabulary_size=70, forces=True)
    row = ConstrainedRow(constraint)

    assert row.forced() == ()
    row.accept(3)

    assert row.forced() == (7, 8)
    assert row.forced() == ()
    assert constraint.accepted == [3, 7, 8]


def test_a_row_that_draws_every_token_forces_none() -> None:
    constraint = ScriptedConstraint([frozenset({7})], vocabulary_size=70, forces=True)

    assert ConstrainedRow(constraint, forces=False).forced() == ()


def test_a_failed_row_keeps_its_first_failure_and_asks_no_more() -> None:
    constraint = ScriptedConstraint([ANY, frozenset({7}), ANY], vocabulary_size=70, forces=True)
    row = ConstrainedRow(constraint)

    row.accept(3)
    row.accept(8)
    row.accept(7)

    assert (row.mask(), row.forced()) == (None, ())
    assert row.failure == "the script forbids 8"
    assert constraint.accepted == [3]
