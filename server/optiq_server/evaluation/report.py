"""What the user is shown of results: tables for people, objects for programs. It computes no score."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optiq_server.evaluation.comparison import Comparison
from optiq_server.evaluation.pairing import Difference
from optiq_server.evaluation.result import SuiteResult, capability_score
from optiq_server.evaluation.statistics import Estimate

_LISTED = 10
"""How many items a note names; `--json` has them all."""


def results_table(results: Sequence[SuiteResult]) -> RenderableType:
    """One line a suite, the mean, and below what did not go well."""
    columns = ("items", "accuracy", "95 % interval", "tokens", "time")
    table = _table(results[0].model, "suite", columns)
    for result in results:
        table.add_row(*_row(result))
        for name, estimate in result.also.items():
            table.add_row(f"  {name}", str(estimate.items), *_share(estimate), style="dim")
    if len(results) > 1:
        score = capability_score(results)
        table.add_section()
        table.add_row("Capability Score", str(score.items), *_share(score), style="bold")
    return Group(table, *map(Text, _notes(results)))


def groups_table(result: SuiteResult) -> RenderableType | None:
    """The suite by its clusters and efforts, where it has any."""
    if not result.groups:
        return None
    table = _table(f"{result.suite}, in groups", "group", ("items", "accuracy", "95 % interval"))
    for groups in result.groups.values():
        for name, estimate in groups.items():
            table.add_row(name, str(estimate.items), *_share(estimate))
        table.add_section()
    return table


def comparison_table(comparison: Comparison) -> RenderableType:
    columns = ("items", "difference", "95 % interval", "only 1st", "only 2nd", "McNemar p")
    table = _table(f"{comparison.second} minus {comparison.first}", "suite", columns)
    for name, found in comparison.suites.items():
        table.add_row(name, *_difference(found))
    if len(comparison.suites) > 1:
        table.add_section()
        table.add_row("mean of the suites", *_difference(comparison.mean), style="bold")
    notes = [
        f"{name}: {count} items in one run alone" for name, count in comparison.unpaired.items() if count
    ]
    if comparison.left_out:
        notes.append(f"in one run alone: {', '.join(comparison.left_out)}")
    return Group(table, *map(Text, notes))


def results_json(results: Sequence[SuiteResult]) -> dict[str, Any]:
    """All that the tables show, and every item that was truncated, uncheckable or without an answer."""
    return {
        "model": results[0].model,
        "capability_score": asdict(capability_score(results)),
        "suites": {result.suite: _suite_json(result) for result in results},
    }


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    return asdict(comparison)


def _table(title: str, first: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE, collapse_padding=True, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _suite_json(result: SuiteResult) -> dict[str, Any]:
    return {
        "planned": result.planned,
        "items": len(result.judged),
        "passed": sum(each.passed for each in result.judged),
        "accuracy": asdict(result.accuracy),
        "also": {name: asdict(estimate) for name, estimate in result.also.items()},
        "groups": {
            kind: {name: asdict(estimate) for name, estimate in groups.items()}
            for kind, groups in result.groups.items()
        },
        "truncated": result.truncated,
        "uncheckable": dict(result.uncheckable),
        "errors": dict(result.errors),
        "failed": {
            each.item.id: each.verdict.detail
            for each in result.judged
            if each.verdict is not None and not each.passed
        },
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "request_seconds": result.seconds,
        "fingerprint": result.fingerprint,
    }


def _row(result: SuiteResult) -> tuple[str, ...]:
    asked = len(result.judged)
    return (
        result.suite,
        str(asked) if result.complete else f"{asked} of {result.planned}",
        *_share(result.accuracy),
        f"{result.completion_tokens:,}",
        _duration(result.seconds),
    )


def _share(estimate: Estimate) -> tuple[str, str]:
    return f"{100 * estimate.value:.1f} %", f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"


def _difference(found: Difference) -> tuple[str, ...]:
    return (
        str(found.items),
        f"{100 * found.value:+.1f}",
        f"{100 * found.low:+.1f} to {100 * found.high:+.1f}",
        str(found.only_first),
        str(found.only_second),
        "" if found.p_value is None else f"{found.p_value:.3g}",
    )


def _duration(seconds: float) -> str:
    """The time of all requests added up, as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _notes(results: Sequence[SuiteResult]) -> Iterable[str]:
    yield "time: that of all requests added up. Interval: " + "; ".join(
        f"{result.suite} {result.accuracy.method}" for result in results
    )
    for result in results:
        if not result.complete:
            yield f"{result.suite}: incomplete, {result.planned - len(result.judged)} items were not asked"
        if result.truncated:
            yield (
                f"{result.suite}: {len(result.truncated)} answers were cut off at the token limit, "
                f"{result.truncated_failures} of them failed: {_some(result.truncated)}"
            )
        if result.uncheckable:
            yield f"{result.suite}: counted as failed, because no rule can check them: " + _some(
                [f"{item} ({detail})" for item, detail in result.uncheckable]
            )
        if result.errors:
            yield (
                f"{result.suite}: counted as failed, because there is no answer (run again to ask them): "
                + _some([f"{item} ({reason})" for item, reason in result.errors])
            )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
