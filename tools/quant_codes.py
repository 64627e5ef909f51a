"""What better codes are worth at the same bytes: the divergence of one allocation, coded in different ways.

    python -m tools.smollm2 --out /tmp/smollm2
    python -m tools.quant_codes --model /tmp/smollm2 --text TEXT --bits 4 5 6 --work /tmp/codes

The text is cut by its tokens: the first 60 % are for measuring, the next 15 % for selecting, and the rest is
held out: the table is of that, and of --other, a text of another kind. A plan can take the place of --bits.

SmolLM2's weights come from a file in 4 bits with groups of 32: there, codes of 4 bits in groups of 32 can
find the file's own grid again, which no other model has. So groups of 32 are no evidence on it.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx.nn.layers.base import Module
from mlx_lm.utils import load_model
from tokenizers import Tokenizer

from optiq_quant.code_store import CodeStore
from optiq_quant.divergence import ReferenceBlock
from optiq_quant.formats import affine
from optiq_quant.inventory import Inventory, take_inventory
from optiq_quant.layer_flow import LayerFlow
from optiq_quant.layerwise import LayerwiseModel, blocks
from optiq_quant.measuring import tokens_fingerprint
from optiq_quant.modules import unit_modules
from optiq_quant.plan import Coding, Plan, PlannedUnit, plan_of_json
from optiq_quant.progress import BarReporter
from optiq_quant.refine import WAYS, Prompts, Settings, Texts, refine
from optiq_quant.trials import module_of, replaced

_SHARES = {"measuring": (0.0, 0.6), "selecting": (0.6, 0.75), "held out": (0.75, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The model, its inventory, and the texts; `reported` are those that the table has, by name."""

    model: LayerwiseModel
    inventory: Inventory
    texts: Texts
    reported: Mapping[str, Prompts]


def main() -> None:
    options = _options()
    bench = _bench(options)
    every = [(way,) for way in WAYS] + [WAYS] if options.ways is None else [tuple(options.ways)]
    for name, plan in _plans(options, bench.inventory):
        for ways in every:
            began = time.monotonic()
            row: dict[str, object] = {
                "allocation": name,
                "MB": round(bench.inventory.total_bytes(plan.formats()) / 1e6, 2),
                "ways": "+".join(ways),
                **_row(bench, plan, ways, options.work / f"{name}-{'+'.join(ways)}"),
                "seconds": round(time.monotonic() - began, 1),
            }
            print(json.dumps(row), flush=True)


def _row(bench: Bench, plan: Plan, ways: tuple[Coding, ...], folder: Path) -> dict[str, float]:
    """Code all units in the best of `ways`, and measure that."""
    settings = Settings(stored=getattr(mx, bench.inventory.dtype), ways=ways)
    reporter, units = BarReporter(sys.stderr), bench.inventory.units
    identity = {
        "plan": plan.to_json(),
        "ways": "+".join(ways),
        "measuring": tokens_fingerprint(bench.texts.measuring),
        "selecting": tokens_fingerprint(bench.texts.selecting),
    }
    with CodeStore(folder, identity) as store:
        found = refine(bench.model, units, plan, bench.texts, settings, store=store, reporter=reporter)
        reporter.close()
        sources = unit_modules(bench.model.model)
        modules = {
            unit.path: module_of(sources[unit.path], store.load(unit.path, unit.format))
            for unit in found.plan.units
        }
    row = {f"kept {way}": float(sum(report.kept is way for report in found.reports)) for way in ways}
    for name, prompts in bench.reported.items():
        row[f"{name} KLD"], row[f"{name} flips"] = _measure(bench.model, modules, prompts)
    return row


def _measure(model: LayerwiseModel, modules: Mapping[str, Module], prompts: Prompts) -> tuple[float, float]:
    """The mean divergence in nats, and the share of flipped tokens."""
    references = LayerFlow(model, prompts)
    candidates = LayerFlow(model, prompts)
    with replaced(model.model, modules):
        finals = list(candidates.final())
    divergence, flips, tokens = 0.0, 0, 0
    for prompt, reference, final in zip(prompts, references.final(), finals, strict=True):
        for block in blocks(len(prompt)):
            truth = ReferenceBlock(model.logits(reference[block]), prompt[block.start + 1 : block.stop + 1])
            with replaced(model.model, modules):
                found = truth.compare(model.logits(final[block]))
            divergence, flips, tokens = (
                divergence + found.total(),
                flips + found.flips,
                tokens + len(final[block]),
            )
    return round(divergence / tokens, 5), round(flips / tokens, 4)


def _plans(options: argparse.Namespace, inventory: Inventory) -> Iterator[tuple[str, Plan]]:
    if options.plan is not None:
        plan = plan_of_json(options.plan.read_text())
        units = tuple(replace(unit, coding=Coding.NEAREST) for unit in plan.units)
        yield options.plan.stem, replace(plan, units=units)
        return
    for bits in options.bits:
        form = affine(bits, options.group_size)
        planned = tuple(
            PlannedUnit(path=unit.path, format=form, coding=Coding.NEAREST) for unit in inventory.units
        )
        yield form.name, Plan(source="", units=planned, evidence={})


def _bench(options: argparse.Namespace) -> Bench:
    model, config = load_model(options.model)
    inventory = take_inventory(model, config)
    tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
    tokens = tokenizer.encode(options.text.read_text()).ids
    length = options.length

    def part(name: str, count: int) -> Prompts:
        begin, end = (int(share * len(tokens)) for share in _SHARES[name])
        return _windows(tokens[begin:end], count, length)

    reported = {"held out": part("held out", options.held_out)}
    if options.other is not None:
        other = tokenizer.encode(options.other.read_text()).ids
        reported[options.other.stem] = _windows(other, options.held_out, length)
    texts = Texts(
        measuring=part("measuring", options.measuring), selecting=part("selecting", options.selecting)
    )
    return Bench(
        model=LayerwiseModel(model, inventory.units), inventory=inventory, texts=texts, reported=reported
    )


def _windows(tokens: Sequence[int], count: int, length: int) -> Prompts:
    """Windows spread evenly over the text."""
    places = np.linspace(0, len(tokens) // length - 1, count).astype(int)
    return [list(tokens[place * length : (place + 1) * length]) for place in places]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint whose floats have 32 bits")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--other", type=Path, help="text that is only reported on")
    parser.add_argument("--work", type=Path, required=True, help="where the codes go")
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--bits", type=int, nargs="+", help="all units alike")
    size.add_argument("--plan", type=Path)
    parser.add_argument("--group-size", type=int, default=64)
    parser.add_argument("--ways", type=Coding, nargs="+", help="the ways tried; without it, each and all")
    parser.add_argument("--measuring", type=int, default=32, help="windows")
    parser.add_argument("--selecting", type=int, default=4, help="windows")
    parser.add_argument("--held-out", type=int, default=4, help="windows")
    parser.add_argument("--length", type=int, default=256, help="tokens of a window")
    return parser.parse_args()


if __name__ == "__main__":
    main()
