"""Results for the tests of what shows and compares them."""

from collections.abc import Mapping

from optiq_server.evaluation.fingerprint import fingerprint
from optiq_server.evaluation.records import Header, Plan, Record
from optiq_server.evaluation.result import SuiteResult, score_run
from optiq_server.evaluation.store import StoredRun
from optiq_server.evaluation.suite import Answer
from tests.evaluation.sums import Sums, make_sums


def result_of(
    answers: Mapping[int, str | None], *, count: int = 30, name: str = "sums", model: str = "m"
) -> SuiteResult:
    """By item: its answer, or None for none."""
    suite = Sums(items=make_sums(count).items, name=name)
    records = [
        Record(id=str(number), error="HTTP 500")
        if text is None
        else Record(id=str(number), answer=Answer(text=text, completion_tokens=4, seconds=61.0))
        for number, text in answers.items()
    ]
    header = Header(suite=name, fingerprint=fingerprint(suite.items), model=model, parameters={}, settings={})
    run = StoredRun(
        header=header,
        plan=Plan(limit=None, sample_seed=0),
        records={record.id: record for record in records},
    )
    result = score_run(suite, run)
    assert result is not None
    return result


def right(*numbers: int) -> dict[int, str | None]:
    return {number: str(number + 1) for number in numbers}
