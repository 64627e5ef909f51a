"""The score of a stored run: a pure function of the suite and of what was answered, so no model is needed."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from optiq_server.evaluation.errors import ForeignRun
from optiq_server.evaluation.fingerprint import fingerprint
from optiq_server.evaluation.records import Record
from optiq_server.evaluation.sample import choose
from optiq_server.evaluation.statistics import Estimate, clustered, mean_of, wilson
from optiq_server.evaluation.store import StoredRun
from optiq_server.evaluation.suite import Answer, Item, Outcome, ScoresTogether, Suite, Verdict

_MOST_GROUPS = 60
"""More groups than MMLU has subjects are no table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One item of the plan: its verdict, or the error instead of an answer."""

    item: Item
    verdict: Verdict | None = None
    error: str | None = None
    truncated: bool = False

    @property
    def passed(self) -> bool:
        return self.verdict is not None and self.verdict.passed


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteResult:
    """What one suite gave. `planned` items were to be asked; `judged` holds those that were, with an answer
    or an error. An error counts as failed. Tokens and `seconds` are the sums over all requests.
    """

    suite: str
    model: str
    fingerprint: str
    planned: int
    judged: Sequence[Judged] = field(repr=False)
    accuracy: Estimate
    also: Mapping[str, Estimate]
    groups: Mapping[str, Mapping[str, Estimate]]
    prompt_tokens: int
    completion_tokens: int
    seconds: float

    @property
    def complete(self) -> bool:
        return len(self.judged) == self.planned

    @property
    def errors(self) -> list[tuple[str, str]]:
        return [(each.item.id, each.error) for each in self.judged if each.error is not None]

    @property
    def truncated(self) -> list[str]:
        return [each.item.id for each in self.judged if each.truncated]

    @property
    def truncated_failures(self) -> int:
        return sum(each.truncated and not each.passed for each in self.judged)

    @property
    def uncheckable(self) -> list[tuple[str, str]]:
        return [
            (each.item.id, each.verdict.detail)
            for each in self.judged
            if each.verdict is not None and each.verdict.outcome is Outcome.UNCHECKABLE
        ]


def score_run(suite: Suite, run: StoredRun) -> SuiteResult | None:
    """None if nothing of the plan was asked. Raises ForeignRun if the run is of other questions."""
    found = fingerprint(suite.items)
    if found != run.header.fingerprint:
        raise ForeignRun(
            f"the stored run of {suite.name} is of other questions: their fingerprint is "
            f"{run.header.fingerprint[:12]}, that of the data at hand {found[:12]}"
        )
    planned = choose(suite.items, run.plan.limit, run.plan.sample_seed)
    judged = _judge(suite, [(item, run.records[item.id]) for item in planned if item.id in run.records])
    if not judged:
        return None
    answers = [answer for each in judged for answer in _answers(run.records[each.item.id])]
    return SuiteResult(
        suite=suite.name,
        model=run.header.model,
        fingerprint=found,
        planned=len(planned),
        judged=judged,
        accuracy=clustered([(each.item.cluster, each.passed) for each in judged]),
        also=_also(judged),
        groups=_groups(judged),
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        completion_tokens=sum(answer.completion_tokens for answer in answers),
        seconds=sum(answer.seconds for answer in answers),
    )


def capability_score(results: Sequence[SuiteResult]) -> Estimate:
    """The plain mean of the suites' accuracies. Raises ValueError if there are none."""
    return mean_of([result.accuracy for result in results])


def _judge(suite: Suite, recorded: Sequence[tuple[Item, Record]]) -> list[Judged]:
    answered = [(item, record.answer) for item, record in recorded if record.answer is not None]
    verdicts = dict(zip((item.id for item, _ in answered), _verdicts(suite, answered), strict=True))
    return [
        Judged(
            item=item,
            verdict=verdicts.get(item.id),
            error=record.error,
            truncated=any(answer.truncated for answer in _answers(record)),
        )
        for item, record in recorded
    ]


def _verdicts(suite: Suite, answered: Sequence[tuple[Item, Answer]]) -> Sequence[Verdict]:
    if isinstance(suite, ScoresTogether):
        return suite.score_all(answered)
    return [suite.score(item, answer) for item, answer in answered]


def _answers(record: Record) -> tuple[Answer, ...]:
    return () if record.answer is None else (*record.answer.earlier, record.answer)


def _also(judged: Sequence[Judged]) -> dict[str, Estimate]:
    """The suite's further measures. An item without an answer fails them all; in parts it has none."""
    verdicts = [each.verdict for each in judged if each.verdict is not None]
    measures = sorted({name for verdict in verdicts for name in verdict.also})
    parts = sorted({name for verdict in verdicts for name in verdict.parts})
    also = {
        name: clustered(
            [
                (each.item.cluster, each.verdict is not None and each.verdict.also.get(name, False))
                for each in judged
            ]
        )
        for name in measures
    }
    for name in parts:
        # The parts of one item are not independent of each other, so the item is their cluster.
        pairs = [
            (each.item.id, part)
            for each in judged
            if each.verdict is not None
            for part in each.verdict.parts.get(name, ())
        ]
        if pairs:
            also[name] = clustered(pairs)
    return also


def _groups(judged: Sequence[Judged]) -> dict[str, dict[str, Estimate]]:
    by_cluster = _grouped(judged, lambda item: item.cluster)
    by_effort = _grouped(judged, lambda item: item.reasoning_effort)
    every = {"cluster": by_cluster, "effort": by_effort}
    # Independent items are each a cluster of their own: no groups.
    most = min(_MOST_GROUPS, len(judged) - 1)
    return {name: groups for name, groups in every.items() if 1 < len(groups) <= most}


def _grouped(judged: Sequence[Judged], key: Callable[[Item], str | None]) -> dict[str, Estimate]:
    outcomes: dict[str, list[bool]] = defaultdict(list)
    for each in judged:
        name = key(each.item)
        if name is not None:
            outcomes[name].append(each.passed)
    return {name: wilson(sum(passed), len(passed)) for name, passed in outcomes.items()}
