"""What a message header says: whom the message is for, and what in it is wrong. Pure; it knows no token ids.

A header is what a model writes between `<|start|>` and `<|message|>`. Harmony wants

    assistant [to=functions.NAME] <|channel|>CHANNEL [to=functions.NAME] [[<|constrain|>]CONTENT_TYPE]

and models write more than that. A closed header, one that `<|message|>` ends, is read word by word:

Rule 1: the first word is the role, and the first after `<|channel|>` the channel, unless it is a `to=`.
        A later `<|channel|>` replaces an earlier one. Where no channel is said, the name of one that stands
        elsewhere is taken for it.

Rule 2: `to=X` names the recipient wherever it stands, and so does a bare `functions.X`. The first wins.
        `functions.` is taken off, as often as it is written. assistant, user and all are no functions.

Rule 3: one other word is the content type. More of them are faults, and are not shown: they are a header's.

Rule 4: a channel that begins like analysis is analysis, in any case of letters, so that what a model thinks
        is not shown by a slip of its spelling. Any other unknown channel is shown: no text is lost.

A header that something else than `<|message|>` ends was meant to have one, so that a body may follow in the
same text. It is stranded:

Rule 5: it loses its header words from the front, where they can be told from prose, and what remains is the
        body. An unknown role or channel is told from prose by standing alone in its place.

Rule 6: at the end of a cut reply, half a header word is not a body either.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from optiq_harmony.events import Fault, FaultKind


class Part(Enum):
    """What precedes a piece of header text."""

    ROLE = auto()
    """`<|start|>`"""
    CHANNEL = auto()
    """`<|channel|>`"""
    CONTENT_TYPE = auto()
    """`<|constrain|>`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of header text between two control tokens, as bytes, for it may end inside a character."""

    part: Part
    text: bytes


class Channel(StrEnum):
    """Harmony's three channels."""

    ANALYSIS = "analysis"
    COMMENTARY = "commentary"
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where a message goes. `channel` is None where none is known, `function` where no function is called."""

    channel: Channel | None
    function: str | None
    faults: tuple[Fault, ...]


def read_header(pieces: Sequence[Piece], *, role_given: bool) -> Header:
    """A closed header, by rules 1 to 4. `role_given` tells that `assistant` was written before the pieces."""
    words = _Words(role="assistant" if role_given else None)
    for piece in pieces:
        _read_piece(words, piece, role_given=role_given)
    return _interpret(words)


def split_header(pieces: Sequence[Piece], *, role_given: bool, cut: bool) -> tuple[Header, bytes]:
    """A stranded header and the body in it, by rules 5 and 6; `cut` tells that the reply ended here."""
    words = _Words(role="assistant" if role_given else None)
    body = ""
    for piece in pieces:
        text = _text(piece)
        body += text if body else _take_words(words, _take_name(words, text, piece.part), piece.part).lstrip()
    if cut and _is_half_a_word(body, words, pieces[-1].part):
        body = ""
    return _interpret(words), body.encode(errors="surrogateescape")


@dataclass(slots=True, kw_only=True)
class _Words:
    """A header's words by what they are, as they are found."""

    role: str | None
    channel: str | None = None
    loose_channel: str | None = None
    recipients: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)


_CHANNEL_NAMES = frozenset(Channel)
_CONTENT_TYPES = ("json", "code")
_NOT_FUNCTIONS = frozenset({"assistant", "user", "all"})
_NAMESPACE = "functions."


def _text(piece: Piece) -> str:
    # What is no UTF-8 yet is escaped, so that a body comes back byte for byte.
    return piece.text.decode(errors="surrogateescape")


def _read_piece(words: _Words, piece: Piece, *, role_given: bool) -> None:
    # `commentaryto=` comes from a lost space.
    said = _text(piece).replace("to=", " to=").split()
    names_itself = bool(said) and not said[0].startswith("to=")
    if piece.part is Part.ROLE and names_itself:
        said[:1] = _read_role(words, said[0], role_given=role_given)
    elif piece.part is Part.CHANNEL:
        _name_channel(words, said.pop(0) if names_itself else "")
    for word in said:
        _read_word(words, word)


def _read_role(words: _Words, word: str, *, role_given: bool) -> list[str]:
    """Takes the role off `word` and returns what is left, as words."""
    if word.startswith("assistant"):
        if role_given:
            words.extra.append("assistant")
        words.role = "assistant"
        return list(filter(None, [word.removeprefix("assistant")]))
    if role_given or word in _CHANNEL_NAMES:
        return [word]
    words.role = word
    return []


def _name_channel(words: _Words, name: str) -> None:
    if words.channel is not None:
        words.extra.append(f"<|channel|>{words.channel}")
    words.channel = name


def _read_word(words: _Words, word: str) -> None:
    if word.startswith("to=") and word != "to=":
        words.recipients.append(word.removeprefix("to="))
    elif word.startswith(_NAMESPACE):
        words.recipients.append(word)
        words.extra.append(word)
    elif word in _CHANNEL_NAMES and not words.channel:
        words.loose_channel = word
    elif word == "to=":
        words.extra.append(word)
    else:
        words.others.append(word)


