"""What a JSON schema tells about itself, as harmony puts it into TypeScript comments."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optiq_harmony.schema_keywords import JsonValue

_EXPONENT = re.compile(r"e\+?(-?)0*(\d)")


def comment_lines(text: str, indent: str = "") -> list[str]:
    """`text` as line comments."""
    lines = re.split(r"\r?\n", text)
    return [f"{indent}// {line}" for line in (lines if lines[-1] else lines[:-1])]


def comment(text: object, indent: str) -> list[str]:
    """`text` as line comments, and as an empty one if it is empty; none if it is no text."""
    if not isinstance(text, str):
        return []
    return comment_lines(text, indent) or [f"{indent}// "]


def example_lines(facts: Mapping[str, Any], indent: str) -> Iterator[str]:
    """A comment for each of the schema's examples."""
    examples = facts.get("examples")
    if isinstance(examples, list | tuple) and examples:
        yield f"{indent}// Examples:"
        yield from (f"{indent}// - {literal(example)}" for example in examples)


def description_of(schema: JsonValue) -> str | None:
    text = schema.get("description") if isinstance(schema, Mapping) else None
    return text if isinstance(text, str) else None


def variant_remarks(schema: JsonValue, *, described: bool = True, bare_enum: bool = False) -> list[str]:
    """What is said behind a branch of a union: its description if `described`, and its default."""
    if not isinstance(schema, Mapping):
        return []
    description = description_of(schema) if described else None
    default = default_remark(schema, bare_enum=bare_enum)
    return [remark for remark in (description, default) if remark is not None]


def default_remark(schema: Mapping[str, Any], *, bare_enum: bool = True) -> str | None:
    """The default, quoted as JSON, except that harmony leaves the quotes of an enum's value away."""
    if "default" not in schema:
        return None
    value = schema["default"]
    if bare_enum and isinstance(value, str) and schema.get("enum"):
        return f"default: {value}"
    return f"default: {literal(value)}"


def trailing(remarks: Sequence[str]) -> str:
    """`remarks` as the comment at a line's end."""
    # Behind a type the comment must stay on its line.
    return f" // {' '.join(' '.join(remarks).splitlines())}" if remarks else ""


def literal(value: object) -> str:
    """`value` as JSON, with numbers written as openai-harmony's serde does."""
    if isinstance(value, float):
        return _EXPONENT.sub(r"e\1\2", repr(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
