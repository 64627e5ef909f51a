from hypothesis import given
from hypothesis import strategies as st

from optiq_harmony.conversation import (
    AssistantMessage,
    DeveloperMessage,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_harmony.history import drop_answered_reasoning
from tests.harmony.strategies import messages

_CALL = (ToolCall(name="look", arguments="{}"),)
_ASK = UserMessage(text="ask")
_RESULT = ToolMessage(name="look", text="seen")
_THINK_AND_CALL = AssistantMessage(reasoning="think", tool_calls=_CALL)
_FINAL = AssistantMessage(reasoning="conclude", text="answer")


def _reasonings(messages: tuple[Message, ...]) -> list[str | None]:
    return [message.reasoning for message in messages if isinstance(message, AssistantMessage)]


def test_a_running_tool_loop_keeps_all_its_reasoning() -> None:
    loop = (_ASK, _THINK_AND_CALL, _RESULT, _THINK_AND_CALL, _RESULT)

    assert drop_answered_reasoning(loop) == loop


def test_a_final_drops_its_own_reasoning_and_that_of_its_tool_loop() -> None:
    answered = (_ASK, _THINK_AND_CALL, _RESULT, _FINAL)

    kept = drop_answered_reasoning((*answered, _ASK))

    assert _reasonings(kept) == [None, None]


def test_a_conversation_that_ends_in_a_final_keeps_none() -> None:
    assert _reasonings(drop_answered_reasoning((_ASK, _FINAL))) == [None]


def test_a_tool_loop_after_an_answered_turn_keeps_its_own_reasoning_only() -> None:
    kept = drop_answered_reasoning((_ASK, _FINAL, _ASK, _THINK_AND_CALL, _RESULT))

    assert _reasonings(kept) == [None, "think"]


def test_text_beside_tool_calls_is_a_preamble_and_ends_nothing() -> None:
    together = AssistantMessage(reasoning="think", text="I look.", tool_calls=(*_CALL, *_CALL))
    loop = (_ASK, together, _RESULT, _RESULT)

    assert drop_answered_reasoning(loop) == loop


def test_a_user_or_developer_who_speaks_within_the_loop_does_not_end_it() -> None:
    loop = (_ASK, _THINK_AND_CALL, _RESULT, DeveloperMessage(text="Hurry."), UserMessage(text="And?"))

    assert drop_answered_reasoning(loop) == loop


def test_a_reply_cut_within_its_reasoning_keeps_it() -> None:
    cut = (_ASK, AssistantMessage(reasoning="half a thou", text=""))

    assert drop_answered_reasoning(cut) == cut


@given(conversation=st.lists(messages, max_size=8).map(tuple))
def test_nothing_but_reasoning_is_dropped_and_twice_is_as_good_as_once(
    conversation: tuple[Message, ...],
) -> None:
    kept = drop_answered_reasoning(conversation)

    assert drop_answered_reasoning(kept) == kept
    assert [_without_reasoning(message) for message in kept] == [
        _without_reasoning(message) for message in conversation
    ]


def _without_reasoning(message: Message) -> object:
    return (message.text, message.tool_calls) if isinstance(message, AssistantMessage) else message
