"""The text that is measured on, as prompts of token ids in three parts that share no prompt.

MEASURE prices the formats, SELECT chooses between allocations, REPORT is only ever reported on. The text is
that of the package, lines of JSON with conversations, or plain text that is cut into windows. How text
becomes tokens is the model's own matter: see `Speech`.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from optiq_harmony.conversation import Conversation
from optiq_quant.chat_lines import ChatLine, parse_chat_line
from optiq_quant.errors import CalibrationUnusable
from optiq_quant.measuring import tokens_fingerprint

Prompt = tuple[int, ...]

_LEAST_TOKENS = 2
"""A shorter prompt has no token that follows another."""


class Part(StrEnum):
    """What a prompt may be used for."""

    MEASURE = "measure"
    SELECT = "select"
    REPORT = "report"


_TURNS = (Part.MEASURE, Part.SELECT, Part.MEASURE, Part.REPORT)
"""Where the text does not say it: half of the prompts measure, and neighbours stand in different parts."""


class Speech(Protocol):
    """How a model's text becomes tokens. Both raise ValueError for what it cannot take."""

    def encode_text(self, text: str) -> Sequence[int]: ...

    def encode_chat(self, conversation: Conversation) -> Sequence[int]:
        """The conversation as a model that wrote its last message has seen it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is taken: plain text in windows of `window` tokens, no prompt longer than `longest`, and of
    each part as many prompts as hold at most `tokens` together (None: all)."""

    window: int = 512
    longest: int = 2048
    tokens: Mapping[Part, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        limits = [("window", self.window), ("longest", self.longest), *self.tokens.items()]
        for name, value in limits:
            if value < _LEAST_TOKENS:
                raise ValueError(f"{name} is {value}; it must be at least {_LEAST_TOKENS} tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationText:
    """The prompts of each part; `origin` tells people where they come from."""

    parts: Mapping[Part, tuple[Prompt, ...]]
    origin: str

    @property
    def fingerprint(self) -> str:
        return tokens_fingerprint([prompt for part in Part for prompt in (*self.parts[part], ())])

    def tokens(self, part: Part) -> int:
        return sum(map(len, self.parts[part]))

    def some(self, part: Part, tokens: int) -> tuple[Prompt, ...]:
        """Prompts of a part that hold at most so many tokens, spread over all; at least one."""
        return _within(self.parts[part], tokens) or self.parts[part][:1]


def shipped_text(speech: Speech, extent: Extent) -> CalibrationText:
    """The package's own conversations. Raises CalibrationUnusable."""
    folder = files("optiq_quant").joinpath("calibration")
    lines: list[tuple[str, str]] = []
    for file in sorted(folder.iterdir(), key=lambda each: each.name) if folder.is_dir() else []:
        if file.name.endswith(".jsonl"):
            lines += _numbered(file.name, file.read_text(encoding="utf-8"))
    return _divided(_chat_prompts(lines, speech), extent, "the package's conversations")


def text_of_file(path: Path, speech: Speech, extent: Extent) -> CalibrationText:
    """The text of a file: conversations if its name ends in `.jsonl`, else plain text.

    Raises CalibrationUnusable, which names the file, the line and the field.
    """
    text = _read_text(path)
    if path.suffix == ".jsonl":
        prompts = _chat_prompts(_numbered(str(path), text), speech)
    else:
        prompts = ((None, window) for window in _windows(text, speech, extent.window, place=str(path)))
    # What is written of it goes to others: where the file lies is nobody else's business.
    return replace(_divided(prompts, extent, str(path)), origin=path.name)


def prompts_of_file(path: Path, speech: Speech, extent: Extent, *, is_plain: bool) -> list[Prompt]:
    """All prompts of a file, whatever parts they belong to: windows of plain text, or conversations.

    Raises CalibrationUnusable.
    """
    text = _read_text(path)
    if is_plain:
        prompts = list(_windows(text, speech, extent.window, place=str(path)))
    else:
        prompts = [prompt for _, prompt in _chat_prompts(_numbered(str(path), text), speech)]
    usable = [prompt[: extent.longest] for prompt in prompts if len(prompt) >= _LEAST_TOKENS]
    if not usable:
        raise CalibrationUnusable(f"{path} holds no prompt of at least {_LEAST_TOKENS} tokens")
    return usable


def _windows(text: str, speech: Speech, size: int, *, place: str) -> Iterator[Prompt]:
    """The text's tokens, `size` at a time; a rest that is shorter than half of that is left out."""
    try:
        ids = speech.encode_text(text)
    except ValueError as error:
        raise CalibrationUnusable(f"{place}: {error}") from error
    for first in range(0, len(ids), size):
        window = tuple(ids[first : first + size])
        if first == 0 or 2 * len(window) >= size:
            yield window


def _read_text(path: Path) -> str:
    """Raises CalibrationUnusable."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationUnusable(f"{path} cannot be read as text: {error}") from error


def _numbered(name: str, text: str) -> list[tuple[str, str]]:
    """Places and lines, empty ones left out."""
    lines = enumerate(text.split("\n"), 1)
    return [(f"{name}, line {number}", line) for number, line in lines if line.strip()]


def _chat_prompts(lines: Iterable[tuple[str, str]], speech: Speech) -> Iterator[tuple[Part | None, Prompt]]:
    for place, text in lines:
        line = parse_chat_line(text, place=place)
        try:
            ids = speech.encode_chat(line.conversation)
        except ValueError as error:
            raise CalibrationUnusable(f"{place}: {error}") from error
        yield _part(line, place), tuple(ids)


def _part(line: ChatLine, place: str) -> Part | None:
    try:
        return None if line.split is None else Part(line.split)
    except ValueError:
        legal = ", ".join(Part)
        raise CalibrationUnusable(f"{place}: split is {line.split!r}; legal are {legal}") from None


def _divided(prompts: Iterable[tuple[Part | None, Prompt]], extent: Extent, origin: str) -> CalibrationText:
    """A prompt that stands there twice, or that begins like another one, is taken once."""
    parts: dict[Part, list[Prompt]] = {part: [] for part in Part}
    turns = itertools.cycle(_TURNS)
    seen: set[Prompt] = set()
    for stated, whole in prompts:
        prompt = whole[: extent.longest]
        if len(prompt) < _LEAST_TOKENS or prompt in seen:
            continue
        seen.add(prompt)
        parts[stated or next(turns)].append(prompt)
    limited = {part: _within(parts[part], extent.tokens.get(part)) for part in Part}
    for part, taken in limited.items():
        if not taken:
            raise CalibrationUnusable(
                f"{origin}: no prompt is left for the part {part.value!r}; at least four different prompts "
                f"of {_LEAST_TOKENS} tokens are needed, or more tokens allowed (they are cut off at "
                f"{extent.longest} tokens, and of those that are equal then one is taken)"
            )
    return CalibrationText(parts=limited, origin=origin)


def _within(prompts: Sequence[Prompt], tokens: int | None) -> tuple[Prompt, ...]:
    """As many as fit, spread over all: topics stand together."""
    if tokens is None or sum(map(len, prompts)) <= tokens:
        return tuple(prompts)
    taken, left = [], tokens
    for index in _spread(len(prompts)):
        if len(prompts[index]) <= left:
            taken.append(index)
            left -= len(prompts[index])
    return tuple(prompts[index] for index in sorted(taken))


def _spread(count: int) -> list[int]:
    """0 ... count - 1 such that each beginning of it is spread evenly: by the fractional golden section."""
    golden = 0.6180339887498949
    return sorted(range(count), key=lambda index: (index * golden) % 1.0)
