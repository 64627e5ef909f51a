"""Stored answers as scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from optiq_server.evaluation.errors import ForeignRun
from optiq_server.evaluation.fingerprint import fingerprint
from optiq_server.evaluation.records import Header, Plan, Record
from optiq_server.evaluation.result import capability_score, score_run
from optiq_server.evaluation.statistics import wilson
from optiq_server.evaluation.store import StoredRun
from optiq_server.evaluation.suite import Answer, Item, Verdict
from tests.evaluation.sums import Sums, make_sums

_SUITE = make_sums(30)
_HEADER = Header(suite="sums", fingerprint=fingerprint(_SUITE.items), model="m", parameters={}, settings={})


def _run(*records: Record, limit: int | None = None) -> StoredRun:
    plan = Plan(limit=limit, sample_seed=0)
    return StoredRun(header=_HEADER, plan=plan, records={record.id: record for record in records})


def _answer(number: int, text: str, *, finish_reason: str = "stop") -> Record:
    answer = Answer(
        text=text, finish_reason=finish_reason, prompt_tokens=10, completion_tokens=2, seconds=0.5
    )
    return Record(id=str(number), answer=answer)


def test_right_answers_score_100_percent() -> None:
    result = score_run(_SUITE, _run(*(_answer(number, str(number + 1)) for number in range(30))))

    assert result is not None
    assert result.accuracy == wilson(30, 30)
    assert result.complete
    assert (result.prompt_tokens, result.completion_tokens, result.seconds) == (300, 60, 15.0)
    assert set(result.groups["cluster"]) == {"0", "1", "2"}


def test_corrupted_answers_score_0_percent() -> None:
    result = score_run(_SUITE, _run(*(_answer(number, str(number)) for number in range(30))))

    assert result is not None
    assert result.accuracy == wilson(0, 30)


def test_errors_truncated_and_uncheckable_answers_are_failures_and_are_listed_apart() -> None:
    result = score_run(
        _SUITE,
        _run(
            _answer(0, "1"),
            _answer(1, "2", finish_reason="length"),
            _answer(2, "2 and", finish_reason="length"),
            _answer(3, "what?"),
            Record(id="4", error="HTTP 500"),
        ),
    )

    assert result is not None
    assert result.accuracy == wilson(2, 5)
    assert (result.truncated, result.truncated_failures) == (["1", "2"], 1)
    assert result.uncheckable == [("3", "a question")]
    assert result.errors == [("4", "HTTP 500")]
    assert (len(result.judged), result.planned, result.complete) == (5, 30, False)


def test_further_measures_count_errors_as_failed_and_parts_by_themselves() -> None:
    result = score_run(_SUITE, _run(_answer(0, "1"), _answer(1, "a2"), Record(id="2", error="none")))

    assert result is not None
    assert result.also["short"] == wilson(2, 3)
    assert result.also["digits"] == wilson(2, 3)


def test_answers_outside_the_plan_do_not_count() -> None:
    every = [_answer(number, str(number + 1)) for number in range(30)]

    result = score_run(_SUITE, _run(*every, limit=12))

    assert result is not None
    assert result.accuracy == wilson(12, 12)
    assert result.planned == 12


def test_the_requests_before_the_last_one_cost_too() -> None:
    record = _answer(0, "1")
    assert record.answer is not None
    earlier = replace(record.answer, finish_reason="length")

    result = score_run(_SUITE, _run(Record(id="0", answer=replace(record.answer, earlier=(earlier,)))))

    assert result is not None
    assert (result.prompt_tokens, result.seconds, result.truncated) == (20, 1.0, ["0"])


def test_nothing_asked_is_no_result() -> None:
    assert score_run(_SUITE, _run()) is None


def test_a_run_of_other_questions_is_refused() -> None:
    with pytest.raises(ForeignRun, match="other questions"):
        score_run(make_sums(31), _run(_answer(0, "1")))


def test_the_capability_score_is_the_plain_mean() -> None:
    good = score_run(_SUITE, _run(*(_answer(number, str(number + 1)) for number in range(30))))
    bad = score_run(_SUITE, _run(_answer(0, "no"), _answer(1, "2")))
    assert good is not None
    assert bad is not None

    score = capability_score([good, bad])

    assert score.value == pytest.approx(0.75)
    assert score.low < 0.75 < score.high


@dataclass(frozen=True, slots=True, kw_only=True)
class _SumsTogether:
    """Sums that are scored together; alone would be an error."""

    items: Sequence[Item]
    name: str = "sums"

    def score(self, item: Item, answer: Answer) -> Verdict:
        raise AssertionError(f"item {item.id} was scored alone")

    def score_all(self, answered: Sequence[tuple[Item, Answer]]) -> list[Verdict]:
        alone = Sums(items=self.items)
        return [alone.score(item, answer) for item, answer in answered]


def test_a_suite_that_scores_together_is_asked_once_and_not_for_items_without_an_answer() -> None:
    run = _run(_answer(0, "1"), _answer(1, "7"), Record(id="2", error="HTTP 500"), _answer(3, "4"))

    together = score_run(_SumsTogether(items=_SUITE.items), run)

    assert together is not None
    assert [each.passed for each in together.judged] == [True, False, False, True]
    assert together == score_run(_SUITE, run)
