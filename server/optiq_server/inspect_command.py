"""`optiq inspect`: its options, and what it prints. The figures are the quantizer's."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optiq_quant.inventory import Inventory


def add_inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a checkpoint's folder or repository")
    parser.add_argument("--json", action="store_true", help="print JSON, with every unit")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="write a picture (SVG) of each unit's format"
    )


def run_inspect(options: argparse.Namespace) -> None:
    """Print what the checkpoint holds. Raises QuantError, LoadFailed or OSError, with one line."""
    # Imported here, because MLX and the hub's client take seconds, which `--help` should not cost.
    from optiq_quant.inventory import take_inventory
    from optiq_quant.tables import role_rows, role_table, summary, summary_table
    from optiq_server.engine.checkpoint import resolve_checkpoint
    from optiq_server.engine.inventory import take_inventory as read_folder
    from optiq_server.engine.loader import load_lazily
    from optiq_server.text_tables import print_table

    folder = resolve_checkpoint(options.checkpoint)
    inventory = take_inventory(load_lazily(folder), read_folder(folder).config)
    formats = inventory.stored_formats()
    if options.picture is not None:
        from optiq_quant.picture import bits_picture

        options.picture.write_bytes(bits_picture(inventory, formats))
    if options.json:
        print(json.dumps(_as_json(folder, inventory)))
        return
    print_table(role_table(role_rows(inventory, formats)), sys.stdout)
    print_table(summary_table(summary(inventory, formats)), sys.stdout)


def _as_json(folder: Path, inventory: "Inventory") -> dict[str, object]:
    from dataclasses import asdict

    from optiq_quant.tables import summary

    units = [
        {
            "path": unit.path,
            "role": unit.role.value,
            "layer": unit.layer,
            "shape": unit.shape,
            "format": unit.stored.name,
            "bytes": unit.bytes(unit.stored),
            "decode_bytes": unit.decode_bytes(unit.stored),
        }
        for unit in inventory.units
    ]
    return {
        "checkpoint": str(folder),
        "summary": asdict(summary(inventory, inventory.stored_formats())),
        "units": units,
    }
