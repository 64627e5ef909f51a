from collections.abc import Mapping, Sequence

import pytest

from optiq_server.dialect.markers import Marker
from optiq_server.dialect.tool_text import ToolFormat, WrittenCall, read_calls


def _format(result: object) -> ToolFormat:
    def parse(_: str, __: Sequence[Mapping[str, object]]) -> object:
        if isinstance(result, Exception):
            raise result
        return result

    return ToolFormat(start=Marker(text="<a>", parts=("<a>",)), end=None, parse=parse)


def _read(result: object) -> tuple[WrittenCall, ...]:
    return read_calls("text", _format(result), [])


def test_a_call_and_several_are_read() -> None:
    one = {"name": "f", "arguments": {"ä": [1, None]}}

    assert _read(one) == (WrittenCall(name="f", arguments='{"ä": [1, null]}'),)
    assert [call.name for call in _read([one, one | {"name": "g"}])] == ["f", "g"]


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ({"name": "f"}, "{}"),
        ({"name": "f", "parameters": {"a": 1}}, '{"a": 1}'),
        ({"name": "f", "arguments": '{"a":1}'}, '{"a": 1}'),
    ],
)
def test_arguments_may_be_missing_be_named_otherwise_or_be_text(call: object, arguments: str) -> None:
    assert _read(call) == (WrittenCall(name="f", arguments=arguments),)


@pytest.mark.parametrize(
    "result",
    [
        None,
        "f",
        [],
        {},
        {"name": ""},
        {"name": 1, "arguments": {}},
        {"name": "f", "arguments": [1]},
        {"name": "f", "arguments": "{"},
        {"name": "f", "arguments": {"a": float("nan")}},
        {"name": "f", "arguments": {"a": {1}}},
        [{"name": "f"}, {"nam": "g"}],
        ValueError("no"),
        SyntaxError("no"),
        IndexError("no"),
        OverflowError("no"),
        RecursionError("no"),
    ],
)
def test_what_is_no_call_as_a_whole_is_none(result: object) -> None:
    assert _read(result) == ()
