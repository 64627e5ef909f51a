"""`optiq verify`: its options, and what it prints. The checks are the quantizer's."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optiq_quant.verify import Check


def add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that `optiq quantize` wrote")
    parser.add_argument(
        "--source", metavar="CHECKPOINT", help="what it was made of: compare every tensor with it"
    )
    parser.add_argument(
        "--no-logits", dest="logits", action="store_false", help="do not run it in stock mlx-lm"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_verify(options: argparse.Namespace) -> None:
    """Print each check. Raises QuantError, LoadFailed or OSError, with one line for the user."""
    # Imported here, because MLX and the hub's client take seconds, which `--help` should not cost.
    from optiq_quant.errors import VerificationFailed
    from optiq_quant.stock_check import check_stock
    from optiq_quant.verify import Outcome, verify_files
    from optiq_server.engine.checkpoint import resolve_checkpoint
    from optiq_server.engine.loader import load_as_stock, load_lazily
    from optiq_server.engine.memory import available_memory

    source = None if options.source is None else resolve_checkpoint(options.source)
    checks = verify_files(options.folder, source=source, load_lazily=load_lazily)
    if options.logits:
        checks.append(check_stock(options.folder, load_as_stock=load_as_stock, available=available_memory()))
    _print(checks, as_json=options.json)
    failed = [check.name for check in checks if check.outcome is Outcome.FAILED]
    if failed:
        raise VerificationFailed(f"{options.folder} failed: {', '.join(failed)}")


def _print(checks: "list[Check]", *, as_json: bool) -> None:
    from optiq_quant.tables import TextTable
    from optiq_server.text_tables import print_table

    if as_json:
        print(json.dumps([asdict(check) for check in checks]))
        return
    rows = tuple((check.name, check.outcome.value, check.detail) for check in checks)
    table = TextTable(caption="Checks", columns=("check", "outcome", "detail"), rows=rows, left=3)
    print_table(table, sys.stdout)
