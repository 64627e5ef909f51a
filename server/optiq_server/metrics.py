"""What Prometheus is told: counters that are counted as things happen, gauges read from the last snapshot.

The only importer of prometheus_client. Each application has a registry of its own. Children of labels that
tokens would need are found once; a token costs two of them.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from optiq_server.engine.stats import EngineStatus
from optiq_server.engine.types import Ended, EngineState, GenerationRequest, Tokens

CONTENT_TYPE = CONTENT_TYPE_LATEST

_FIRST_TOKEN_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 150, 600)
"""From a prompt that is cached to 131,072 tokens that are computed on a laptop."""

_NEXT_TOKEN_SECONDS = (0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2.5, 10)
"""From a small model alone to a step that also computes a chunk of somebody's prompt."""


class Metrics:
    """Observes the engine and counts requests; `exposition` is the page that Prometheus reads."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter("requests", "Answers, by route and status.", "endpoint", "status")
        self._replies = self._counter("replies", "Replies, by how they ended.", "finish")
        self._prompt_tokens = self._counter("prompt_tokens", "Tokens of prompts that were taken.")
        self._cached_tokens = self._counter(
            "cached_tokens", "Tokens of prompts that were not computed again."
        )
        self._cache_hits = self._counter("cache_hits", "Prompts of which something was not computed again.")
        self._completion_tokens = self._counter("completion_tokens", "Tokens of replies.")
        self._first_token = Histogram(
            "optiq_time_to_first_token_seconds",
            "From a prompt's queueing to its first token.",
            buckets=_FIRST_TOKEN_SECONDS,
            registry=self._registry,
        )
        self._next_token = Histogram(
            "optiq_inter_token_seconds",
            "Between two steps that gave a reply tokens.",
            buckets=_NEXT_TOKEN_SECONDS,
            registry=self._registry,
        )

    def on_queued(self, request: GenerationRequest) -> None:
        self._prompt_tokens.inc(len(request.prompt))

    def on_tokens(self, tokens: Tokens, *, waited: float, first: bool) -> None:
        (self._first_token if first else self._next_token).observe(waited)
        self._completion_tokens.inc(len(tokens.ids))

    def on_ended(self, ended: Ended) -> None:
        if ended.cached_tokens:
            self._cache_hits.inc()
            self._cached_tokens.inc(ended.cached_tokens)

    def count_request(self, *, endpoint: str, status: int) -> None:
        """An answer was sent. `endpoint` must be a route, not a path that clients make up."""
        self._requests.labels(endpoint, str(status)).inc()

    def count_reply(self, finish: str) -> None:
        self._replies.labels(finish).inc()

    def exposition(self, status: EngineStatus) -> bytes:
        """All of it, in Prometheus' text format."""
        now = CollectorRegistry()
        now.register(_StatusCollector(status))
        return bytes(generate_latest(self._registry)) + bytes(generate_latest(now))

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"optiq_{name}", told, labels, registry=self._registry)


class _StatusCollector:
    """One status as metrics."""

    def __init__(self, status: EngineStatus) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status, snapshot, backend = self._status, self._status.snapshot, self._status.snapshot.backend
        gauges = (
            ("ready", "Whether requests are taken.", status.state is EngineState.READY),
            ("uptime_seconds", "Since the engine was started.", status.uptime),
            ("waiting_sequences", "In the queue.", snapshot.waiting),
            ("running_sequences", "In the batch.", len(snapshot.running)),
            ("cache_entries", "Beginnings of prompts that are kept.", backend.cache_entries),
            ("cache_bytes", "What they take.", backend.cache_bytes),
            ("cache_capacity_bytes", "What they may take.", backend.cache_capacity_bytes),
            ("device_memory_active_bytes", "In use on the device.", backend.active_memory_bytes),
            ("device_memory_peak_bytes", "The most that was in use.", backend.peak_memory_bytes),
            ("device_memory_pooled_bytes", "Freed, and kept for what comes.", backend.pooled_memory_bytes),
        )
        for name, told, value in gauges:
            yield GaugeMetricFamily(f"optiq_{name}", told, value)
        yield CounterMetricFamily(
            "optiq_computed_prompt_tokens",
            "Tokens of prompts that were computed.",
            backend.computed_prompt_tokens,
        )
