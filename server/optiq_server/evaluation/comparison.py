"""Two runs of the same suites, item by item. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optiq_server.evaluation.errors import ForeignRun
from optiq_server.evaluation.pairing import Difference, Pair, difference, mean_difference
from optiq_server.evaluation.result import SuiteResult

_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The second run minus the first: per suite, and for the mean of the suites that both ran.

    `left_out` names the suites of one run alone; `unpaired` counts the items of one run alone, by suite.
    """

    first: str
    second: str
    suites: Mapping[str, Difference]
    mean: Difference
    left_out: Sequence[str]
    unpaired: Mapping[str, int]


def compare(first: Sequence[SuiteResult], second: Sequence[SuiteResult]) -> Comparison:
    """Raises ForeignRun if a suite asked other questions, or if the runs have no item in common."""
    before = {result.suite: result for result in first}
    after = {result.suite: result for result in second}
    pairs = {name: _pairs(before[name], after[name]) for name in before if name in after}
    pairs = {name: found for name, found in pairs.items() if found}
    if not pairs:
        raise ForeignRun("the two runs have no item in common")
    return Comparison(
        first=first[0].model,
        second=second[0].model,
        suites={name: difference(found, seed=_SEED) for name, found in pairs.items()},
        mean=mean_difference(pairs, seed=_SEED),
        left_out=sorted((before.keys() | after.keys()) - pairs.keys()),
        unpaired={
            name: len(before[name].judged) + len(after[name].judged) - 2 * len(found)
            for name, found in pairs.items()
        },
    )


def _pairs(before: SuiteResult, after: SuiteResult) -> list[Pair]:
    if before.fingerprint != after.fingerprint:
        raise ForeignRun(
            f"the two runs of {before.suite} asked other questions: their fingerprints are "
            f"{before.fingerprint[:12]} and {after.fingerprint[:12]}"
        )
    later = {each.item.id: each for each in after.judged}
    return [
        Pair(cluster=each.item.cluster, first=each.passed, second=later[each.item.id].passed)
        for each in before.judged
        if each.item.id in later
    ]
