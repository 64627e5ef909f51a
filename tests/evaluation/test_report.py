"""What people and programs are shown."""

import io
import json

from rich.console import Console, RenderableType

from optiq_server.evaluation.comparison import compare
from optiq_server.evaluation.report import (
    comparison_json,
    comparison_table,
    groups_table,
    results_json,
    results_table,
)
from tests.evaluation.results import result_of, right

_RESULT = result_of({**right(0, 1, 2), 3: "5", 4: "why?", 5: None})


def _shown(*tables: RenderableType | None) -> str:
    console = Console(file=io.StringIO(), width=80)
    for table in tables:
        console.print(table)
    text = console.file
    assert isinstance(text, io.StringIO)
    return text.getvalue()


def test_a_table_fits_80_columns_and_tells_all_that_went_wrong() -> None:
    text = _shown(results_table([_RESULT]))

    assert "…" not in text
    assert "6 of 30" in text
    assert "50.0 %" in text
    assert "18.8 to 81.2" in text
    assert "0:05:05" in text
    assert "24 items were not asked" in text
    assert "4 (a question)" in text
    assert "run again to ask them): 5" in text


def test_the_mean_is_shown_for_several_suites() -> None:
    other = result_of({0: "no", 1: "no"}, name="other")

    text = _shown(results_table([_RESULT, other]))

    assert "Capability Score" in text
    assert "25.0 %" in text
    assert "Capability Score" not in _shown(results_table([_RESULT]))


def test_groups_are_shown_where_there_are_several() -> None:
    several = result_of(right(0, 1, 10, 20))

    assert _shown(groups_table(several)).count("100.0 %") == 3
    assert groups_table(_RESULT) is None


def test_items_that_are_each_a_group_of_their_own_are_no_groups() -> None:
    assert groups_table(result_of(right(0, 10, 20))) is None


def test_json_names_every_item_that_is_not_a_plain_pass() -> None:
    written = json.loads(json.dumps(results_json([_RESULT])))

    suite = written["suites"]["sums"]
    assert (suite["items"], suite["planned"], suite["passed"]) == (6, 30, 3)
    assert suite["failed"] == {"3": "found 5", "4": "a question"}
    assert (suite["uncheckable"], suite["errors"]) == ({"4": "a question"}, {"5": "HTTP 500"})
    assert suite["accuracy"]["method"] == "Wilson"
    assert written["capability_score"]["value"] == 0.5


def test_a_comparison_is_shown_with_its_test() -> None:
    comparison = compare([_RESULT], [result_of(right(0, 1, 2, 3), model="better")])

    text = _shown(comparison_table(comparison))

    assert "better minus m" in text
    assert "+25.0" in text
    assert "2 items in one run alone" in text
    assert json.loads(json.dumps(comparison_json(comparison)))["suites"]["sums"]["only_second"] == 1
