"""Lines of a stored run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_server.evaluation.errors import RunDamaged
from optiq_server.evaluation.records import Header, Plan, Record, decode_line, encode_line
from optiq_server.evaluation.suite import Answer, ToolCall

_CALLS = st.builds(ToolCall, name=st.text(), arguments=st.text())
_ANSWERS = st.builds(
    Answer,
    text=st.text(),
    reasoning=st.text(),
    tool_calls=st.lists(_CALLS, max_size=2).map(tuple),
    prompt_tokens=st.integers(0, 10**6),
    seconds=st.floats(0, 1e6),
    earlier=st.lists(st.builds(Answer, text=st.text()), max_size=2).map(tuple),
)
_LINES = st.one_of(
    st.builds(Record, id=st.text(), answer=_ANSWERS),
    st.builds(Record, id=st.text(), error=st.text()),
    st.builds(Plan, limit=st.none() | st.integers(1), sample_seed=st.integers()),
    st.builds(
        Header,
        suite=st.text(),
        fingerprint=st.text(),
        model=st.text(),
        parameters=st.just({"shots": 5}),
        settings=st.just({"temperature": 0.5, "max_tokens": None}),
    ),
)


@given(line=_LINES)
def test_a_line_is_read_as_it_was_written(line: Header | Plan | Record) -> None:
    text = encode_line(line)

    assert "\n" not in text
    assert decode_line(text) == line


def test_a_record_is_an_answer_or_an_error() -> None:
    with pytest.raises(ValueError, match="either an answer or an error"):
        Record(id="1")
    with pytest.raises(ValueError, match="either an answer or an error"):
        Record(id="1", answer=Answer(text=""), error="no")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"kind":"record"}',
        '{"kind":"record","id":"1"}',
        '{"kind":"header","format":1}',
        "nonsense",
    ],
)
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(RunDamaged, match="no line of a stored run"):
        decode_line(text)


def test_another_format_is_refused_by_its_number() -> None:
    with pytest.raises(RunDamaged, match="format 2; this version reads 1"):
        decode_line('{"kind":"header","format":2}')
