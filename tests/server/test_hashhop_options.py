"""The options of hashhop: what is read of them, and what is refused."""

import argparse

import pytest

from optiq_server.evaluation.hashhop import HashHopParameters
from optiq_server.hashhop_options import add_hashhop, read_hashhop


def _read(*arguments: str) -> HashHopParameters:
    parser = argparse.ArgumentParser()
    add_hashhop(parser)
    return read_hashhop(parser.parse_args(arguments))


def test_without_options_the_items_are_the_default_ones() -> None:
    assert _read() == HashHopParameters()


def test_each_option_says_one_parameter() -> None:
    arguments = "--hashhop-count 9 --hashhop-hops 1,4 --hashhop-tokens 500 --hashhop-seed 7 --hashhop-chain"

    assert _read(*arguments.split()) == HashHopParameters(
        count=9, hops=(1, 4), tokens=500, seed=7, chain_of_thought=True
    )


def test_what_is_no_list_of_numbers_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _read("--hashhop-hops", "1-6")

    assert "'1-6' is not numbers such as 1,2,4" in capsys.readouterr().err


def test_a_number_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match="hops"):
        _read("--hashhop-hops", "7")