_ALONE = r"(?=\s*(?:to=|$))"
_ASSISTANT = re.compile(r"\s*assistant")
_ASSISTANT_AGAIN = re.compile(r"\s*assistant(?=\s*(?:to=|analysis|commentary|final|$))")
_KNOWN_CHANNEL = re.compile(r"\s*(analysis|commentary|final|analy\w*)", re.IGNORECASE)
_UNKNOWN_NAME = re.compile(rf"\s*([\w.:-]{{1,64}}){_ALONE}", re.ASCII)
# Prose may begin with "final" too, but then goes on in small letters or after a space.
_LOOSE_CHANNEL = re.compile(rf"\s*(analysis|commentary|final)(?:{_ALONE}|(?=[^a-z\s]))")
_RECIPIENT = re.compile(r"""\s*to=([^\s<>()\[\]{}"]+)""")
_CONTENT_TYPE = re.compile(rf"\s*({'|'.join(_CONTENT_TYPES)})(?![a-z0-9_])")


def _take_name(words: _Words, text: str, part: Part) -> str:
    """Takes a role or a channel off the front of stranded `text`, and returns the rest."""
    if part is Part.CONTENT_TYPE:
        return text
    if part is Part.CHANNEL:
        match = _KNOWN_CHANNEL.match(text) or _UNKNOWN_NAME.match(text)
        _name_channel(words, match[1] if match else "")
    elif words.role == "assistant":
        match = _ASSISTANT_AGAIN.match(text)
    else:
        match = _ASSISTANT.match(text) or (None if _LOOSE_CHANNEL.match(text) else _UNKNOWN_NAME.match(text))
        words.role = match[0].strip() if match else None
    return text[match.end() :] if match else text


def _take_words(words: _Words, text: str, part: Part) -> str:
    """Takes the other header words off the front of stranded `text`, and returns the rest."""
    if part is Part.ROLE and (match := _LOOSE_CHANNEL.match(text)):
        words.loose_channel = match[1]
        text = text[match.end() :]
    while match := _RECIPIENT.match(text):
        words.recipients.append(match[1])
        text = text[match.end() :]
    if _may_have_content_type(words, part) and (match := _CONTENT_TYPE.match(text)):
        words.others.append(match[1])
        text = text[match.end() :]
    return text


def _may_have_content_type(words: _Words, part: Part) -> bool:
    # Elsewhere "code" may well be the answer's first word.
    return part is Part.CONTENT_TYPE or bool(words.recipients)


def _is_half_a_word(body: str, words: _Words, part: Part) -> bool:
    candidates = ("to=", *(_CONTENT_TYPES if _may_have_content_type(words, part) else ()))
    return any(candidate.startswith(body.rstrip()) for candidate in candidates)


def _interpret(words: _Words) -> Header:
    channel, channel_faults = _interpret_channel(words)
    function, recipient_faults = _interpret_recipients(words.recipients)
    faults: list[Fault] = []
    if words.role != "assistant":
        faults.append(_fault(FaultKind.ROLE, words.role or "no role"))
    # The content type may be said twice; a second one may not.
    extra = [*words.extra, *list(dict.fromkeys(words.others))[1:]]
    if extra:
        faults.append(_fault(FaultKind.HEADER, " ".join(extra)))
    return Header(channel=channel, function=function, faults=(*faults, *channel_faults, *recipient_faults))


def _interpret_channel(words: _Words) -> tuple[Channel | None, list[Fault]]:
    name = words.channel or words.loose_channel
    if words.channel in _CHANNEL_NAMES:
        return Channel(words.channel), []
    if not name:
        return None, [_fault(FaultKind.CHANNEL, "no channel")]
    near = next((channel for channel in Channel if name.casefold().startswith(channel[:5])), None)
    return near, [_fault(FaultKind.CHANNEL, name)]


def _interpret_recipients(recipients: Sequence[str]) -> tuple[str | None, list[Fault]]:
    if not recipients:
        return None, []
    names = [_function_name(recipient) for recipient in recipients]
    function = _clean(names[0]) or None
    well_formed = recipients[0] in _NOT_FUNCTIONS or (function and recipients[0] == _NAMESPACE + names[0])
    if well_formed and len(set(names)) == 1:
        return function, []
    detail = " ".join(f"to={recipient}" for recipient in recipients)
    return function, [_fault(FaultKind.RECIPIENT, detail)]


def _function_name(recipient: str) -> str:
    """The function that `recipient` names; empty where it names none."""
    if recipient in _NOT_FUNCTIONS:
        return ""
    while recipient.startswith(_NAMESPACE):
        recipient = recipient.removeprefix(_NAMESPACE)
    return recipient


def _fault(kind: FaultKind, detail: str) -> Fault:
    return Fault(kind=kind, detail=_clean(detail))


def _clean(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")
