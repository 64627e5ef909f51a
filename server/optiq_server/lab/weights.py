"""A model's units as the quantizer counts them, for the Lab. Importing it takes seconds.

It is shown the model while its arrays are lazy, on the thread that made them, and keeps none.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlx.nn.layers.base import Module

from optiq_quant.errors import CheckpointUnusable
from optiq_quant.formats import Format, Mode, affine
from optiq_quant.inventory import Inventory, take_inventory
from optiq_quant.units import Unit
from optiq_server.lab.facts import CheckpointFacts, UnitFact, WeightFacts

logger = logging.getLogger(__name__)

_PLAN_FILE = "optiq.json"
_MAX_PLAN_BYTES = 16 << 20

_BASELINE_BITS = (4, 8)


def checkpoint_facts(folder: Path, model: Module, config: Mapping[str, object]) -> CheckpointFacts:
    """What is told of the checkpoint in `folder`; no weights where one is in a form of its own."""
    weights: WeightFacts | None = None
    try:
        weights = weight_facts(take_inventory(model, config))
    except CheckpointUnusable as error:
        logger.warning("the Lab shows no units of %s: %s", folder, error)
    layers = config.get("num_hidden_layers")
    return CheckpointFacts(
        folder_name=folder.resolve().name,
        layers=layers if isinstance(layers, int) else 0,
        weights=weights,
        plan=_plan(folder / _PLAN_FILE),
    )


def weight_facts(inventory: Inventory) -> WeightFacts:
    formats = inventory.stored_formats()
    return WeightFacts(
        units=tuple(_fact(unit) for unit in inventory.units),
        other_bytes=inventory.other_bytes,
        bits_per_weight=inventory.bits_per_weight(formats),
        baselines={f"rest affine {bits}": _rest_in(inventory, affine(bits)) for bits in _BASELINE_BITS},
    )


def _fact(unit: Unit) -> UnitFact:
    return UnitFact(
        path=unit.path,
        role=unit.role.value,
        layer=unit.layer,
        parameters=unit.parameters,
        format=_shown(unit.stored),
        bits=unit.stored.bits_per_weight,
        bytes=unit.bytes(unit.stored),
        decode_bytes=unit.decode_bytes(unit.stored),
    )


def _rest_in(inventory: Inventory, form: Format) -> int:
    """Total bytes if experts that are MXFP4 stayed so and all the rest had `form`, where that fits."""
    return inventory.total_bytes(
        {
            unit.path: unit.stored if unit.stored.mode is Mode.MXFP4 or not form.fits(unit.shape) else form
            for unit in inventory.units
        }
    )


def _shown(form: Format) -> str:
    return f"affine {form.bits} g{form.group_size}" if form.mode is Mode.AFFINE else form.name


def _plan(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > _MAX_PLAN_BYTES:
            return None
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read: %s", path, error)
        return None
    return value if isinstance(value, dict) else None
