"""Turns of a conversation, and the oldest left out."""

from optiq_harmony.conversation import AssistantMessage, Conversation, DeveloperMessage, UserMessage
from optiq_server.translate.turns import turns_of, without_turns

_RULES = DeveloperMessage(text="rules")
_FIRST = (UserMessage(text="one"), AssistantMessage(text="1"))
_SECOND = (UserMessage(text="two"), DeveloperMessage(text="more rules"))
_THIRD = (UserMessage(text="three"),)
_CONVERSATION = Conversation(messages=(_RULES, *_FIRST, *_SECOND, *_THIRD))


def test_a_turn_goes_from_one_user_message_to_the_next() -> None:
    assert turns_of(_CONVERSATION) == 3
    assert turns_of(Conversation(messages=(_RULES,))) == 0


def test_the_oldest_turns_are_left_out_and_the_instructions_stay() -> None:
    assert without_turns(_CONVERSATION, 0) == _CONVERSATION
    assert without_turns(_CONVERSATION, 1).messages == (_RULES, *_SECOND, *_THIRD)
    assert without_turns(_CONVERSATION, 2).messages == (_RULES, *_THIRD)
