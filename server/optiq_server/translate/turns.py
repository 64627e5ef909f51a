"""The turns of a conversation: what the user says, and all that follows until the user speaks again. Pure.

What stands before the first turn, the instructions, belongs to none.
"""

from dataclasses import replace

from optiq_harmony.conversation import Conversation, UserMessage


def turns_of(conversation: Conversation) -> int:
    """How many turns there are."""
    return len(_beginnings(conversation))


def without_turns(conversation: Conversation, count: int) -> Conversation:
    """The conversation without its `count` oldest turns, fewer than it has."""
    beginnings = _beginnings(conversation)
    if count == 0:
        return conversation
    messages = conversation.messages
    return replace(conversation, messages=(*messages[: beginnings[0]], *messages[beginnings[count] :]))


def _beginnings(conversation: Conversation) -> list[int]:
    return [index for index, each in enumerate(conversation.messages) if isinstance(each, UserMessage)]
