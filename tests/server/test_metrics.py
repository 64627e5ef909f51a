"""The page that Prometheus reads, read by Prometheus' own parser."""

from prometheus_client.parser import text_string_to_metric_families

from optiq_server.engine.stats import BackendStats, EngineStatus, RunningSequence, Snapshot
from optiq_server.engine.types import Ended, EndReason, EngineLimits, EngineState, Tokens
from optiq_server.metrics import Metrics
from tests.engine.doubles import request

_RUNNING = RunningSequence(
    request_id="r", queued_at=0.0, prompt_tokens=3, computed_tokens=1, cached_tokens=0, completion_tokens=0
)
_STATUS = EngineStatus(
    state=EngineState.READY,
    model=None,
    limits=EngineLimits(),
    now=9.0,
    uptime=9.0,
    snapshot=Snapshot(
        waiting=4,
        running=(_RUNNING, _RUNNING),
        backend=BackendStats(
            computed_prompt_tokens=70,
            cache_entries=3,
            cache_bytes=100,
            cache_capacity_bytes=200,
            active_memory_bytes=300,
            peak_memory_bytes=400,
            pooled_memory_bytes=50,
        ),
    ),
)


def _samples(metrics: Metrics, status: EngineStatus = _STATUS) -> dict[str, float]:
    """All samples, by their name and labels as they are written."""
    return {
        sample.name + "".join(f",{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.exposition(status).decode())
        for sample in family.samples
    }


def _ended(*, cached_tokens: int) -> Ended:
    return Ended(reason=EndReason.STOP, prompt_tokens=10, completion_tokens=2, cached_tokens=cached_tokens)


def test_gauges_are_those_of_the_status() -> None:
    samples = _samples(Metrics())

    assert {name: samples[f"optiq_{name}"] for name in (
        "ready", "uptime_seconds", "waiting_sequences", "running_sequences", "cache_entries", "cache_bytes",
        "cache_capacity_bytes", "device_memory_active_bytes", "device_memory_peak_bytes",
        "device_memory_pooled_bytes", "computed_prompt_tokens_total",
    )} == {
        "ready": 1, "uptime_seconds": 9, "waiting_sequences": 4, "running_sequences": 2, "cache_entries": 3,
        "cache_bytes": 100, "cache_capacity_bytes": 200, "device_memory_active_bytes": 300,
        "device_memory_peak_bytes": 400, "device_memory_pooled_bytes": 50, "computed_prompt_tokens_total": 70,
    }  # fmt: skip


def test_tokens_are_counted_in_and_out() -> None:
    metrics = Metrics()

    metrics.on_queued(request(1, 2, 3))
    metrics.on_tokens(Tokens(ids=(1,)), waited=1.0, first=True)
    metrics.on_tokens(Tokens(ids=(1, 2, 3)), waited=0.1, first=False)

    samples = _samples(metrics)
    assert samples["optiq_prompt_tokens_total"] == 3
    assert samples["optiq_completion_tokens_total"] == 4


def test_the_first_token_has_its_own_histogram() -> None:
    metrics = Metrics()

    metrics.on_tokens(Tokens(ids=(1,)), waited=0.3, first=True)
    metrics.on_tokens(Tokens(ids=(1, 2)), waited=0.012, first=False)

    samples = _samples(metrics)
    first, following = "optiq_time_to_first_token_seconds", "optiq_inter_token_seconds"
    assert (samples[f"{first}_count"], samples[f"{first}_sum"]) == (1, 0.3)
    assert (samples[f"{first}_bucket,0.25"], samples[f"{first}_bucket,0.5"]) == (0, 1)
    assert (samples[f"{following}_count"], samples[f"{following}_sum"]) == (1, 0.012)
    assert (samples[f"{following}_bucket,0.01"], samples[f"{following}_bucket,0.015"]) == (0, 1)


def test_only_prompts_of_which_something_was_restored_are_hits() -> None:
    metrics = Metrics()

    metrics.on_ended(_ended(cached_tokens=0))
    metrics.on_ended(_ended(cached_tokens=6))

    samples = _samples(metrics)
    assert (samples["optiq_cache_hits_total"], samples["optiq_cached_tokens_total"]) == (1, 6)


def test_two_applications_count_apart() -> None:
    one, other = Metrics(), Metrics()

    one.count_reply("stop")

    assert _samples(one)["optiq_replies_total,stop"] == 1
    assert "optiq_replies_total,stop" not in _samples(other)
