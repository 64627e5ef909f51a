"""The options of `optiq eval` that say which items hashhop makes."""

import argparse

from optiq_server.evaluation.hashhop import MAX_HOPS, MAX_TOKENS, HashHopParameters

_DEFAULTS = HashHopParameters()


def add_hashhop(parser: argparse.ArgumentParser) -> None:
    made = parser.add_argument_group("what hashhop makes")
    made.add_argument(
        "--hashhop-count",
        type=int,
        default=_DEFAULTS.count,
        metavar="N",
        help="items in all (default: %(default)s)",
    )
    made.add_argument(
        "--hashhop-hops",
        type=_numbers,
        default=_DEFAULTS.hops,
        metavar="N,N",
        help=f"how far to hop, by turns (default: all from 1 to {MAX_HOPS})",
    )
    made.add_argument(
        "--hashhop-tokens",
        type=int,
        default=_DEFAULTS.tokens,
        metavar="N",
        help=f"of each prompt, at most {MAX_TOKENS} (default: %(default)s)",
    )
    made.add_argument(
        "--hashhop-seed", type=int, default=_DEFAULTS.seed, metavar="N", help="(default: %(default)s)"
    )
    made.add_argument(
        "--hashhop-chain", action="store_true", help="ask for the whole chain instead of its end"
    )


def read_hashhop(options: argparse.Namespace) -> HashHopParameters:
    """Raises ValueError, with the parameter's name."""
    return HashHopParameters(
        count=options.hashhop_count,
        hops=options.hashhop_hops,
        tokens=options.hashhop_tokens,
        seed=options.hashhop_seed,
        chain_of_thought=options.hashhop_chain,
    )


def _numbers(text: str) -> tuple[int, ...]:
    """An option's value. Raises argparse's error."""
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not numbers such as 1,2,4") from None
