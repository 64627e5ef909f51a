"""A small gpt_oss with random weights and a window of 16, and the truth about what it says."""

from collections.abc import Sequence
from dataclasses import fields

import mlx.core as mx
import numpy as np
from mlx.utils import tree_map

from optiq_server.engine.gpt_oss import Model, ModelArgs, checked_config
from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.types import ModelInfo

WINDOW = 16
VOCABULARY_SIZE = 64

CONFIG: dict[str, object] = {
    "model_type": "gpt_oss",
    "num_hidden_layers": 4,
    "hidden_size": 32,
    "intermediate_size": 32,
    "head_dim": 16,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "vocab_size": VOCABULARY_SIZE,
    "sliding_window": WINDOW,
    "rope_theta": 150000.0,
}


def small_model(seed: int = 0, *, vocabulary_size: int = VOCABULARY_SIZE) -> LoadedModel:
    """Float32; its weights are large enough that far tokens matter to the next one."""
    config = {**CONFIG, **checked_config(CONFIG), "vocab_size": vocabulary_size}
    known = {each.name: config[each.name] for each in fields(ModelArgs) if each.name in config}
    model = Model(ModelArgs(**known))  # type: ignore[arg-type]  # the values are of many types
    keys = iter(mx.random.split(mx.random.key(seed), 200))
    model.update(
        tree_map(lambda each: 0.3 * mx.random.normal(each.shape, key=next(keys)), model.parameters())
    )
    mx.eval(model.parameters())
    info = ModelInfo(
        architecture="gpt_oss", context_length=4096, vocabulary_size=vocabulary_size, weight_bytes=0
    )
    return LoadedModel(model=model, info=info, fingerprint=f"small {seed}")


def true_logprobs(loaded: LoadedModel, prompt: Sequence[int], reply: Sequence[int]) -> np.ndarray:
    """Log-probabilities (len(reply), V) of each of the reply's tokens, by one pass without any cache."""
    logits = loaded.model(mx.array([[*prompt, *reply]]))[0, len(prompt) - 1 : -1].astype(mx.float32)
    return np.array(logits - mx.logsumexp(logits, axis=-1, keepdims=True))
