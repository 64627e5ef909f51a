"""`python -m tools.twenty_b FOLDER`: write the checkpoint, convert it by a plan, verify it, delete both.

Conversion and verification run in processes of their own, whose peak of resident memory the kernel tells.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from optiq_quant.convert import Conversion, convert
from optiq_quant.fingerprint import checkpoint_fingerprint
from optiq_quant.formats import Format, affine
from optiq_quant.inventory import Inventory, take_inventory
from optiq_quant.model_card import Card
from optiq_quant.plan import Coding, Plan, PlannedUnit, plan_of_json
from optiq_quant.tables import TextTable
from optiq_quant.units import Role, Unit
from optiq_quant.written import read_object
from optiq_server.engine.loader import load_lazily
from optiq_server.version import installed_version
from tools.twenty_b.checkpoint import CONFIG, write_checkpoint

_MIB = 1 << 20
_SEED = 20
_KIB_UNIT = 1 if sys.platform == "darwin" else 1024
"""macOS tells the peak in bytes, Linux in KiB."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A process that has ended."""

    output: str
    seconds: float
    peak_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.twenty_b")
    parser.add_argument("folder", type=Path, help="where 27 GB may be written; it must not exist")
    parser.add_argument("--layers", type=int, default=CONFIG["num_hidden_layers"], help="even; fewer to try")
    parser.add_argument("--logits", action="store_true", help="also run it in stock mlx-lm (13 GB of memory)")
    parser.add_argument("--keep", action="store_true", help="do not delete the checkpoints")
    parser.add_argument("--convert", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    source, out, plan = options.folder / "source", options.folder / "out", options.folder / "plan.json"
    if options.convert:
        _convert(source, out, plan)
        return
    os.nice(10)
    options.folder.mkdir(parents=True)
    try:
        print(_table(source, out, plan, layers=options.layers, logits=options.logits).markdown())
    finally:
        if not options.keep:
            shutil.rmtree(options.folder)


def _table(source: Path, out: Path, plan_path: Path, *, layers: int, logits: bool) -> TextTable:
    started = time.perf_counter()
    source_bytes = write_checkpoint(source, layers=layers, seed=_SEED)
    written_in = time.perf_counter() - started
    inventory = take_inventory(load_lazily(source), read_object(source / "config.json"))
    plan = _plan(source, inventory)
    plan_path.write_text(plan.to_json(), encoding="utf-8")
    converted = _run([sys.executable, "-m", "tools.twenty_b", str(source.parent), "--convert"])
    verify = [sys.executable, "-m", "optiq_server", "verify", str(out), "--source", str(source), "--json"]
    verified = _run(verify if logits else [*verify, "--no-logits"])
    size = sum(path.stat().st_size for path in out.glob("*.safetensors"))
    predicted = inventory.predicted_file_bytes(plan)
    largest = max(tensor.bytes for group in inventory.stored.values() for tensor in group)
    above = converted.peak_bytes - largest
    outcomes = [f"{check['name']} {check['outcome']}" for check in json.loads(verified.output)]
    rows = (
        ("source", f"{source_bytes:,} bytes, written in {written_in:.0f} s"),
        ("output", f"{size:,} bytes"),
        ("predicted by the inventory", f"{predicted:,} bytes"),
        ("bits per weight", f"{inventory.bits_per_weight(plan.formats()):.3f}"),
        ("conversion: time", f"{converted.seconds:.0f} s"),
        ("conversion: peak resident memory", f"{converted.peak_bytes / _MIB:,.0f} MiB"),
        ("largest tensor of the source", f"{largest / _MIB:,.0f} MiB"),
        ("peak beyond the largest tensor", f"{above / _MIB:,.0f} MiB"),
        ("verification: time", f"{verified.seconds:.0f} s"),
        ("verification: peak resident memory", f"{verified.peak_bytes / _MIB:,.0f} MiB"),
        ("verification: checks", ", ".join(outcomes)),
    )
    return TextTable(caption="The 20b's shape", columns=("figure", "value"), rows=rows)


def _run(command: list[str]) -> Run:
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read() if process.stdout is not None else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    seconds = time.perf_counter() - started
    return Run(output=output, seconds=seconds, peak_bytes=usage.ru_maxrss * _KIB_UNIT)


def _plan(source: Path, inventory: Inventory) -> Plan:
    """Experts kept; the others in formats that differ by role and layer, so that each is exercised."""
    units = tuple(
        PlannedUnit(path=unit.path, format=unit.stored, coding=Coding.KEPT)
        if unit.is_native
        else PlannedUnit(path=unit.path, format=_format(unit), coding=Coding.NEAREST)
        for unit in inventory.units
    )
    return Plan(source=checkpoint_fingerprint(source), units=units, evidence={})


def _format(unit: Unit) -> Format:
    match unit.role:
        case Role.EMBEDDING:
            return affine(4)
        case Role.HEAD:
            return affine(6)
        case Role.ROUTER:
            return affine(8, 32)
        case _:
            return (affine(4), affine(5), affine(8), affine(3, 32))[(unit.layer or 0) % 4]


def _convert(source: Path, out: Path, plan: Path) -> None:
    conversion = Conversion(
        source=source,
        plan=plan_of_json(plan.read_text(encoding="utf-8")),
        out=out,
        card=Card(name="random-20b", license="apache-2.0"),
        optiq_version=installed_version(),
    )
    convert(conversion, load_lazily=load_lazily)


if __name__ == "__main__":
    main()
