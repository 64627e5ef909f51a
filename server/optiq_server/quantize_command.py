"""`optiq quantize`: what it does with its options, and what it prints. The work is the quantizer's."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from optiq_server.errors import StartFailed
from optiq_server.progress_option import reporting
from optiq_server.quantize_options import (
    budget_of_options,
    calibration_of_options,
    candidates_of_options,
    extent_of_options,
    ways_of_options,
)

if TYPE_CHECKING:
    from optiq_quant.calibration_text import CalibrationText
    from optiq_quant.evidence import Evidence
    from optiq_quant.host import Host
    from optiq_quant.progress import Reporter
    from optiq_quant.quantizing import Order, Prepared
    from optiq_quant.survey import Survey
    from optiq_quant.workspace import Workspace


def run_quantize(options: argparse.Namespace) -> None:
    """Quantize, and print what came of it. Raises StartFailed, QuantError, LoadFailed or OSError."""
    # Imported here, because MLX, mlx-lm and the tokenizers take seconds, which `--help` should not cost.
    from optiq_server.engine.checkpoint import resolve_checkpoint
    from optiq_server.engine.opening import open_file_limit_kept

    with open_file_limit_kept():
        from optiq_server.quantizer_host import quantizer_host

    _check_out(options)
    folder = resolve_checkpoint(options.checkpoint)
    host = quantizer_host(options.cache_folder)
    with reporting(options.progress) as reporter:
        if options.plan is not None:
            _replay(options, folder, host, reporter)
        else:
            _quantize(options, _order(options, folder), host, reporter)


def _check_out(options: argparse.Namespace) -> None:
    """Before anything is measured: whether the folder is one that can be written, or gone on with."""
    from optiq_quant.written import RECORD_NAME, UNFINISHED_NAME, is_startable

    out: Path | None = options.out
    if out is None or is_startable(out) or (out / RECORD_NAME).exists():
        return
    if not (out / UNFINISHED_NAME).exists():
        raise StartFailed(f"--out: {out} is not an empty folder: delete it, or name another folder")
    if not options.resume:
        raise StartFailed(f"--out: {out} is unfinished: add --resume to go on with it, or delete it")


def _order(options: argparse.Namespace, folder: Path) -> "Order":
    from optiq_quant.quantizing import Order
    from optiq_quant.sensitivity import SensitivityOptions

    def work(found: "Survey", text: "CalibrationText") -> "Workspace":
        return _workspace(options, found, text)

    try:
        return Order(
            source=folder,
            budget=budget_of_options(options),
            candidates=candidates_of_options(options),
            work=work,
            calibration=calibration_of_options(options),
            extent=extent_of_options(options),
            sensitivity=SensitivityOptions(rounds=options.rounds),
            pricing_tokens=options.pricing_tokens,
            swaps=options.swaps,
            ways=ways_of_options(options),
        )
    except ValueError as error:
        raise StartFailed(str(error)) from error


def _workspace(options: argparse.Namespace, found: "Survey", text: "CalibrationText") -> "Workspace":
    from optiq_quant.quantizing import identity_of
    from optiq_quant.workspace import Workspace, measurements_folder, open_workspace

    identity = identity_of(found, text)
    if options.work is None:
        return open_workspace(measurements_folder(options.cache_folder), identity, weights=found.fingerprint)
    options.work.mkdir(parents=True, exist_ok=True)
    return Workspace(folder=options.work, identity=identity)


def _quantize(options: argparse.Namespace, order: "Order", host: "Host", reporter: "Reporter") -> None:
    from optiq_quant.quantizing import prepare, write

    prepared = prepare(order, host, reporter)
    evidence = None
    if options.out is not None:
        evidence = write(
            prepared,
            options.out,
            host,
            reporter,
            base_model=_repository(options.checkpoint),
            reports=not options.no_report,
        )
    reporter.close()
    _print(options, prepared, evidence)


def _replay(options: argparse.Namespace, folder: Path, host: "Host", reporter: "Reporter") -> None:
    from optiq_quant.replay import carry_out
    from optiq_quant.written import read_plan

    plan = read_plan(options.plan)
    size = carry_out(plan, folder, options.out, host, reporter, base_model=_repository(options.checkpoint))
    reporter.close()
    result = {"out": None if options.out is None else str(options.out), "file_bytes": size}
    told = (
        f"{size:,} bytes of weights" if options.out is None else f"{options.out}: {size:,} bytes of weights"
    )
    print(json.dumps(result) if options.json else told)


def _repository(checkpoint: str) -> str | None:
    """The name of a repository, as users wrote it; a folder's path is nobody else's business."""
    return None if Path(checkpoint).expanduser().is_dir() else checkpoint


def _print(options: argparse.Namespace, prepared: "Prepared", evidence: "Evidence | None") -> None:
    from optiq_quant.frontier import find_frontier
    from optiq_quant.tables import role_rows, role_table, summary, summary_table
    from optiq_server.text_tables import print_table

    inventory, formats = prepared.survey.inventory, prepared.plan.formats()
    if options.json:
        result = {
            "out": None if options.out is None else str(options.out),
            "plan": json.loads(prepared.plan.to_json()),
            "bytes": inventory.total_bytes(formats),
            "measurements": str(prepared.measurements_path),
            "cost": prepared.cost(),
            "frontier": find_frontier(prepared.measurements).as_json(),
            "evidence": None if evidence is None else evidence.as_json(inventory),
        }
        print(json.dumps(result))
        return
    tables = [role_table(role_rows(inventory, formats)), summary_table(summary(inventory, formats))]
    for table in [*tables, *prepared.tables(), *(evidence.tables(inventory) if evidence else ())]:
        print_table(table, sys.stdout)
