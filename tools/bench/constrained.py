"""What a grammar costs: a constrained reply against a free one of as many tokens, in this process.

Both are greedy, over the same prompt, and are cut at the same length. The constrained one writes JSON for a
schema of many integers, so that nearly every token has a mask and few are forced; the free one has no stop
token. The clock runs from the first token that is told to the last.
"""

import time
from dataclasses import replace

from optiq_harmony.conversation import Conversation, JsonSchemaFormat, UserMessage
from optiq_harmony.structure import Structure
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import EngineLimits, GenerationRequest, SamplingParameters
from tools.bench.timing import Decode, Pair

_TOKENS = 200
_NUMBERS = {
    "type": "object",
    "properties": {"numbers": {"type": "array", "items": {"type": "integer"}, "minItems": 200}},
    "required": ["numbers"],
    "additionalProperties": False,
}


def measure(loaded: LoadedModel, dialect: HarmonyDialect, *, rounds: int) -> list[Pair]:
    """`rounds` pairs; which of the two goes first alternates."""
    structure = Structure(response_format=JsonSchemaFormat(name="numbers", schema=_NUMBERS), reasoning=False)
    conversation = Conversation(
        messages=(UserMessage(text="Extract all numbers as JSON."),),
        response_format=structure.response_format,
    )
    free = GenerationRequest(
        request_id="bench",
        prompt=dialect.render(conversation).ids,
        stop_tokens=frozenset(),
        max_tokens=_TOKENS,
        sampling=SamplingParameters(temperature=0.0),
    )
    backend = MlxBackend(loaded, EngineLimits(cache_bytes=0))
    pairs = []
    for number in range(rounds + 1):
        held = replace(free, constraint=dialect.constraint(structure))
        order = (held, free) if number % 2 else (free, held)
        timed = {id(request): _decode(backend, request) for request in order}
        pairs.append(Pair(ours=timed[id(held)], reference=timed[id(free)]))
    # The first pair warms up.
    return pairs[1:]


def _decode(backend: MlxBackend, request: GenerationRequest) -> Decode:
    backend.insert(0, request)
    times: list[float] = []
    tokens = first = 0
    while True:
        for output in backend.step():
            times.append(time.perf_counter())
            tokens += len(output.tokens)
            first = first or tokens
            if output.reason is not None:
                return Decode(tokens=tokens - first, seconds=times[-1] - times[0])
