"""Many streams: our loop against mlx-lm's `BatchGenerator`, with the same prompts over the same weights.

Both decode greedily, keep no prompts, and tell the same number of tokens, which is checked. The clock covers
everything from the first insert to the last token, prompts included.
"""

import time
from collections.abc import Sequence

from mlx_lm.generate import BatchGenerator

from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import EngineLimits
from tools.bench.stepping import greedy, run
from tools.bench.timing import Decode, Pair


def measure(
    loaded: LoadedModel, prompts: Sequence[Sequence[int]], *, rounds: int, max_tokens: int
) -> list[Pair]:
    """`rounds` pairs of all prompts at the same time; who goes first alternates."""
    pairs = []
    for number in range(rounds + 1):
        if number % 2:
            ours = _ours(loaded, prompts, max_tokens)
            reference = _reference(loaded, prompts, max_tokens)
        else:
            reference = _reference(loaded, prompts, max_tokens)
            ours = _ours(loaded, prompts, max_tokens)
        if ours.tokens != reference.tokens:
            raise ValueError(f"{ours.tokens} tokens against {reference.tokens}")
        pairs.append(Pair(ours=ours, reference=reference))
    # The first pair warms up.
    return pairs[1:]


def _ours(loaded: LoadedModel, prompts: Sequence[Sequence[int]], max_tokens: int) -> Decode:
    backend = MlxBackend(loaded, EngineLimits(max_running=len(prompts), cache_bytes=0))
    started = time.perf_counter()
    told = run(backend, [greedy(prompt, max_tokens=max_tokens) for prompt in prompts])
    return Decode(tokens=sum(len(each.tokens) for each in told), seconds=time.perf_counter() - started)


def _reference(loaded: LoadedModel, prompts: Sequence[Sequence[int]], max_tokens: int) -> Decode:
    generator = BatchGenerator(loaded.model, completion_batch_size=len(prompts))
    started = time.perf_counter()
    generator.insert([list(prompt) for prompt in prompts], max_tokens=[max_tokens] * len(prompts))
    tokens = 0
    while responses := generator.next_generated():
        tokens += len(responses)
    seconds = time.perf_counter() - started
    generator.close()
    return Decode(tokens=tokens, seconds=seconds)
