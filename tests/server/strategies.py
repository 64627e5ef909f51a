"""Replies as a parser tells them, drawn by hypothesis."""

from hypothesis import strategies as st

from optiq_harmony.events import Event, MessageEnd, ReasoningDelta, TextDelta, ToolCallDelta, ToolCallStart
from optiq_server.engine.types import EndReason, Tokens
from optiq_server.translate.reply import Finished, Piece, Reply
from tests.server.doubles import ended

_TEXTS = st.text(max_size=4)


@st.composite
def event_tokens(draw: st.DrawFn) -> list[tuple[Event, ...]]:
    """Events of several messages, one token at a time."""
    tokens: list[tuple[Event, ...]] = []
    calls = 0
    for kind in draw(st.lists(st.sampled_from(["reasoning", "text", "call"]), max_size=5)):
        texts = draw(st.lists(_TEXTS, max_size=4))
        tokens.append(())
        match kind:
            case "reasoning":
                tokens += [(ReasoningDelta(text=text),) for text in texts]
            case "text":
                tokens += [(TextDelta(text=text),) for text in texts]
            case _:
                tokens.append((ToolCallStart(index=calls, name="f"),))
                tokens += [(ToolCallDelta(index=calls, arguments=text),) for text in texts]
                calls += 1
        tokens.append((MessageEnd(complete=True),))
    return tokens


def read_in_groups(
    reply: Reply, groups: list[tuple[int, ...]], reason: EndReason
) -> tuple[list[Piece], Finished]:
    """All pieces of a reply whose tokens come in these groups, and how it finished."""
    pieces = [piece for ids in groups for piece in reply.read(Tokens(ids=ids))]
    rest, outcome = reply.end(ended(reason))
    assert isinstance(outcome, Finished)
    return pieces + rest, outcome
