"""Bytes of keys and values: as the real caches have them, and as many sequences as fit."""

import mlx.core as mx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_server.engine.kv_budget import KvBudget, KvShape, kv_budget, kv_shape
from optiq_server.engine.layer_cache import as_sliding, fresh_caches
from tests.engine.checkpoints import read_config
from tests.engine.small_model import CONFIG, small_model

_GPT_OSS_20B: dict[str, object] = {
    "model_type": "gpt_oss",
    "num_hidden_layers": 24,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "sliding_window": 128,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
}


@pytest.mark.mlx
@pytest.mark.parametrize("tokens", [1, 15, 16, 300])
def test_a_sequence_takes_what_its_caches_have(tokens: int) -> None:
    shape = kv_shape(CONFIG, element_bytes=4)
    loaded = small_model()
    caches = fresh_caches(loaded.model)
    for token in range(tokens):
        loaded.model(mx.array([[token % 50]]), cache=caches)
    sliding = [cache for cache in caches if as_sliding(cache) is not None]

    assert shape is not None
    assert shape.sequence_bytes(tokens) - shape.sliding_bytes * min(tokens, shape.window) == sum(
        cache.keys.nbytes + cache.values.nbytes for cache in caches if as_sliding(cache) is None
    )
    assert shape.sliding_bytes * min(tokens, shape.window) <= sum(
        cache.keys.nbytes + cache.values.nbytes for cache in sliding
    )


def test_the_20b_takes_24_kib_a_token_and_three_mib_for_its_windows() -> None:
    shape = kv_shape(_GPT_OSS_20B, element_bytes=2)

    assert shape is not None
    assert shape.full_bytes == 24 << 10
    assert shape.sliding_bytes * shape.window == 3 << 20


def test_gpt_oss_alternates_where_its_config_is_silent_and_others_do_not_slide() -> None:
    silent = {**_GPT_OSS_20B, "layer_types": None}
    other = {**silent, "model_type": "llama"}

    assert kv_shape(silent, element_bytes=2) == kv_shape(_GPT_OSS_20B, element_bytes=2)
    llama = kv_shape(other, element_bytes=2)
    assert llama is not None
    assert (llama.full_bytes, llama.sliding_bytes) == (48 << 10, 0)


def test_a_config_that_does_not_tell_gives_no_budget() -> None:
    assert kv_budget({"model_type": "mystery"}, element_bytes=2, left=1 << 30) is None
    assert kv_budget(read_config(), element_bytes=2, left=1 << 30) is not None


_SHAPES = st.builds(
    KvShape,
    full_bytes=st.integers(1, 5000),
    sliding_bytes=st.integers(0, 5000),
    window=st.integers(0, 200),
)


@given(shape=_SHAPES, total=st.integers(0, 1 << 28))
def test_the_longest_fits_and_a_step_more_does_not(shape: KvShape, total: int) -> None:
    budget = KvBudget(shape=shape, total=total)

    longest = budget.longest()

    if longest >= shape.window and longest:
        assert budget.fits([longest])
        assert not budget.fits([longest + 1])


@given(
    shape=_SHAPES, tokens=st.lists(st.integers(1, 3000), min_size=1, max_size=5), more=st.integers(1, 3000)
)
def test_one_more_sequence_never_takes_less(shape: KvShape, tokens: list[int], more: int) -> None:
    budget = KvBudget(shape=shape, total=0)

    assert budget.committed([*tokens, more]) > budget.committed(tokens)
    assert budget.committed(tokens) >= sum(shape.sequence_bytes(each) for each in tokens)


def test_nothing_that_runs_takes_nothing() -> None:
    assert KvBudget(shape=KvShape(full_bytes=9, sliding_bytes=9, window=9), total=0).committed([]) == 0
