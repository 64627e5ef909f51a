"""Each filter against numpy's arithmetic, rows in mixed batches against rows alone, and the odds of draws."""

import math

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_server.engine.sampling import BatchSampling, RowSampling, draw, filtered
from optiq_server.engine.types import SamplingParameters

pytestmark = pytest.mark.mlx

VOCABULARY = 200
LOGITS = np.random.default_rng(0).normal(0.0, 3.0, (6, VOCABULARY)).astype(np.float32)

MIXED = (
    SamplingParameters(),
    SamplingParameters(temperature=0.0),
    SamplingParameters(temperature=0.7, top_p=0.9),
    SamplingParameters(top_k=7),
    SamplingParameters(temperature=1.5, min_p=0.05),
    SamplingParameters(temperature=2.0, top_k=50, top_p=0.5, min_p=0.2),
)


def batch(*parameters: SamplingParameters, vocabulary_size: int = VOCABULARY) -> BatchSampling:
    rows = [RowSampling(each, seed) for seed, each in enumerate(parameters)]
    return BatchSampling(rows, vocabulary_size=vocabulary_size)


def probabilities(logits: np.ndarray, *parameters: SamplingParameters) -> np.ndarray:
    kept = filtered(mx.array(logits), batch(*parameters, vocabulary_size=logits.shape[-1]))
    return np.array(mx.softmax(kept, axis=-1))


def expected(logits: np.ndarray, parameters: SamplingParameters) -> np.ndarray:
    """One row's distribution, in float64 and in the plainest way."""
    odds = np.exp((logits.astype(np.float64) - logits.max()) / parameters.temperature)
    odds /= odds.sum()
    if parameters.top_k is not None:
        odds[np.argsort(-odds)[parameters.top_k :]] = 0.0
        odds /= odds.sum()
    order = np.argsort(-odds)
    before = np.cumsum(odds[order]) - odds[order]
    odds[order[before >= parameters.top_p]] = 0.0
    odds[odds < parameters.min_p * odds.max()] = 0.0
    final: np.ndarray = odds / odds.sum()
    return final


@pytest.mark.parametrize("parameters", [each for each in MIXED if each.temperature > 0], ids=repr)
def test_a_row_has_the_distribution_that_its_parameters_ask_for(parameters: SamplingParameters) -> None:
    given_odds = probabilities(LOGITS[:1], parameters)[0]

    np.testing.assert_allclose(given_odds, expected(LOGITS[0], parameters), atol=1e-6)


@pytest.mark.parametrize("members", [(0, 1, 2, 3, 4, 5), (0, 3), (5, 4, 0), (3, 1), (4, 0)], ids=repr)
def test_rows_of_a_mixed_batch_keep_their_own_distributions(members: tuple[int, ...]) -> None:
    given_odds = probabilities(LOGITS[list(members)], *[MIXED[row] for row in members])

    for odds, row in zip(given_odds, members, strict=True):
        if MIXED[row].temperature > 0:
            np.testing.assert_allclose(odds, expected(LOGITS[row], MIXED[row]), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    logits=st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=20),
    temperature=st.floats(0.1, 3.0),
    top_k=st.none() | st.integers(1, 30),
    top_p=st.floats(0.01, 1.0),
    min_p=st.floats(0.0, 1.0),
)
def test_the_most_probable_token_is_always_kept(
    logits: list[float], temperature: float, top_k: int | None, top_p: float, min_p: float
) -> None:
    parameters = SamplingParameters(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)

    odds = probabilities(np.array([logits], np.float32), parameters)[0]

    assert odds[int(np.argmax(logits))] > 0
    assert math.isclose(odds.sum(), 1.0, rel_tol=1e-5)


def test_tokens_as_probable_as_the_last_one_kept_are_kept() -> None:
    logits = np.array([[3.0, 2.0, 2.0, 1.0]], np.float32)

    odds = probabilities(logits, SamplingParameters(top_k=2))[0]

    assert [bool(each) for each in odds > 0] == [True, True, True, False]


