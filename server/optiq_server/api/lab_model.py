"""GET /v1/lab/model: what is loaded, unit by unit, and what it takes."""

from collections.abc import Mapping

from fastapi import APIRouter

from optiq_server.api.lab import Lab
from optiq_server.api.services import Services
from optiq_server.api.turn import require_model
from optiq_server.engine.types import ModelInfo
from optiq_server.lab.facts import CheckpointFacts, WeightFacts
from optiq_server.schema.lab_model import BaselineBody, LabModel, MemoryBody, UnitBody

_NO_WEIGHTS = WeightFacts(units=(), other_bytes=0, bits_per_weight=0.0, baselines={})


def lab_model_router(services: Services, lab: Lab) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["lab"])

    @router.get("/v1/lab/model")
    async def read_lab_model() -> LabModel:
        model = require_model(services)
        return _lab_model(services.served.name, model, lab.checkpoint(), available=lab.available())

    return router


def _lab_model(
    name: str, model: ModelInfo, checkpoint: CheckpointFacts | None, *, available: int | None
) -> LabModel:
    weights = (checkpoint.weights if checkpoint else None) or _NO_WEIGHTS
    divergences = checkpoint.divergences() if checkpoint else {}
    shape = None if model.kv_budget is None else model.kv_budget.shape
    return LabModel(
        id=name,
        folder_name=checkpoint.folder_name if checkpoint else None,
        architecture=model.architecture,
        context_length=model.context_length,
        vocabulary_size=model.vocabulary_size,
        weight_bytes=model.weight_bytes,
        kv_bytes_per_1000_tokens=None if shape is None else shape.full_bytes * 1000,
        kv_window_bytes=None if shape is None else shape.sliding_bytes * shape.window,
        memory=MemoryBody(available_bytes=available),
        layers=checkpoint.layers if checkpoint else 0,
        units=_units(weights, divergences),
        other_bytes=weights.other_bytes,
        bits_per_weight=weights.bits_per_weight or None,
        baselines=[BaselineBody(name=each, bytes=size) for each, size in weights.baselines.items()],
        plan=dict(checkpoint.plan) if checkpoint and checkpoint.plan is not None else None,
    )


def _units(weights: WeightFacts, divergences: Mapping[str, float]) -> list[UnitBody]:
    return [
        UnitBody(
            path=unit.path,
            role=unit.role,
            layer=unit.layer,
            parameters=unit.parameters,
            format=unit.format,
            bits=unit.bits,
            bytes=unit.bytes,
            decode_bytes=unit.decode_bytes,
            kld=divergences.get(unit.path),
        )
        for unit in weights.units
    ]
