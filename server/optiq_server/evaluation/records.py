"""The lines of a stored run, as values and as JSON. Pure.

A run's file holds one header, then plans and answers in the order in which they came. The last plan is the
one in force, and the last answer of an item is its answer.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from optiq_server.evaluation.errors import RunDamaged
from optiq_server.evaluation.suite import Answer, ToolCall

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a run is of. Answers with different headers may not be mixed.

    `fingerprint` is that of all items of the suite, whatever limit there is; `parameters` are those by which
    the suite was made, `settings` those by which the model answered.
    """

    suite: str
    fingerprint: str
    model: str
    parameters: Mapping[str, Any]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which items are asked: all, or `limit` of them drawn with `sample_seed`."""

    limit: int | None
    sample_seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An item's answer, or why there is none."""

    id: str
    answer: Answer | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        if (self.answer is None) == (self.error is None):
            raise ValueError(f"item {self.id}: either an answer or an error is needed")


Line: TypeAlias = Header | Plan | Record
_KINDS: dict[type[Line], str] = {Header: "header", Plan: "plan", Record: "record"}


def encode_line(line: Line) -> str:
    """One line, without its end."""
    fields: dict[str, Any] = {"kind": _KINDS[type(line)]}
    if isinstance(line, Header):
        fields["format"] = FORMAT
    fields.update((name, value) for name, value in asdict(line).items() if value is not None)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def decode_line(text: str) -> Line:
    """Raises RunDamaged."""
    try:
        fields = json.loads(text)
        kind = fields.pop("kind")
        if kind == "header":
            return _header(fields)
        if kind == "plan":
            return Plan(limit=fields.get("limit"), sample_seed=fields["sample_seed"])
        answer = fields.get("answer")
        return Record(
            id=fields["id"],
            answer=None if answer is None else _answer(answer),
            error=fields.get("error"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunDamaged(f"this is no line of a stored run: {text[:80]!r} ({error!r})") from error


def _header(fields: dict[str, Any]) -> Header:
    written = fields.pop("format")
    if written != FORMAT:
        raise RunDamaged(f"the stored run has format {written}; this version reads {FORMAT}")
    return Header(**fields)


def _answer(fields: dict[str, Any]) -> Answer:
    calls = tuple(ToolCall(**call) for call in fields.pop("tool_calls"))
    earlier = tuple(_answer(each) for each in fields.pop("earlier"))
    return Answer(**fields, tool_calls=calls, earlier=earlier)
