"""What a row's parameters make of its logits before a token is drawn: bias, then penalties.

Rule 1: presence and frequency count the reply alone, as at OpenAI; repetition counts the prompt too, as its
        paper does.
Rule 2: tokens that structure a reply are never counted, however often they occur.
Rule 3: counts live on the device and are added to by the drawn token, which need not be known yet.

It knows one row of logits, no batch and no model.
"""

from collections.abc import Mapping

import mlx.core as mx
import numpy as np

from optiq_server.engine.types import GenerationRequest, SamplingParameters


class Adjustment:
    """The state of one row."""

    def __init__(self, request: GenerationRequest, *, vocabulary_size: int) -> None:
        parameters = request.sampling
        self._bias = _dense(parameters.logit_bias, vocabulary_size)
        self._penalties = None
        if parameters.penalizes:
            self._penalties = _Penalties(parameters, request, vocabulary_size)

    def drawn(self, token: mx.array) -> None:
        """The reply goes on with `token`, an array of one id."""
        if self._penalties is not None:
            self._penalties.count(token)

    def apply(self, logits: mx.array) -> mx.array:
        """Logits (1, V) of any float type -> float32."""
        adjusted = logits.astype(mx.float32)
        if self._bias is not None:
            adjusted = adjusted + self._bias
        return adjusted if self._penalties is None else self._penalties.apply(adjusted)


class _Penalties:
    def __init__(
        self, parameters: SamplingParameters, request: GenerationRequest, vocabulary_size: int
    ) -> None:
        self._presence = parameters.presence_penalty
        self._frequency = parameters.frequency_penalty
        self._repetition = parameters.repetition_penalty
        countable = np.ones(vocabulary_size, np.float32)
        countable[[token for token in request.unpenalized if token < vocabulary_size]] = 0.0
        in_prompt = np.zeros(vocabulary_size, np.bool_)
        in_prompt[list(request.prompt)] = True
        self._countable = mx.array(countable)
        self._in_prompt = mx.array(in_prompt & (countable > 0))
        self._counts = mx.zeros(vocabulary_size)

    def count(self, token: mx.array) -> None:
        self._counts = self._counts.at[token].add(self._countable[token])

    def apply(self, logits: mx.array) -> mx.array:
        said = self._counts > 0
        if self._repetition != 1.0:
            repeated = mx.where(logits > 0, logits / self._repetition, logits * self._repetition)
            logits = mx.where(said | self._in_prompt, repeated, logits)
        return logits - self._frequency * self._counts - self._presence * said


def _dense(bias: Mapping[int, float], vocabulary_size: int) -> mx.array | None:
    if not bias:
        return None
    dense = np.zeros(vocabulary_size, np.float32)
    dense[list(bias)] = list(bias.values())
    return mx.array(dense)
