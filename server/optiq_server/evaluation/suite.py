"""What a benchmark is: items that are asked, and the rule by which an answer is scored.

A suite is pure: it reads its data once and asks nobody. Who sends the items, how many at a time and what is
kept of the answers is elsewhere, so a stored answer can be scored again without a model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

JsonObject = Mapping[str, Any]
"""A JSON object as `json.loads` gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question. `id` is unique in its suite; `cluster` groups items that are not independent of each
    other (MMLU's subject), for the confidence interval.

    `messages` and `tools` are those of a chat completion; `reference` is what `score` compares with.
    `reasoning_effort` is the effort that the item itself asks for; it goes before the run's.
    """

    id: str
    cluster: str
    messages: tuple[JsonObject, ...]
    reference: JsonObject
    tools: tuple[JsonObject, ...] = ()
    max_tokens: int = 4096
    reasoning_effort: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call as the server reported it; `arguments` is the unparsed text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one item. `text` is the final channel's; `finish_reason` is the server's own word.

    `earlier` holds the answers before this one, oldest first, where the item took several requests.
    `seconds` is this request's own time, without the pauses before it was tried again.
    """

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    earlier: "tuple[Answer, ...]" = ()

    @property
    def truncated(self) -> bool:
        return self.finish_reason == "length"


class Outcome(StrEnum):
    """How an item ended. UNCHECKABLE counts as failed, and is listed: what cannot be checked is not right."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKABLE = "uncheckable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The score of one answer: by the suite's main rule, and by others that it also reports.

    `also` holds further measures of the same answer by name, such as IFEval's loose accuracy; `parts` those
    that are counted in parts of an item, such as single instructions. `detail` says in a few words why the
    item failed.
    """

    outcome: Outcome
    detail: str = ""
    also: Mapping[str, bool] = field(default_factory=dict)
    parts: Mapping[str, tuple[bool, ...]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED


class Suite(Protocol):
    """A benchmark. `items` are in the benchmark's own order; the same data gives the same items."""

    @property
    def name(self) -> str: ...

    @property
    def items(self) -> Sequence[Item]: ...

    def score(self, item: Item, answer: Answer) -> Verdict: ...


@runtime_checkable
class ScoresTogether(Protocol):
    """What a suite is besides, if scoring takes long and several answers can be scored at a time.

    `score_all` gives what `score` gives for each, in the same order.
    """

    def score_all(self, answered: Sequence[tuple[Item, Answer]]) -> Sequence[Verdict]: ...


@runtime_checkable
class FollowUp(Protocol):
    """What a suite is besides, if its items take more than one request: a function's result comes between.

    `follow_up` gives the messages to add to the item's own and to those added before, or None when `answer`
    is the last one. `answer.earlier` holds the answers before it.
    """

    def follow_up(self, item: Item, answer: Answer) -> Sequence[JsonObject] | None: ...
