"""Allocations of the same size, measured on text that nothing was chosen by.

    python -m tools.smollm2 --out /tmp/smollm2
    optiq quantize /tmp/smollm2 --out /tmp/at4 --size 75640000 --calibration TEXT.txt --work /tmp/work ...
    python -m tools.quant_evidence --model /tmp/smollm2 --held-out HELD_OUT.txt \
        --measurements /tmp/work/measurements.json --bits 4 5 6 --folder at4=/tmp/at4 --json table.json

For each number of bits: uniform, ten random allocations, mlx-lm's own sensitivities (those of
`quant/dynamic_quant.py`, two formats), and the knapsack's allocation, all by their nearest codes at the size
of uniform; then each folder, as it was written.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mlx.nn.layers.base import Module

from optiq_quant.allocate import allocate
from optiq_quant.baselines import random_allocation, uniform
from optiq_quant.budget import Limit, Quantity
from optiq_quant.calibration_text import Extent, Prompt, prompts_of_file
from optiq_quant.compare import compare_models
from optiq_quant.divergence_summary import summarize
from optiq_quant.formats import Format, affine
from optiq_quant.inventory import Inventory, take_inventory
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.measurements import Measurements, measurements_of_json
from optiq_quant.measuring import Measurer
from optiq_quant.pricing import nearest_in
from optiq_quant.progress import BarReporter, Reporter
from optiq_quant.trials import trial_of
from optiq_quant.written import read_object
from optiq_server.engine.loader import load_lazily
from optiq_server.quantizer_host import quantizer_host
from optiq_server.settings import default_cache_folder
from tools.quant_evidence.gradients import gradient_sensitivities

_SEEDS = 10
_TWO_FORMATS = {4: (affine(3), affine(5)), 5: (affine(4), affine(6)), 6: (affine(5), affine(8))}
"""What mlx-lm's way mixes to come to the size of uniform."""

Formats = Mapping[str, Format]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`bytes` of all tensors; `mean` KL divergence in nats, and the share of `flips`."""

    name: str
    bits: int | None
    bytes: int
    mean: float
    flips: float


class Bench:
    """Measures allocations on the held-out prompts, by their nearest codes."""

    def __init__(
        self, model: Module, inventory: Inventory, prompts: Sequence[Prompt], reporter: Reporter
    ) -> None:
        self._inventory = inventory
        self._stored = inventory.stored_formats()
        self._measurer = Measurer(
            LayerwiseModel(model, inventory.units),
            inventory.units,
            prompts,
            part="held out",
            encode=nearest_in(inventory.dtype),
            journal=Journal(None, {}),
            reporter=reporter,
        )

    def row(self, name: str, bits: int, formats: Formats) -> Row:
        trial = trial_of({path: form for path, form in formats.items() if form != self._stored[path]})
        readings = self._measurer.measure(f"{name}, {bits} bits", [trial])[trial]
        tokens = sum(reading.tokens for reading in readings)
        return Row(
            name=name,
            bits=bits,
            bytes=self._inventory.total_bytes(formats),
            mean=math.fsum(reading.divergence for reading in readings) / tokens,
            flips=sum(reading.flips for reading in readings) / tokens,
        )


def main() -> None:
    options = _options()
    host = quantizer_host(default_cache_folder())
    prompts = prompts_of_file(
        options.held_out, host.speech(options.model), Extent(window=options.window), is_plain=True
    )[: options.windows]
    inventory = take_inventory(load_lazily(options.model), read_object(options.model / "config.json"))
    reporter = BarReporter(options.talk)
    rows = list(_allocations(options, inventory, prompts, reporter))
    for name, folder in options.folder:
        opened = partial(host.load, options.model), partial(host.load, folder)
        found = compare_models(*opened, prompts, reporter)
        summary = summarize(found.prompts)
        size = sum(path.stat().st_size for path in folder.glob("model*.safetensors"))
        rows.append(Row(name=name, bits=None, bytes=size, mean=summary.mean, flips=summary.flips))
    reporter.close()
    tokens = sum(map(len, prompts))
    print(f"{len(prompts)} prompts, {tokens} tokens")
    for row in rows:
        print(
            f"{row.bits or '':>2} {row.name:<28} {row.bytes / 1e6:9.2f} MB  {row.mean:9.5f}  {row.flips:6.2%}"
        )
    if options.json is not None:
        told = [{field: getattr(row, field) for field in Row.__slots__} for row in rows]
        options.json.write_text(json.dumps({"tokens": tokens, "rows": told}, indent=1) + "\n")


def _allocations(
    options: argparse.Namespace, inventory: Inventory, prompts: Sequence[Prompt], reporter: Reporter
) -> Iterator[Row]:
    if not options.bits:
        return
    host = quantizer_host(default_cache_folder())
    model = host.load(options.model)
    measurements = measurements_of_json(options.measurements.read_text(encoding="utf-8"))
    gradients: dict[tuple[Format, Format], dict[str, float]] = {}
    if options.calibration is not None:
        speech = host.speech(options.model)
        seen = prompts_of_file(options.calibration, speech, Extent(window=options.window), is_plain=True)
        for bits in options.bits:
            low, high = _TWO_FORMATS[bits]
            gradients[low, high] = gradient_sensitivities(model, seen[: options.gradient_windows], low, high)
    bench = Bench(model, inventory, prompts, reporter)
    for bits in options.bits:
        same = uniform(inventory.units, affine(bits))
        size = sum(unit.bytes(same[unit.path]) for unit in inventory.units)
        yield bench.row("uniform", bits, same)
        for seed in range(_SEEDS):
            chance = random_allocation(measurements.choices, size, seed)
            yield bench.row(f"random {seed}", bits, chance.formats)
        if gradients:
            low, high = _TWO_FORMATS[bits]
            yield bench.row(
                "mlx-lm's sensitivities", bits, _by_gradient(inventory, gradients[low, high], low, high, size)
            )
        yield bench.row("knapsack", bits, _best(measurements, size))


def _best(measurements: Measurements, size: int) -> Formats:
    return allocate(measurements.choices, (Limit(quantity=Quantity.BYTES, most=size),)).formats


def _by_gradient(
    inventory: Inventory, sensitivities: Mapping[str, float], low: Format, high: Format, size: int
) -> Formats:
    """`high` for the most sensitive units, as many as `size` has room for."""
    chosen = {unit.path: low for unit in inventory.units}
    left = size - sum(unit.bytes(low) for unit in inventory.units)
    for unit in sorted(inventory.units, key=lambda unit: -sensitivities[unit.path]):
        more = unit.bytes(high) - unit.bytes(low)
        if more <= left:
            chosen[unit.path] = high
            left -= more
    return chosen


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--measurements", type=Path, help="what `optiq quantize` measured")
    parser.add_argument("--bits", type=int, nargs="*", default=[], choices=sorted(_TWO_FORMATS))
    parser.add_argument("--calibration", type=Path, help="text for mlx-lm's sensitivities")
    parser.add_argument("--gradient-windows", type=int, default=8)
    parser.add_argument("--folder", type=_named, action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--window", type=int, default=256)
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.talk = sys.stderr
    return options


def _named(text: str) -> tuple[str, Path]:
    name, _, folder = text.partition("=")
    return name, Path(folder)


if __name__ == "__main__":
    main()
