"""The suites by name, and how each is made from its data and its parameters."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from optiq_server.evaluation.bfcl import load_bfcl
from optiq_server.evaluation.datasets import (
    BFCL_ANSWERS,
    BFCL_QUESTIONS,
    GSM8K,
    HUMANEVAL,
    IFEVAL,
    DataSource,
)
from optiq_server.evaluation.gsm8k import load_gsm8k
from optiq_server.evaluation.hashhop import HashHopParameters, make_hashhop
from optiq_server.evaluation.humaneval import load_humaneval
from optiq_server.evaluation.ifeval import load_ifeval
from optiq_server.evaluation.mmlu import MOST_SHOTS, load_mmlu
from optiq_server.evaluation.pocket import load_pocket
from optiq_server.evaluation.sandbox.containment import find_sandbox
from optiq_server.evaluation.suite import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What can be chosen of the suites themselves. `shots` is MMLU's number of examples; `hashhop` says which
    items that suite makes.
    """

    shots: int = MOST_SHOTS
    hashhop: HashHopParameters = field(default_factory=HashHopParameters)

    def __post_init__(self) -> None:
        if not 0 <= self.shots <= MOST_SHOTS:
            raise ValueError(f"--shots {self.shots} is not between 0 and {MOST_SHOTS}")


_Load: TypeAlias = Callable[[DataSource, Parameters], Suite]

_LOADERS: Mapping[str, _Load] = {
    "mmlu": lambda source, parameters: load_mmlu(source.mmlu(), parameters.shots),
    "gsm8k": lambda source, _: load_gsm8k(source.file(GSM8K)),
    "ifeval": lambda source, _: load_ifeval(source.file(IFEVAL)),
    "bfcl": lambda source, _: load_bfcl(source.file(BFCL_QUESTIONS), source.file(BFCL_ANSWERS)),
    "humaneval": lambda source, _: load_humaneval(source.file(HUMANEVAL), find_sandbox(parallel=_cores())),
    "hashhop": lambda _, parameters: make_hashhop(parameters.hashhop),
    "pocket": lambda _source, _: load_pocket(),
}
_USED: Mapping[str, tuple[str, ...]] = {"mmlu": ("shots",), "hashhop": ("hashhop",)}
"""Which parameters a suite depends on; the others are no part of its runs' identity."""

SUITES = tuple(_LOADERS)


def load_suite(name: str, source: DataSource, parameters: Parameters) -> Suite:
    """Raises DataMissing, DataDamaged, and ValueError for an unknown name."""
    try:
        load = _LOADERS[name]
    except KeyError:
        raise ValueError(f"there is no suite {name!r}: choose from {', '.join(SUITES)}") from None
    return load(source, parameters)


def used_parameters(name: str, parameters: Parameters) -> dict[str, Any]:
    """Those of `parameters` on which the suite depends, as JSON holds them."""
    every = json.loads(json.dumps(asdict(parameters)))
    return {key: every[key] for key in _USED.get(name, ())}


def read_parameters(stored: Mapping[str, Any]) -> Parameters:
    """What `used_parameters` gave. Raises TypeError or ValueError if it did not."""
    hashhop = {**stored.get("hashhop", {})}
    if "hops" in hashhop:
        hashhop["hops"] = tuple(hashhop["hops"])
    return Parameters(**{**stored, "hashhop": HashHopParameters(**hashhop)})


def _cores() -> int:
    return os.cpu_count() or 1
