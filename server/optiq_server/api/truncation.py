"""Leaves out the oldest turns of a conversation that is too long for the model, where the client asks."""

from bisect import bisect_left
from dataclasses import replace

from optiq_harmony.conversation import Conversation
from optiq_server.api.services import Services
from optiq_server.dialect.protocol import UnrenderableConversation
from optiq_server.translate.job import Job
from optiq_server.translate.structure import unrenderable
from optiq_server.translate.turns import turns_of, without_turns

_REPLY_ROOM = 1024
"""In tokens: less is no answer. What the client bounds lower needs no more than its bound."""


def truncated(services: Services, job: Job, *, context_length: int) -> Job:
    """The job with as few turns left out as make room for a reply; the last turn stays, whatever its length.

    Raises InvalidRequest if the conversation cannot be rendered.
    """
    room = min(job.max_tokens or _REPLY_ROOM, _REPLY_ROOM, context_length // 2)
    turns = turns_of(job.conversation)

    def fits(dropped: int) -> bool:
        prompt = services.dialect.render(without_turns(job.conversation, dropped))
        return len(prompt.ids) + room <= context_length

    try:
        # Each render encodes the whole conversation, so few are tried.
        dropped = bisect_left(range(max(turns - 1, 0)), True, key=fits)
    except UnrenderableConversation as error:
        raise unrenderable(error, job.names) from error
    conversation: Conversation = without_turns(job.conversation, dropped)
    return replace(job, conversation=conversation)
