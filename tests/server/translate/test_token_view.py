"""Tokens and events as they are shown."""

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_harmony.constraint import GrammarCompiler
from optiq_harmony.events import Fault, FaultKind, MessageEnd, Stop, StopReason, TextDelta, ToolCallDelta
from optiq_harmony.tokens import ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.translate.token_view import parsed_tokens, token_views
from tests.server.doubles import ScriptedParser

_ASTRONAUT = "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}"


@pytest.fixture(name="dialect", scope="module")
def _dialect(vocabulary: Vocabulary) -> HarmonyDialect:
    compiler: Future[GrammarCompiler] = Future()
    return HarmonyDialect(vocabulary, current_date=date(2026, 1, 31), compiler=compiler)


def _shown(dialect: HarmonyDialect, tokens: Sequence[int]) -> list[tuple[object, object]]:
    return [(view["kind"], view["text"]) for view in token_views(dialect, tokens)]


def test_a_character_of_several_tokens_is_the_last_ones_text(dialect: HarmonyDialect) -> None:
    tokens = dialect.encode_text(_ASTRONAUT)

    shown = _shown(dialect, tokens)

    assert "".join(str(text) for _, text in shown) == _ASTRONAUT
    assert ("partial", "") in shown


def test_a_character_that_never_ends_is_shown_as_broken(dialect: HarmonyDialect) -> None:
    partial = next(token for token in range(256) if dialect.token_bytes(token) == b"\xe2")

    shown = _shown(dialect, [partial, ControlToken.END])

    assert shown == [("text", "\N{REPLACEMENT CHARACTER}"), ("control", "<|end|>")]


def test_a_control_token_is_one_and_its_spelling_is_text(dialect: HarmonyDialect) -> None:
    assert _shown(dialect, dialect.encode_written("<|end|>")) == [("control", "<|end|>")]
    assert {kind for kind, _ in _shown(dialect, dialect.encode_text("<|end|>"))} == {"text"}


@given(text=st.text())
def test_the_texts_of_all_tokens_are_the_text(dialect: HarmonyDialect, text: str) -> None:
    shown = _shown(dialect, dialect.encode_text(text))

    assert "".join(str(piece) for _, piece in shown) == text


def test_events_and_faults_have_the_index_of_their_token() -> None:
    parser = ScriptedParser(
        [
            (),
            (TextDelta(text="a"), Fault(kind=FaultKind.CHANNEL, detail="no channel")),
            (ToolCallDelta(index=0, arguments="{}"), Stop(reason=StopReason.CALL)),
        ],
        at_end=(MessageEnd(complete=False),),
    )

    told = parsed_tokens(parser, [7, 1, 2], start=1)

    assert told.events == [
        {"token": 1, "type": "text", "text": "a"},
        {"token": 2, "type": "tool_call_arguments", "index": 0, "arguments": "{}"},
        {"token": 2, "type": "stop", "reason": "call"},
        {"token": 2, "type": "message_end", "complete": False},
    ]
    assert told.faults == [{"token": 1, "message": "channel: no channel"}]


def test_a_reply_without_a_token_tells_nothing() -> None:
    told = parsed_tokens(ScriptedParser([], at_end=(MessageEnd(complete=False),)), [1, 2], start=2)

    assert (told.events, told.faults) == ([], [])