def test_top_p_of_one_keeps_every_token_of_a_large_vocabulary() -> None:
    # Summed in float32, 200,000 equal shares pass 1 before the last token.
    logits = np.zeros((2, 200_000), np.float32)

    odds = probabilities(logits, SamplingParameters(top_p=1.0), SamplingParameters(top_p=0.5))

    assert (odds[0] > 0).all()


def test_a_top_k_beyond_the_vocabulary_and_beyond_an_int32_keeps_every_token() -> None:
    odds = probabilities(LOGITS[:1], SamplingParameters(top_k=2**40))[0]

    assert (odds > 0).all()


def test_greedy_rows_take_the_largest_logit_in_a_mixed_batch() -> None:
    ids = draw(mx.array(LOGITS), batch(*MIXED), [0] * 6)

    assert np.array(ids)[1] == LOGITS[1].argmax()


def test_an_all_greedy_batch_takes_the_largest_logits() -> None:
    greedy = SamplingParameters(temperature=0.0)

    ids = draw(mx.array(LOGITS), batch(*[greedy] * 6), [0] * 6)

    assert ids.tolist() == LOGITS.argmax(axis=-1).tolist()


@pytest.mark.parametrize("temperature", [1e-40, 1e-6, 1e-4])
def test_a_tiny_temperature_is_as_good_as_greedy(temperature: float) -> None:
    ids = draw(mx.array(LOGITS), batch(*[SamplingParameters(temperature=temperature)] * 6), [0] * 6)

    assert ids.tolist() == LOGITS.argmax(axis=-1).tolist()


def test_a_draw_does_not_depend_on_the_place_in_the_batch() -> None:
    rows = [RowSampling(each, 100 + i) for i, each in enumerate(MIXED)]
    numbers = [3, 0, 8, 1, 5, 2]
    alone = [
        draw(mx.array(LOGITS[i : i + 1]), BatchSampling([rows[i]], vocabulary_size=VOCABULARY), [numbers[i]])
        for i in range(6)
    ]

    order = [4, 0, 5, 2, 1, 3]
    together = draw(
        mx.array(LOGITS[order]),
        BatchSampling([rows[i] for i in order], vocabulary_size=VOCABULARY),
        [numbers[i] for i in order],
    )

    assert together.tolist() == mx.concatenate([alone[i] for i in order]).tolist()


def test_each_token_number_and_each_seed_has_its_own_noise() -> None:
    flat = mx.zeros((1, 100_000))

    def drawn(seed: int, number: int) -> int:
        row = RowSampling(SamplingParameters(), seed)
        return int(np.array(draw(flat, BatchSampling([row], vocabulary_size=100_000), [number]))[0])

    ids = {drawn(seed, number) for seed in (-1, 0, 1, 2**63, 2**80) for number in range(5)}

    assert len(ids) == 25


def test_logits_of_half_precision_are_sampled_in_float32() -> None:
    logits = mx.array(LOGITS).astype(mx.bfloat16)

    ids = draw(logits, batch(*MIXED), [0] * 6)

    assert ids.tolist() == draw(logits.astype(mx.float32), batch(*MIXED), [0] * 6).tolist()


def test_draws_have_the_odds_of_the_distribution() -> None:
    draws, tokens = 4000, 8
    logits = np.linspace(0.0, 3.0, tokens, dtype=np.float32)
    rows = [RowSampling(SamplingParameters(temperature=1.3), seed) for seed in range(draws)]

    ids = draw(
        mx.array(np.tile(logits, (draws, 1))), BatchSampling(rows, vocabulary_size=tokens), [0] * draws
    )

    counts = np.bincount(np.array(ids), minlength=tokens)
    wanted = expected(logits, SamplingParameters(temperature=1.3)) * draws
    chi_square = ((counts - wanted) ** 2 / wanted).sum()
    # The 99.9th percentile of chi-square with 7 degrees of freedom. The seeds are fixed, so this cannot
    # flicker.
    assert chi_square < 24.32
