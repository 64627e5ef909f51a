"""Lines out of bytes, and progress out of lines."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_server.jobs.job import Progress
from optiq_server.jobs.talk import LineReader, progress_of

_LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1)


@given(lines=st.lists(_LINE), cuts=st.sets(st.integers(0, 200)))
def test_lines_are_the_same_whatever_pieces_they_come_in(lines: list[str], cuts: set[int]) -> None:
    said = "".join(f"{line}\n" for line in lines).encode()
    places = [0, *sorted(cut for cut in cuts if cut < len(said)), len(said)]
    reader = LineReader()

    told = [line for start, end in itertools.pairwise(places) for line in reader.feed(said[start:end])]

    assert told == lines
    assert reader.finish() == []


def test_a_progress_bar_is_many_lines_and_the_last_one_needs_no_end() -> None:
    reader = LineReader()

    assert reader.feed(b"10%\r20%\r\n\n30") == ["10%", "20%"]
    assert reader.finish() == ["30"]


def test_a_line_that_does_not_end_takes_no_memory() -> None:
    reader = LineReader()
    for _ in range(100):
        reader.feed(b"x" * 10_000)

    (line,) = reader.feed(b"\n")

    assert 0 < len(line) <= 4096


def test_progress_is_one_object_a_line() -> None:
    line = '{"phase": "measuring", "done": 3, "total": 10, "seconds_left": null}'

    assert progress_of(line) == Progress(phase="measuring", done=3, total=10)


@pytest.mark.parametrize(
    "line",
    [
        "measuring",
        "{",
        "{}",
        "[1]",
        '{"phase": 1, "done": 1, "total": 1}',
        '{"phase": "a", "done": "1", "total": 1}',
        '{"phase": "a", "done": true, "total": 1}',
        '{"phase": "a", "done": NaN, "total": 1}',
        '{"phase": "a", "done": 1}',
    ],
)
def test_anything_else_is_for_the_log(line: str) -> None:
    assert progress_of(line) is None
