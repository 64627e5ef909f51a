"""`optiq quantize`: its options, and the order that they make."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from optiq_server.plan_command import byte_size
from optiq_server.progress_option import add_progress
from optiq_server.settings import default_cache_folder

if TYPE_CHECKING:
    from optiq_quant.budget import Budget
    from optiq_quant.calibration_text import Extent
    from optiq_quant.candidates import Candidates
    from optiq_quant.plan import Coding

_SHIPPED = "shipped"
_GROUP_SIZES = "32,64,128"
_SWAPS = 24
_PRICING_TOKENS = 8192
_ROUNDS = 3
_LONGEST = 1024
_WINDOW = 512
_CODES = ("nearest", "fitted", "compensated")


def add_quantize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a checkpoint's folder or repository")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="DIR", help="the folder to write")
    where.add_argument("--dry-run", action="store_true", help="measure and choose, and write nothing")
    _add_budget(parser)
    _add_formats(parser)
    _add_text(parser)
    _add_work(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, the plan included")
    add_progress(parser)


def _add_budget(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to make: one of")
    one = what.add_mutually_exclusive_group(required=True)
    one.add_argument("--size", type=byte_size, metavar="SIZE", help="all weights, such as 10.6GiB")
    one.add_argument("--bpw", type=float, metavar="BITS", help="bits per weight, everything counted")
    one.add_argument(
        "--allocated-bpw",
        type=float,
        metavar="BITS",
        help="nominal bits per weight of the linear layers outside experts, as some model cards count",
    )
    one.add_argument(
        "--plan", type=Path, metavar="FILE", help="carry out a plan (the plan of optiq.json, or --json's)"
    )
    what.add_argument(
        "--decode-bytes", type=byte_size, metavar="SIZE", help="beside it: what one decoded token may read"
    )


def _add_formats(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("formats")
    how.add_argument(
        "--formats",
        metavar="NAMES",
        help="such as affine4,affine6g128,mxfp4,bf16 (default: all affine ones; with --codes nearest, all "
        "that mlx-lm loads)",
    )
    how.add_argument(
        "--group-sizes",
        default=_GROUP_SIZES,
        metavar="SIZES",
        help="for affine formats named without one (default: %(default)s)",
    )
    how.add_argument(
        "--experts",
        choices=("keep", "measure"),
        default="keep",
        help="experts that are quantized already: keep them bit for bit, or price them too "
        "(default: %(default)s)",
    )
    how.add_argument(
        "--codes",
        choices=_CODES,
        default=_CODES[-1],
        help="how far codes are improved at the same bytes (default: %(default)s)",
    )
    how.add_argument(
        "--swaps",
        type=int,
        default=_SWAPS,
        metavar="N",
        help="measure at most so many changes of the allocation (default: %(default)s)",
    )


def _add_text(parser: argparse.ArgumentParser) -> None:
    text = parser.add_argument_group("calibration")
    text.add_argument(
        "--calibration",
        default=_SHIPPED,
        metavar="FILE",
        help="plain text (.txt), conversations (.jsonl), or the package's own (default: %(default)s)",
    )
    text.add_argument(
        "--window",
        type=int,
        default=_WINDOW,
        metavar="TOKENS",
        help="plain text is cut into windows of this length (default: %(default)s)",
    )
    text.add_argument(
        "--longest",
        type=int,
        default=_LONGEST,
        metavar="TOKENS",
        help="longer prompts are cut off there (default: %(default)s)",
    )
    text.add_argument(
        "--pricing-tokens",
        type=int,
        default=_PRICING_TOKENS,
        metavar="N",
        help="price each format on so many tokens of the measuring part (default: %(default)s)",
    )
    text.add_argument(
        "--rounds",
        type=int,
        default=_ROUNDS,
        metavar="N",
        help="measure at most N formats of each unit; more than one only while predictions are poor "
        "(default: %(default)s)",
    )
    for part, what in (("measure", "measuring"), ("select", "choosing"), ("report", "reporting")):
        text.add_argument(
            f"--{part}-tokens",
            type=int,
            metavar="N",
            help=f"use at most so many tokens for {what} (default: all)",
        )


def _add_work(parser: argparse.ArgumentParser) -> None:
    work = parser.add_argument_group("measurements")
    work.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="keep them there (default: in the cache folder, by checkpoint, text and settings)",
    )
    work.add_argument(
        "--resume", action="store_true", help="go on with a folder whose writing was interrupted"
    )
    work.add_argument("--no-report", action="store_true", help="do not measure what was written")
    work.add_argument(
        "--cache-folder",
        type=Path,
        default=default_cache_folder(),
        metavar="FOLDER",
        help="where measurements and harmony's vocabulary are kept (default: %(default)s)",
    )


def budget_of_options(options: argparse.Namespace) -> "Budget":
    """Raises ValueError, which names the option."""
    from optiq_quant.budget import budget_of

    return budget_of(
        size=options.size,
        bpw=options.bpw,
        allocated_bpw=options.allocated_bpw,
        decode_bytes=options.decode_bytes,
    )


def candidates_of_options(options: argparse.Namespace) -> "Candidates":
    """Raises ValueError, which names the option."""
    from optiq_quant.candidates import Candidates, Experts, default_formats, formats_of

    try:
        groups = [int(size) for size in options.group_sizes.split(",")]
    except ValueError:
        raise ValueError(f"--group-sizes: {options.group_sizes!r} is no list such as 32,64") from None
    try:
        if options.formats is None:
            formats = default_formats(groups, are_searched=len(ways_of_options(options)) > 1)
        else:
            formats = formats_of(options.formats.split(","), groups)
    except ValueError as error:
        raise ValueError(f"--formats, --group-sizes: {error}") from error
    return Candidates(formats=formats, experts=Experts(options.experts))


def extent_of_options(options: argparse.Namespace) -> "Extent":
    """Raises ValueError, which names the option."""
    from optiq_quant.calibration_text import Extent, Part

    limits = {part: getattr(options, f"{part.value}_tokens") for part in Part}
    return Extent(
        window=options.window,
        longest=options.longest,
        tokens={part: limit for part, limit in limits.items() if limit is not None},
    )


def calibration_of_options(options: argparse.Namespace) -> Path | None:
    """The file; None for the package's own text."""
    return None if options.calibration == _SHIPPED else Path(options.calibration)


def ways_of_options(options: argparse.Namespace) -> "tuple[Coding, ...]":
    """The ways of coding that are tried."""
    from optiq_quant.plan import Coding

    return tuple(Coding(name) for name in _CODES[: _CODES.index(options.codes) + 1])
