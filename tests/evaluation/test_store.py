"""Stored runs on a real disk."""

from dataclasses import replace
from pathlib import Path

import pytest

from optiq_server.evaluation.errors import ForeignRun, RunDamaged
from optiq_server.evaluation.records import Header, Plan, Record
from optiq_server.evaluation.store import open_run, read_run
from optiq_server.evaluation.suite import Answer

_HEADER = Header(suite="sums", fingerprint="ab", model="m", parameters={}, settings={"seed": 0})
_PLAN = Plan(limit=None, sample_seed=0)


def _record(name: str, text: str = "1") -> Record:
    return Record(id=name, answer=Answer(text=text))


def _write(path: Path, *records: Record) -> None:
    with open_run(path, _HEADER, _PLAN) as writer:
        for record in records:
            writer.append(record)


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "sums.jsonl"

    _write(path, _record("a"), Record(id="b", error="HTTP 500"))

    run = read_run(path)
    assert (run.header, run.plan) == (_HEADER, _PLAN)
    assert run.records == {"a": _record("a"), "b": Record(id="b", error="HTTP 500")}


def test_a_record_is_on_the_disk_before_the_run_ends(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"

    with open_run(path, _HEADER, _PLAN) as writer:
        writer.append(_record("a"))

        assert read_run(path).records == {"a": _record("a")}


def test_a_run_that_is_opened_again_knows_its_records_and_the_last_plan_is_in_force(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"
    _write(path, _record("a"))
    later = Plan(limit=3, sample_seed=1)

    with open_run(path, _HEADER, later) as writer:
        assert writer.records == {"a": _record("a")}
        writer.append(_record("a", "2"))

    run = read_run(path)
    assert run.plan == later
    assert run.records == {"a": _record("a", "2")}


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_line_that_a_crash_cut_short_is_dropped_and_written_over(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "sums.jsonl"
    _write(path, _record("a"), _record("b"))
    path.write_bytes(path.read_bytes()[:-cut])

    assert read_run(path).records == {"a": _record("a")}
    _write(path, _record("c"))

    assert read_run(path).records == {"a": _record("a"), "c": _record("c")}


def test_a_header_that_a_crash_cut_short_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"
    path.write_text('{"kind":"header","form')

    _write(path, _record("a"))

    assert read_run(path).records == {"a": _record("a")}


def test_a_damaged_line_inside_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"
    _write(path, _record("a"))
    path.write_text(path.read_text() + "broken\n")

    with pytest.raises(RunDamaged, match=r"sums\.jsonl, line 4"):
        read_run(path)


@pytest.mark.parametrize("text", ["my notes", "my notes\n"])
def test_a_file_that_is_no_run_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sums.jsonl"
    path.write_text(text)

    with pytest.raises(RunDamaged, match=r"no (stored run|line of a stored run)"):
        _write(path)

    assert path.read_text() == text


@pytest.mark.parametrize(
    ("field", "value"),
    [("fingerprint", "cd"), ("model", "other"), ("settings", {"seed": 1}), ("parameters", {"shots": 0})],
)
def test_a_foreign_run_is_refused_by_the_field_that_differs(
    tmp_path: Path, field: str, value: object
) -> None:
    path = tmp_path / "sums.jsonl"
    _write(path, _record("a"))
    before = path.read_bytes()

    with (
        pytest.raises(ForeignRun, match=f"its {field} is .* choose another --out"),
        open_run(path, replace(_HEADER, **{field: value}), _PLAN),  # type: ignore[arg-type]  # any field
    ):
        pass

    assert path.read_bytes() == before


def test_a_run_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"

    with (
        open_run(path, _HEADER, _PLAN),
        pytest.raises(RunDamaged, match="being written by another run"),
        open_run(path, _HEADER, _PLAN),
    ):
        pass


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(RunDamaged, match="cannot be written: File exists; choose another --out"):
        _write(tmp_path / "file" / "sums.jsonl")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunDamaged, match="cannot be read"):
        read_run(tmp_path / "none.jsonl")
