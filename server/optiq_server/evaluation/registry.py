"""The suites by name, and how each is made from its data and its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from optiq_server.evaluation.datasets import GSM8K, IFEVAL, DataSource
from optiq_server.evaluation.gsm8k import load_gsm8k
from optiq_server.evaluation.ifeval import load_ifeval
from optiq_server.evaluation.mmlu import MOST_SHOTS, load_mmlu
from optiq_server.evaluation.pocket import load_pocket
from optiq_server.evaluation.suite import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What can be chosen of the suites themselves. `shots` is MMLU's number of examples."""

    shots: int = MOST_SHOTS

    def __post_init__(self) -> None:
        if not 0 <= self.shots <= MOST_SHOTS:
            raise ValueError(f"--shots {self.shots} is not between 0 and {MOST_SHOTS}")


_Load: TypeAlias = Callable[[DataSource, Parameters], Suite]

_LOADERS: Mapping[str, _Load] = {
    "mmlu": lambda source, parameters: load_mmlu(source.mmlu(), parameters.shots),
    "gsm8k": lambda source, _: load_gsm8k(source.file(GSM8K)),
    "ifeval": lambda source, _: load_ifeval(source.file(IFEVAL)),
    "pocket": lambda _source, _: load_pocket(),
}
_USED: Mapping[str, tuple[str, ...]] = {"mmlu": ("shots",)}
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
    every = asdict(parameters)
    return {key: every[key] for key in _USED.get(name, ())}
