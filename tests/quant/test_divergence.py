"""Divergences in float32 against float64's, and what they come to."""

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_quant.divergence import Floats, ReferenceBlock, TokenDivergences, joined
from optiq_quant.divergence_summary import summarize

pytestmark = pytest.mark.mlx


def _log(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def _truth(reference: Floats, candidate: Floats) -> Floats:
    a, b = _log(reference), _log(candidate)
    result: Floats = (np.exp(a) * (a - b)).sum(axis=-1)
    return result


def _compare(reference: Floats, candidate: Floats) -> TokenDivergences:
    block = ReferenceBlock(mx.array(reference.astype(np.float32)), [0] * len(reference))
    return block.compare(mx.array(candidate.astype(np.float32)))


def _logits(rows: int, seed: int) -> Floats:
    # Rounded to float32 first, so that both precisions start from the same numbers.
    drawn = np.random.default_rng(seed).normal(scale=4, size=(rows, 5000))
    return drawn.astype(np.float32).astype(np.float64)


@pytest.mark.parametrize("change", [1e-3, 1e-2, 0.1, 1.0, 5.0])
def test_large_and_tiny_divergences_are_those_of_float64(change: float) -> None:
    reference = _logits(7, 0)
    candidate = (reference + change * _logits(7, 1) / 4).astype(np.float32).astype(np.float64)

    found = _compare(reference, candidate)

    np.testing.assert_allclose(found.divergence, _truth(reference, candidate), rtol=2e-3)


@given(seed=st.integers(0, 1000), scale=st.sampled_from([0.01, 1.0, 50.0]))
def test_equal_logits_diverge_by_exactly_nothing(seed: int, scale: float) -> None:
    logits = np.random.default_rng(seed).normal(scale=scale, size=(3, 200))

    found = _compare(logits, logits)

    assert found.divergence.tolist() == [0.0, 0.0, 0.0]
    assert found.flips == 0
    assert found.reference_loss.tolist() == found.candidate_loss.tolist()


def test_a_distribution_without_chance_for_a_token_stays_finite() -> None:
    reference, candidate = np.zeros((1, 4)), np.zeros((1, 4))
    reference[0, 0], candidate[0, 1] = 300, 300

    found = _compare(reference, candidate)

    assert found.divergence[0] == pytest.approx(300)
    assert found.flips == 1


def test_flips_and_losses_are_told_for_each_position() -> None:
    reference = np.log([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    candidate = np.log([[0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.5, 0.1, 0.4]])
    block = ReferenceBlock(mx.array(reference.astype(np.float32)), [1, 2])

    found = block.compare(mx.array(candidate.astype(np.float32)))

    assert found.flipped.tolist() == [True, False, True]
    assert np.exp(-found.reference_loss) == pytest.approx([0.2, 0.1])
    assert np.exp(-found.candidate_loss) == pytest.approx([0.6, 0.1])


def test_blocks_of_any_size_give_a_prompt_the_same_numbers() -> None:
    reference, candidate = _logits(9, 2), _logits(9, 3)
    whole = _compare(reference, candidate)

    parts = joined([_compare(reference[at], candidate[at]) for at in (slice(0, 5), slice(5, 9))])

    np.testing.assert_allclose(parts.divergence, whole.divergence, rtol=1e-6)


def _prompt(divergence: list[float]) -> TokenDivergences:
    values = np.array(divergence)
    losses = np.full(max(len(values) - 1, 0), np.log(2.0))
    return TokenDivergences(
        divergence=values, flipped=values > 1, reference_loss=losses, candidate_loss=2 * losses
    )


def test_a_summary_weighs_tokens_and_not_prompts() -> None:
    summary = summarize([_prompt([2.0]), _prompt([0.0] * 20)])

    assert (summary.prompts, summary.tokens) == (2, 21)
    assert summary.mean == pytest.approx(2 / 21)
    assert summary.median == 0
    assert summary.greatest == 2
    assert summary.flips == pytest.approx(1 / 21)
    assert summary.reference_perplexity == pytest.approx(2)
    assert summary.candidate_perplexity == pytest.approx(4)
    assert [(band.first, band.end, band.tokens) for band in summary.bands] == [(0, 16, 17), (16, 64, 4)]


def test_the_interval_knows_that_positions_of_a_prompt_resemble_each_other() -> None:
    alike = [_prompt([value] * 50) for value in (0.1, 0.2, 0.3, 0.4)]
    mixed = [_prompt([0.1, 0.2, 0.3, 0.4] * 12) for _ in range(4)]

    wide, narrow = summarize(alike), summarize(mixed)

    assert wide.mean == pytest.approx(narrow.mean)
    assert wide.low is not None
    assert wide.high is not None
    assert wide.low < 0.2 < 0.3 < wide.high
    assert (narrow.low, narrow.high) == pytest.approx((0.25, 0.25))


def test_one_prompt_has_no_interval() -> None:
    summary = summarize([_prompt([0.5, 0.5])])

    assert (summary.low, summary.high) == (None, None)


def test_nothing_cannot_be_summarized() -> None:
    with pytest.raises(ValueError, match="no prompt"):
        summarize([])
