"""`optiq plan`: its options, and what it prints. The arithmetic is plan's."""

import argparse
import json
import sys

from optiq_server.byte_size import parse_bytes

_DEFAULT_MEMORY = "16GiB"


def add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", required=True, metavar="PATH_OR_REPO", help="a checkpoint's folder or repository"
    )
    parser.add_argument(
        "--memory",
        type=byte_size,
        default=_DEFAULT_MEMORY,
        metavar="SIZE",
        help="the machine's memory (default: %(default)s)",
    )
    parser.add_argument("--linux", action="store_true", help="plan for a CPU under Linux instead of a Mac")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_plan(options: argparse.Namespace) -> None:
    """Print the plan. Raises StartFailed or LoadFailed, with one line for the user."""
    # Imported here, because the hub's client takes a second, which `--help` should not cost.
    from optiq_server.engine.checkpoint import resolve_checkpoint
    from optiq_server.engine.inventory import take_inventory
    from optiq_server.plan import make_plan, plan_lines

    inventory = take_inventory(resolve_checkpoint(options.model))
    plan = make_plan(inventory, memory=options.memory, on_a_mac=not options.linux)
    print(json.dumps(plan.as_json()) if options.json else plan_lines(plan), file=sys.stdout)


def byte_size(text: str) -> int:
    """An option's value. Raises argparse's error."""
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
