"""`--progress`: how a command tells how far it has come."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optiq_quant.progress import Reporter


def add_progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--progress",
        choices=("bar", "json", "none"),
        default="bar",
        help="on stderr: a bar with the time left (lines now and then where that is no terminal), one JSON "
        "object a line, or nothing (default: %(default)s)",
    )


@contextmanager
def reporting(kind: str) -> Iterator["Reporter"]:
    # Imported here, because rich takes a moment that `--help` should not cost.
    from optiq_quant.progress import BarReporter, JsonReporter, LineReporter, SilentReporter

    reporter: Reporter
    match kind:
        case "none":
            reporter = SilentReporter()
        case "json":
            reporter = JsonReporter(sys.stderr)
        case _:
            reporter = BarReporter(sys.stderr) if sys.stderr.isatty() else LineReporter(sys.stderr)
    try:
        yield reporter
    finally:
        reporter.close()
