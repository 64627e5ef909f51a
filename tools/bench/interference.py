"""How much those who decode notice of a long prompt that arrives: the gaps between their tokens."""

import random
import statistics
from dataclasses import dataclass

from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import EngineLimits, GenerationRequest
from tools.bench.stepping import Told, greedy, run

_STREAMS = 4
_PROMPT_TOKENS = 8000
_REPLY_TOKENS = 400
_ARRIVES_AT_STEP = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Seconds between two tokens of a stream: the 99th percentile and the longest."""

    p99: float
    longest: float


def measure(loaded: LoadedModel) -> tuple[Gaps, Gaps, float]:
    """The gaps without and with the long prompt, and the longest chunk's seconds while it was computed."""
    source = random.Random(1)
    vocabulary = loaded.info.vocabulary_size - 2000
    long = greedy([source.randrange(vocabulary) for _ in range(_PROMPT_TOKENS)], max_tokens=1)
    streams = [
        greedy([source.randrange(vocabulary) for _ in range(50)], max_tokens=_REPLY_TOKENS)
        for _ in range(_STREAMS)
    ]
    quiet = run(_backend(loaded), streams)

    def arrive(step: int) -> GenerationRequest | None:
        return long if step == _ARRIVES_AT_STEP else None

    disturbed = run(_backend(loaded), streams, at_step=arrive)
    without, with_it = _gaps(quiet), _gaps(disturbed[:_STREAMS])
    return without, with_it, with_it.longest - statistics.median(_all_gaps(quiet))


def _backend(loaded: LoadedModel) -> MlxBackend:
    return MlxBackend(loaded, EngineLimits(cache_bytes=0))


def _gaps(told: list[Told]) -> Gaps:
    gaps = sorted(_all_gaps(told))
    return Gaps(p99=gaps[int(len(gaps) * 0.99)], longest=gaps[-1])


def _all_gaps(told: list[Told]) -> list[float]:
    return [b - a for each in told for a, b in zip(each.times, each.times[1:], strict=False)]
