"""What goes between the two processes: plain values come through, and nothing that was made to do harm."""

import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_server.evaluation.sandbox.guest.wire import (
    MAX_FRAME_BYTES,
    BrokenFrame,
    Unsendable,
    dump,
    frame,
    load,
    read_frame,
    unframe,
    write_frame,
)

_atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
)
_keys = st.none() | st.booleans() | st.integers() | st.text() | st.tuples(st.integers(), st.text())
_values = st.recursive(
    _atoms,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(_keys, inner)
        | st.sets(_keys)
        | st.frozensets(_keys)
    ),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(_values)
def test_a_plain_value_comes_through_with_its_type(value: object) -> None:
    assert repr(_sorted(load(dump(value)))) == repr(_sorted(value))


def _sorted(value: Any) -> Any:  # noqa: ANN401  # any plain value
    """Sets in a fixed order, so that values can be compared by what they show."""
    if isinstance(value, set | frozenset):
        return (type(value).__name__, sorted(map(repr, value)))
    if isinstance(value, list | tuple):
        return (type(value).__name__, [_sorted(each) for each in value])
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in value.items()}
    return value


@settings(max_examples=50, deadline=None)
@given(
    st.binary() | st.lists(st.text() | st.lists(st.integers())).map(lambda value: json.dumps(value).encode())
)
def test_what_is_no_value_is_a_broken_frame_and_no_other_error(body: bytes) -> None:
    try:
        load(body)
    except BrokenFrame:
        return


def test_integers_of_any_length_come_through() -> None:
    assert load(dump(10**10_000)) == 10**10_000


def test_an_object_is_reduced_to_its_base_type() -> None:
    class Lying(int):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    assert load(dump(Lying(7))) == 7
    assert load(dump(Lying(7))) != 8


@pytest.mark.parametrize("value", [object(), [1, {2: range(3)}], len])
def test_what_is_not_plain_is_not_sent(value: object) -> None:
    with pytest.raises(Unsendable):
        dump(value)


def test_a_value_without_end_is_not_sent() -> None:
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(Unsendable, match="too deeply"):
        dump(endless)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'["set", [["list", []]]]', b'["what", 1]', b'["int", "0x"]']
)
def test_hostile_bodies_are_broken_frames(body: bytes) -> None:
    with pytest.raises(BrokenFrame):
        load(body)


@pytest.mark.parametrize("framed", [b"", b"\0\0\0", frame(b"body")[:-1], frame(b"body") + b"x"])
def test_what_is_not_one_whole_frame_is_broken(framed: bytes) -> None:
    assert unframe(frame(b"body")) == b"body"
    with pytest.raises(BrokenFrame, match="not one frame"):
        unframe(framed)


def test_frames_follow_each_other_on_a_pipe_until_its_end() -> None:
    reader, writer = os.pipe()
    write_frame(writer, b"first")
    write_frame(writer, b"")
    os.close(writer)

    assert [read_frame(reader), read_frame(reader), read_frame(reader)] == [b"first", b"", None]
    os.close(reader)


def test_a_length_beyond_the_limit_is_refused_before_it_is_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, (MAX_FRAME_BYTES + 1).to_bytes(4, "big"))

    with pytest.raises(BrokenFrame, match="more than"):
        read_frame(reader)
    with pytest.raises(BrokenFrame, match="more than"):
        write_frame(writer, bytes(MAX_FRAME_BYTES + 1))
    os.close(reader)
    os.close(writer)
