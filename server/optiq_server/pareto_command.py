"""`optiq pareto`: its options, and what it prints. The frontier is optiq_quant's."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from optiq_server.byte_size import show_bytes
from optiq_server.errors import StartFailed
from optiq_server.settings import default_cache_folder

if TYPE_CHECKING:
    from optiq_quant.frontier import Frontier, Mark
    from optiq_quant.measurements import Measurements

_DEFAULT_POINTS = 100
_PICTURES = (".svg", ".png")


def add_pareto(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="a folder or repository that `optiq quantize` measured or wrote, or measurements.json itself",
    )
    parser.add_argument(
        "--cache-folder",
        type=Path,
        default=default_cache_folder(),
        metavar="FOLDER",
        help="where measurements are kept (default: %(default)s)",
    )
    parser.add_argument("--plot", type=_picture, metavar="FILE", help="draw it, as .svg or .png")
    parser.add_argument(
        "--points",
        type=_points,
        default=_DEFAULT_POINTS,
        metavar="N",
        help="sizes on the frontier (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_pareto(options: argparse.Namespace) -> None:
    """Print the frontier, and draw it where asked. Raises QuantError or StartFailed, with one line."""
    # Imported here, because numpy and matplotlib take a second, which `--help` should not cost.
    from optiq_quant.frontier import find_frontier

    frontier = find_frontier(_read(options.checkpoint, options.cache_folder), options.points)
    if options.plot is not None:
        _draw(frontier, options.plot)
    print(json.dumps(frontier.as_json()) if options.json else frontier_lines(frontier), file=sys.stdout)


def _draw(frontier: "Frontier", target: Path) -> None:
    from optiq_quant.frontier_plot import draw_frontier

    try:
        draw_frontier(frontier, target)
    except OSError as error:
        raise StartFailed(f"--plot: cannot write {target}: {error.strerror}") from error


def frontier_lines(frontier: "Frontier") -> str:
    """The frontier at a few sizes, then everything with a name, for a terminal."""
    lines = ["Best allocation (KL divergence in nats, summed over the units)", ""]
    lines += [
        f"{show_bytes(point.bytes):>12}  {point.bits_per_weight:6.3f} bits per weight  {point.divergence:.3g}"
        for point in frontier.points[:: max(len(frontier.points) // 10, 1)]
    ]
    lines += ["", "Baselines, and what was measured as a whole", ""]
    lines += [_mark_line(mark) for mark in frontier.marks]
    return "\n".join(lines)


def _mark_line(mark: "Mark") -> str:
    predicted = "not priced" if mark.predicted is None else f"predicted {mark.predicted:.3g}"
    told = (
        f"{show_bytes(mark.bytes):>12}  {mark.bits_per_weight:6.3f} bits per weight  {mark.name}: {predicted}"
    )
    measured = mark.measured
    if measured is None:
        return told
    interval = (
        ""
        if measured.low is None or measured.high is None
        else f" ({measured.low:.3g} to {measured.high:.3g})"
    )
    return f"{told}, measured {measured.divergence:.3g}{interval} on {measured.part}"


def _read(named: str, cache_folder: Path) -> "Measurements":
    from optiq_quant.errors import MeasurementsUnusable
    from optiq_quant.measurements import MEASUREMENTS_FILE, measurements_of_json
    from optiq_server.engine.checkpoint import resolve_checkpoint

    path = Path(named).expanduser()
    if not path.is_file():
        folder = resolve_checkpoint(named)
        path = folder / MEASUREMENTS_FILE
        if not path.is_file():
            path = _measured(folder, cache_folder)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MeasurementsUnusable(
            f"there are no measurements at {path}: `optiq quantize` leaves them in the folder that it writes"
        ) from error
    return measurements_of_json(text)


def _measured(checkpoint: Path, cache_folder: Path) -> Path:
    """What was measured of this checkpoint last, whatever was written of it."""
    from optiq_quant.fingerprint import checkpoint_fingerprint
    from optiq_quant.workspace import latest_measurements, measurements_folder

    return latest_measurements(measurements_folder(cache_folder), weights=checkpoint_fingerprint(checkpoint))


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in _PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r} must end in .svg or .png")
    return path


def _points(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 2 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 2 to 10000")
    return int(text)
