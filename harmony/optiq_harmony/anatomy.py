"""What each token of a written conversation belongs to: its message, role and channel. For people who look.

It never raises and never judges: what is malformed is the parser's to tell, and has its place all the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from optiq_harmony.tokens import FIRST_SPECIAL_TOKEN, STOP_TOKENS, ControlToken

_ENDS = STOP_TOKENS | {ControlToken.END}
_ROLES = ("system", "developer", "user", "assistant")
_ASSISTANT = "assistant"
_TOOL = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a token stands. Messages are counted from 0; None is what cannot be told."""

    message: int | None = None
    role: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """The tokens from `start` to `end`; `header_end` is where its role has been said."""

    start: int
    end: int
    header_end: int
    role: str
    channel: str | None


def places(tokens: Sequence[int], token_bytes: Callable[[int], bytes]) -> list[Place]:
    """One place for each token. Tokens without a `<|start|>` before them are a reply's: the assistant's."""
    return [
        place
        for index, message in enumerate(_messages(tokens, token_bytes))
        for place in [Place(message=index, role=message.role, channel=message.channel)]
        * (message.end - message.start)
    ]


def reply_start(tokens: Sequence[int], token_bytes: Callable[[int], bytes]) -> int:
    """Where the model's last reply begins: behind the `<|start|>assistant` that follows all other roles."""
    messages = _messages(tokens, token_bytes)
    if not tokens or tokens[0] != ControlToken.START:
        return 0
    others = [index for index, message in enumerate(messages) if message.role != _ASSISTANT]
    following = messages[others[-1] + 1 :] if others else messages
    return following[0].header_end if following else len(tokens)


def _messages(tokens: Sequence[int], token_bytes: Callable[[int], bytes]) -> list[_Message]:
    bounds = _bounds(tokens)
    return [_message(tokens, start, end, token_bytes) for start, end in pairwise(bounds)]


def _bounds(tokens: Sequence[int]) -> list[int]:
    """Where messages begin, and the end of all of them."""
    bounds = [0]
    in_body = False
    for index, token in enumerate(tokens):
        begins = token == ControlToken.START or (in_body and token == ControlToken.CHANNEL)
        if begins and index > bounds[-1]:
            bounds.append(index)
        in_body = token == ControlToken.MESSAGE or (in_body and not begins)
        if token in _ENDS:
            bounds.append(index + 1)
            in_body = False
    return bounds if bounds[-1] == len(tokens) else [*bounds, len(tokens)]


def _message(tokens: Sequence[int], start: int, end: int, token_bytes: Callable[[int], bytes]) -> _Message:
    first = start + 1 if tokens[start] == ControlToken.START else start
    header_end = _next_control(tokens, first, end)
    said = _text(tokens[first:header_end], token_bytes)
    return _Message(
        start=start,
        end=end,
        header_end=header_end,
        role=_role(said) if first > start else _ASSISTANT,
        channel=_channel(tokens, start, end, token_bytes),
    )


def _role(said: str) -> str:
    """Of the first words of a header; a tool's message begins with the tool's name."""
    return next(
        (role for role in _ROLES if said.strip().startswith(role)), _TOOL if said.strip() else _ASSISTANT
    )


def _channel(tokens: Sequence[int], start: int, end: int, token_bytes: Callable[[int], bytes]) -> str | None:
    for index in range(start, end):
        if tokens[index] == ControlToken.MESSAGE:
            return None
        if tokens[index] == ControlToken.CHANNEL:
            words = _text(tokens[index + 1 : _next_control(tokens, index + 1, end)], token_bytes).split()
            return words[0] if words else None
    return None


def _next_control(tokens: Sequence[int], start: int, end: int) -> int:
    return next((index for index in range(start, end) if tokens[index] >= FIRST_SPECIAL_TOKEN), end)


def _text(tokens: Sequence[int], token_bytes: Callable[[int], bytes]) -> str:
    return b"".join(map(token_bytes, tokens)).decode(errors="replace")
