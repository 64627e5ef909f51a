"""GET /v1/lab/model over a real socket: what is known of a checkpoint, and what is not."""

from dataclasses import replace
from typing import Any

from optiq_server.api.lab import Lab
from optiq_server.engine.kv_budget import KvBudget, KvShape
from optiq_server.engine.scripted_backend import ScriptedBackend
from optiq_server.lab.facts import CheckpointFacts, UnitFact, WeightFacts
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import MODEL

_PATHS = ("model.embed_tokens", "model.layers.0.self_attn.q_proj")


def _facts(plan: dict[str, Any] | None) -> CheckpointFacts:
    units = tuple(
        UnitFact(
            path=path,
            role="query",
            layer=None,
            parameters=10,
            format="affine 4 g64",
            bits=4.5,
            bytes=6,
            decode_bytes=3,
        )
        for path in _PATHS
    )
    weights = WeightFacts(units=units, other_bytes=7, bits_per_weight=4.6, baselines={"rest affine 4": 12})
    return CheckpointFacts(folder_name="mine", layers=2, weights=weights, plan=plan)


async def test_units_bytes_and_the_plan_are_told(serve: Serve) -> None:
    shape = KvShape(full_bytes=100, sliding_bytes=10, window=128)
    info = replace(MODEL, kv_budget=KvBudget(shape=shape, total=10**12))
    plan = {"units": [{"path": _PATHS[1], "divergence": 0.25}, {"path": _PATHS[0], "divergence": None}]}
    lab = Lab(checkpoint=lambda: _facts(plan), available=lambda: 5000)
    async with serve(lambda: ScriptedBackend(lambda _: (), info=info), lab=lab) as server:
        told = (await server.http.get("/v1/lab/model")).json()

    assert [unit["kld"] for unit in told.pop("units")] == [None, 0.25]
    assert told == {
        "id": "optiq/scripted",
        "folder_name": "mine",
        "architecture": "gpt_oss",
        "context_length": 4096,
        "vocabulary_size": 201_088,
        "weight_bytes": 1000,
        "kv_bytes_per_1000_tokens": 100_000,
        "kv_window_bytes": 1280,
        "memory": {"available_bytes": 5000},
        "layers": 2,
        "other_bytes": 7,
        "bits_per_weight": 4.6,
        "baselines": [{"name": "rest affine 4", "bytes": 12}],
        "plan": plan,
    }


async def test_what_is_not_known_is_null_or_empty(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        told = (await server.http.get("/v1/lab/model")).json()

    assert told["units"] == told["baselines"] == []
    assert told["kv_bytes_per_1000_tokens"] is told["bits_per_weight"] is told["plan"] is None
    assert told["memory"] == {"available_bytes": None}


def test_a_plan_of_another_shape_has_no_divergences() -> None:
    for plan in (None, {}, {"units": 5}, {"units": [5, {"path": "a"}, {"divergence": 1}]}):
        assert _facts(plan).divergences() == {}
