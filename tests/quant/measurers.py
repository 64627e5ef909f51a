"""Measurers of the small models, as a program and for tests."""

import sys
from collections.abc import Sequence
from pathlib import Path

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.encoded import Encoded, encode_nearest
from optiq_quant.formats import Format, affine
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.measuring import Measurer
from optiq_quant.progress import SilentReporter
from optiq_quant.trials import Encode, Trial, trial_of
from tests.quant.tiny_models import random_prompt, tiny_gpt_oss, units_of

PROMPTS = tuple(random_prompt(20 + index, index) for index in range(2))
BASE = affine(4, 32)


def nearest(path: str, weight: mx.array, form: Format) -> Encoded:
    return encode_nearest(weight, form)


def measurer_of(
    model: Module,
    journal: Journal,
    prompts: Sequence[Sequence[int]] = PROMPTS,
    *,
    encode: Encode = nearest,
) -> tuple[Measurer, LayerwiseModel]:
    units = units_of(model)
    layerwise = LayerwiseModel(model, units)
    measurer = Measurer(
        layerwise,
        units,
        prompts,
        part="measure",
        encode=encode,
        journal=journal,
        reporter=SilentReporter(),
    )
    return measurer, layerwise


def single_trials(model: Module) -> list[Trial]:
    return [trial_of({unit.path: BASE}) for unit in units_of(model)]


def main() -> None:
    """Measure the units of the small gpt_oss into the journal named, telling of each line."""
    model = tiny_gpt_oss()
    with Journal(Path(sys.argv[1]), {"weights": "tiny"}) as journal:
        measurer, _ = measurer_of(model, journal)
        for trial in single_trials(model):
            measurer.measure("units", [trial])
            sys.stdout.write(f"{len(journal)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
