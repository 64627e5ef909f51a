"""Allocations of the same size, measured on text that nothing was chosen by.

    python -m tools.smollm2 --out SMOLLM2
    optiq quantize SMOLLM2 --out AT4 --size 75640000 --calibration TEXT.txt --work WORK ...
    python -m tools.quant_evidence --model SMOLLM2 --held-out HELD_OUT.txt \
        --measurements WORK/measurements.json --bits 4 5 6 --folder at4=AT4 --json table.json

At each size: ten random allocations and the knapsack's, by their nearest codes. A size is told in bytes of
all tensors (`--size`), or is that of a uniform format (`--bits`), which is measured too, and, given a text,
two formats by mlx-lm's own sensitivities (`quant/dynamic_quant.py`). Then each folder, as it was written.
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
from optiq_quant.baselines import random_allocation, standard_baselines, uniform
from optiq_quant.budget import Limit, Quantity
from optiq_quant.calibration_text import Extent, Prompt, prompts_of_file
from optiq_quant.compare import compare_models
from optiq_quant.divergence_summary import summarize
from optiq_quant.formats import Format, affine
from optiq_quant.host import Host
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
    """`bytes` of all tensors; `mean` KL divergence in nats, and the share of `flips`; `at` names the size
    that the row was made for."""

    name: str
    at: str
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

    def row(self, name: str, at: str, formats: Formats) -> Row:
        trial = trial_of({path: form for path, form in formats.items() if form != self._stored[path]})
        readings = self._measurer.measure(f"{name} {at}", [trial])[trial]
        tokens = sum(reading.tokens for reading in readings)
        return Row(
            name=name,
            at=at,
            bytes=self._inventory.total_bytes(formats),
            mean=math.fsum(reading.divergence for reading in readings) / tokens,
            flips=sum(reading.flips for reading in readings) / tokens,
        )


def main() -> None:
    options = _options()
    host = quantizer_host(default_cache_folder())
    prompts = prompts_of_file(
        options.held_out,
        host.speech(options.model),
        Extent(window=options.window),
        is_plain=options.held_out.suffix != ".jsonl",
    )[: options.prompts]
    inventory = take_inventory(load_lazily(options.model), read_object(options.model / "config.json"))
    reporter = BarReporter(options.talk)
    rows = list(_allocations(options, host, inventory, prompts, reporter))
    for name, folder in options.folder:
        opened = partial(host.load, options.model), partial(host.load, folder)
        found = compare_models(*opened, prompts, reporter)
        summary = summarize(found.prompts)
        size = sum(path.stat().st_size for path in folder.glob("model*.safetensors"))
        rows.append(Row(name=name, at="", bytes=size, mean=summary.mean, flips=summary.flips))
    reporter.close()
    tokens = sum(map(len, prompts))
    print(f"{len(prompts)} prompts, {tokens} tokens")
    for row in rows:
        print(f"{row.at:<10} {row.name:<28} {row.bytes / 1e6:9.2f} MB  {row.mean:9.5f}  {row.flips:6.2%}")
    if options.json is not None:
        told = [{field: getattr(row, field) for field in Row.__slots__} for row in rows]
        options.json.write_text(json.dumps({"tokens": tokens, "rows": told}, indent=1) + "\n")


def _allocations(
    options: argparse.Namespace,
    host: Host,
    inventory: Inventory,
    prompts: Sequence[Prompt],
    reporter: Reporter,
) -> Iterator[Row]:
    if options.measurements is None:
        return
    measurements = measurements_of_json(options.measurements.read_text(encoding="utf-8"))
    model = host.load(options.model)
    gradients = _gradients(options, host, model)
    bench = Bench(model, inventory, prompts, reporter)
    if options.baselines:
        for name, formats in standard_baselines(inventory.units).items():
            if formats != inventory.stored_formats():
                yield bench.row(name, "", formats)
    for bits in options.bits:
        same, at = uniform(inventory.units, affine(bits)), f"{bits} bits"
        size = sum(unit.bytes(same[unit.path]) for unit in inventory.units)
        yield bench.row("uniform", at, same)
        if bits in gradients:
            chosen = _by_gradient(inventory, gradients[bits], *_TWO_FORMATS[bits], size)
            yield bench.row("mlx-lm's sensitivities", at, chosen)
        yield from _of_size(bench, measurements, size, at)
    for total in options.size:
        size = total - measurements.remainder.bytes
        yield from _of_size(bench, measurements, size, f"{total / 1e6:.2f} MB")


def _of_size(bench: Bench, measurements: Measurements, size: int, at: str) -> Iterator[Row]:
    """`size` is that of the units."""
    for seed in range(_SEEDS):
        yield bench.row(f"random {seed}", at, random_allocation(measurements.choices, size, seed).formats)
    yield bench.row("knapsack", at, _best(measurements, size))


def _gradients(options: argparse.Namespace, host: Host, model: Module) -> dict[int, dict[str, float]]:
    """By the uniform bits whose size is to be met; none without a text."""
    if options.calibration is None:
        return {}
    speech = host.speech(options.model)
    seen = prompts_of_file(options.calibration, speech, Extent(window=options.window), is_plain=True)
    return {
        bits: gradient_sensitivities(model, seen[: options.gradient_windows], *_TWO_FORMATS[bits])
        for bits in options.bits
    }


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
    parser.add_argument("--prompts", type=int, default=8, help="measure on so many")
    parser.add_argument("--baselines", action="store_true", help="also those of `optiq pareto`")
    parser.add_argument("--size", type=int, nargs="*", default=[], help="bytes of all tensors")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.talk = sys.stderr
    return options


def _named(text: str) -> tuple[str, Path]:
    name, _, folder = text.partition("=")
    return name, Path(folder)


if __name__ == "__main__":
    main()
