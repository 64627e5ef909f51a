"""Suites by name."""

import json
from pathlib import Path

import pytest

from optiq_server.evaluation.datasets import DataSource, Published
from optiq_server.evaluation.errors import DataMissing
from optiq_server.evaluation.hashhop import HashHopParameters
from optiq_server.evaluation.registry import (
    SUITES,
    Parameters,
    load_suite,
    read_parameters,
    used_parameters,
)
from optiq_server.evaluation.suite import Suite


def _nothing(_: Published, __: Path) -> None:
    raise OSError("offline")


def _source(tmp_path: Path) -> DataSource:
    return DataSource(folder=None, cache=tmp_path, fetch=_nothing)


def test_a_suite_that_needs_no_data_is_loaded_under_its_name(tmp_path: Path) -> None:
    suite: Suite = load_suite("pocket", _source(tmp_path), Parameters())

    assert suite.name == "pocket"


@pytest.mark.parametrize("name", ["mmlu", "gsm8k", "ifeval", "bfcl"])
def test_a_suite_whose_data_cannot_be_had_says_how_to_get_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataMissing, match="--data DIR"):
        load_suite(name, _source(tmp_path), Parameters())


def test_an_unknown_suite_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"no suite 'hellaswag': choose from {', '.join(SUITES)}"):
        load_suite("hellaswag", _source(tmp_path), Parameters())


def test_only_the_parameters_that_a_suite_uses_are_part_of_its_runs() -> None:
    assert used_parameters("mmlu", Parameters(shots=0)) == {"shots": 0}
    assert used_parameters("gsm8k", Parameters(shots=0)) == {}


def test_impossible_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="--shots 6"):
        Parameters(shots=6)


def test_hashhop_has_the_items_that_were_chosen(tmp_path: Path) -> None:
    parameters = Parameters(hashhop=HashHopParameters(count=4, hops=(2,), tokens=500))

    suite = load_suite("hashhop", _source(tmp_path), parameters)

    assert [item.cluster for item in suite.items] == ["2 hops"] * 4


@pytest.mark.parametrize("name", SUITES)
def test_stored_parameters_are_those_that_were_used(name: str) -> None:
    parameters = Parameters(shots=2, hashhop=HashHopParameters(count=4, hops=(2, 3), seed=9))
    used = used_parameters(name, parameters)
    stored = json.loads(json.dumps(used))

    assert stored == used
    assert used_parameters(name, read_parameters(stored)) == used


def test_stored_parameters_that_no_suite_has_are_refused() -> None:
    with pytest.raises(TypeError, match="unknown"):
        read_parameters({"hashhop": {"unknown": 1}})
