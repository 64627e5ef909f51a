from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_server.dialect.markers import BrokenCharacter, Found, Marker, MarkerReader, Stray, marker_of

_CONTROL = {300: "<think>", 301: "</think>", 302: "<|channel>", 303: "<|end|>"}


class _Bytes:
    """A token for each byte, and some control tokens."""

    control_tokens: Mapping[int, str] = _CONTROL

    def token_bytes(self, token: int) -> bytes:
        return [bytes([byte]) for byte in range(256)][token]


THINK = marker_of("<think>", _CONTROL)
CHANNEL = marker_of("<|channel>thought", _CONTROL)
CALL = marker_of("<tool_call>", _CONTROL)


def found(tokens: Iterable[int], *markers: Marker) -> list[Found]:
    """What a reader finds, neighbouring texts joined."""
    reader = MarkerReader(_Bytes(), markers)
    pieces = [each for token in tokens for each in reader.feed(token)] + list(reader.flush())
    joined: list[Found] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def test_a_mark_is_made_of_the_control_tokens_and_the_text_that_it_is_written_with() -> None:
    assert THINK.parts == (300,)
    assert CHANNEL.parts == (302, "thought")
    assert CALL.parts == ("<tool_call>",)


def test_a_mark_of_one_token_is_found_by_its_id_and_its_letters_are_text() -> None:
    assert found([*b"a", 300, *b"<think>"], THINK) == ["a", THINK, "<think>"]


def test_a_mark_of_letters_is_found_over_any_tokens() -> None:
    assert found(b"a<tool_call>{}<tool_", CALL) == ["a", CALL, "{}<tool_"]


def test_a_mark_that_begins_with_a_control_token_is_found_with_the_letters_behind_it() -> None:
    assert found([*b"a", 302, *b"thought\nb"], CHANNEL) == ["a", CHANNEL, "\nb"]
    assert found([302, *b"final"], CHANNEL) == ["<|channel>final"]


def test_the_beginning_of_a_mark_is_held_back_and_nothing_more() -> None:
    reader = MarkerReader(_Bytes(), [CALL])

    told = [list(reader.feed(token)) for token in b"ab<t<too."]

    assert told == [["a"], ["b"], [], [], ["<t"], [], [], [], ["<too."]]


def test_other_control_tokens_and_ids_without_a_token_are_stray() -> None:
    assert found([303, *b"a", 302, 9999, -300], THINK) == [
        Stray(detail="<|end|>"),
        "a",
        Stray(detail="<|channel>"),
        Stray(detail="token 9999"),
        Stray(detail="token -300"),
    ]


@pytest.mark.parametrize("end", [(), (300,)])
def test_a_character_that_is_not_finished_is_told_before_what_follows(end: tuple[int, ...]) -> None:
    told = found([*b"a", *"€".encode()[:2], *end], THINK)

    assert told[:3] == ["a", BrokenCharacter(), "\ufffd"]


@given(st.lists(st.sampled_from(["<tool_call>", "<tool_call", "<", "x", "€", "tool_call>", "<<tool_call>>"])))
def test_text_and_marks_together_are_the_text_that_was_written(pieces: list[str]) -> None:
    written = "".join(pieces)

    told = found(written.encode(), CALL)

    assert "".join(each.text if isinstance(each, Marker) else str(each) for each in told) == written
    assert sum(isinstance(each, Marker) for each in told) == written.count("<tool_call>")
