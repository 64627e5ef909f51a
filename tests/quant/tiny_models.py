"""Small random models of two architectures, and what the quantizer knows of them."""

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.utils import tree_map
from mlx_lm.models import llama

from optiq_quant.inventory import take_inventory
from optiq_quant.units import Unit
from tests.engine.small_model import CONFIG as GPT_OSS
from tests.engine.small_model import small_model

VOCABULARY = 64
LLAMA: Mapping[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": VOCABULARY,
}


def tiny_llama(*, tied: bool = True, seed: int = 0) -> Module:
    """Float32, its weights all random."""
    model: Module = llama.Model(llama.ModelArgs(**LLAMA, tie_word_embeddings=tied))
    keys = iter(mx.random.split(mx.random.key(seed), 200))
    model.update(
        tree_map(lambda each: 0.2 * mx.random.normal(each.shape, key=next(keys)), model.parameters())
    )
    mx.eval(model.parameters())
    return model


def tiny_gpt_oss(seed: int = 0) -> Module:
    """Float32, a window of 16 and four experts, two of which a token goes through."""
    return small_model(seed).model


def units_of(model: Module) -> tuple[Unit, ...]:
    config = LLAMA if isinstance(model, llama.Model) else GPT_OSS
    return take_inventory(model, config).units


def random_prompt(length: int, seed: int = 0) -> list[int]:
    drawn: Any = mx.random.randint(0, VOCABULARY, (length,), key=mx.random.key(seed)).tolist()
    return list(drawn)
