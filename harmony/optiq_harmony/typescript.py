"""JSON schemas as the TypeScript types in which harmony shows functions to the model.

Where openai-harmony 0.0.8 renders a schema faithfully, this gives the same text, token for token, since the
model was trained on it; even an object's description comes twice. Where it writes `any`, drops a part or says
something else than the schema ($ref, anyOf, allOf, const, enums of numbers, null, tuples, comments of several
lines, additionalProperties, arrays of unions), this writes TypeScript that says it.

References are written in place. One that leads back to itself gets a type of its own, and so does one that
would be written very deeply or very often, so that no schema can make a prompt explode. What a schema bounds
(formats, lengths, ranges) is not shown, as there; the grammar enforces it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optiq_harmony.schema_keywords import JsonValue
from optiq_harmony.schema_references import Path, merged_target, resolve
from optiq_harmony.schema_remarks import (
    comment,
    default_remark,
    description_of,
    example_lines,
    literal,
    trailing,
    variant_remarks,
)

_MAX_INLINE_DEPTH = 32
"""Levels of types inside types down to which references are written in place."""

_MAX_INLINED = 256
"""References of one function that are written in place: a chain of diamonds would double with each link."""

_MAX_SEARCHED = 20_000
"""Values looked at, for one function, in search of references that lead back."""

_PLAIN_KEY = re.compile(r"""[^\s"'`?:;,{}\[\]]+""")
_NOT_OF_NAMES = re.compile(r"[^A-Za-z0-9_]+")
_SCALAR_TYPES = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
}


class TypeWriter:
    """Writes the types of one function's schema; `prefix` begins the names of types that it has to invent."""

    def __init__(self, root: JsonValue, *, prefix: str) -> None:
        self._root = root
        self._prefix = prefix
        self._names: dict[Path, str] = {}
        self._taken: set[str] = set()
        self._unwritten: list[Path] = []
        self._inlined = 0
        self._searched = 0
        self._depth = 0

    def type_of(self, schema: JsonValue, indent: str = "") -> str:
        """The type of `schema`, whose later lines begin with `indent`."""
        self._depth += 1
        text = self._type_of(schema, indent)
        self._depth -= 1
        return text

    def _type_of(self, schema: JsonValue, indent: str) -> str:
        if isinstance(schema, bool):
            return "any" if schema else "never"
        if not isinstance(schema, Mapping):
            return "any"
        if "$ref" in schema:
            return self._reference(schema, indent)
        for key, write in (("oneOf", self._variants), ("anyOf", self._union), ("allOf", self._intersection)):
            parts = schema.get(key)
            if isinstance(parts, Sequence) and not isinstance(parts, str) and parts:
                return write(schema, parts, indent)
        return self._plain(schema, indent)

    def named_types(self) -> list[tuple[str, str]]:
        """Name and type of each type that had to be invented, and of those that these need, once each."""
        done: list[tuple[str, str]] = []
        while self._unwritten:
            path = self._unwritten.pop(0)
            done.append((self._names[path], self.type_of(_at(self._root, path))))
        return done

    def _reference(self, schema: Mapping[str, Any], indent: str) -> str:
        target = resolve(self._root, schema["$ref"])
        if target is None:
            return "any"
        path = target[0]
        crowded = self._depth >= _MAX_INLINE_DEPTH or self._inlined >= _MAX_INLINED
        if path not in self._names and (crowded or self._leads_back(path)):
            self._names[path] = self._new_name(path)
            self._unwritten.append(path)
        if path in self._names:
            return self._names[path]
        self._inlined += 1
        return self.type_of(merged_target(self._root, schema), indent)

    def _leads_back(self, path: Path) -> bool:
        seen: set[Path] = set()
        pending = [_at(self._root, path)]
        while pending:
            self._searched += 1
            if self._searched > _MAX_SEARCHED:
                return True  # A name too many is only less pretty.
            value = pending.pop()
            if isinstance(value, Mapping):
                target = resolve(self._root, value.get("$ref"))
                if target is not None and target[0] == path:
                    return True
                if target is not None and target[0] not in seen:
                    seen.add(target[0])
                    pending.append(target[1])
                pending.extend(inner for key, inner in value.items() if key not in ("$defs", "definitions"))
            elif isinstance(value, list | tuple):
                pending.extend(value)
        return False

    def _new_name(self, path: Path) -> str:
        base = _NOT_OF_NAMES.sub("_", f"{self._prefix}_{path[-1] if path else 'arguments'}")
        name = base if base not in self._taken else f"{base}_{len(self._taken)}"
        self._taken.add(name)
        return name

    def _plain(self, schema: Mapping[str, Any], indent: str) -> str:
        if "const" in schema:
            return literal(schema["const"])
        types = _types(schema)
        values = schema.get("enum")
        if isinstance(values, Sequence) and not isinstance(values, str) and values:
            return " | ".join(literal(value) for value in values if _admits(types, value)) or "never"
        if not types:
            return "any"
        return " | ".join(dict.fromkeys(self._of_type(name, schema, indent) for name in types))

    def _of_type(self, name: str, schema: Mapping[str, Any], indent: str) -> str:
        match name:
            case "object":
                return self._object(schema, indent)
            case "array":
                return self._array(schema, indent)
            case _:
                return _SCALAR_TYPES.get(name, "any")

    def _variants(self, schema: Mapping[str, Any], parts: Sequence[Any], indent: str) -> str:
        return "".join(
            f"\n{indent} | {self._nullable(part, indent + '   ')}{trailing(variant_remarks(part))}"
            for part in parts
        )

    def _union(self, schema: Mapping[str, Any], parts: Sequence[Any], indent: str) -> str:
        texts = [self._nullable(part, indent + "   ") for part in parts]
        if any("\n" in text for text in texts) and len(texts) > 1:
            return self._variants(schema, parts, indent)
        return " | ".join(dict.fromkeys(texts))

    def _intersection(self, schema: Mapping[str, Any], parts: Sequence[Any], indent: str) -> str:
        own = {key: value for key, value in schema.items() if key != "allOf"}
        if "properties" in own:
            parts = [own, *parts]
        texts = [self.type_of(part, indent) for part in parts]
        return texts[0] if len(texts) == 1 else " & ".join(_grouped(text) for text in texts)

    def _nullable(self, schema: JsonValue, indent: str) -> str:
        text = self.type_of(schema, indent)
        wanted = isinstance(schema, Mapping) and schema.get("nullable") is True
        return f"{text} | null" if wanted and "null" not in text else text

    def _array(self, schema: Mapping[str, Any], indent: str) -> str:
        prefix = schema.get("prefixItems")
        items = schema.get("items")
        if isinstance(items, list | tuple):
            prefix, items = items, schema.get("additionalItems")
        if isinstance(prefix, list | tuple) and prefix:
            parts = [self.type_of(part, indent) for part in prefix]
            if items is not False:
                parts.append(f"...{_grouped(self.type_of(True if items is None else items, indent))}[]")
            return f"[{', '.join(parts)}]"
        if items is None:
            return "Array<any>"
        return f"{_grouped(self.type_of(items, indent))}[]"

    def _object(self, schema: Mapping[str, Any], indent: str) -> str:
        head = "".join(f"{line}\n" for line in comment(schema.get("description"), indent))
        return head + "{\n" + "".join(f"{line}\n" for line in self._members(schema, indent)) + f"{indent}}}"

    def _members(self, schema: Mapping[str, Any], indent: str) -> Iterator[str]:
        properties = schema.get("properties")
        required = schema.get("required")
        required = required if isinstance(required, list | tuple) else ()
        for name, member in properties.items() if isinstance(properties, Mapping) else ():
            key = name if _PLAIN_KEY.fullmatch(name) else literal(name)
            yield from self._member(key if name in required else f"{key}?", member, indent)
        patterns = schema.get("patternProperties")
        for pattern, member in patterns.items() if isinstance(patterns, Mapping) else ():
            yield f"{indent}[key: string]: {self._nullable(member, indent + '    ')}, // keys match {pattern}"
        rest = schema.get("additionalProperties")
        if isinstance(rest, Mapping):
            yield f"{indent}[key: string]: {self._nullable(rest, indent + '    ')},"

    def _member(self, key: str, schema: JsonValue, indent: str) -> Iterator[str]:
        facts = merged_target(self._root, schema) if isinstance(schema, Mapping) else {}
        yield from comment(facts.get("title"), indent)
        if isinstance(facts.get("title"), str):
            yield f"{indent}//"
        variants = facts.get("oneOf")
        if isinstance(variants, list | tuple) and variants:
            yield from self._variant_member(key, facts, variants, indent)
            return
        yield from comment(facts.get("description"), indent)
        yield from example_lines(facts, indent)
        remark = default_remark(facts)
        text = self._nullable(schema, indent + "    ")
        yield f"{indent}{key}: {text},{trailing([] if remark is None else [remark])}"

    def _variant_member(
        self, key: str, facts: Mapping[str, Any], variants: Sequence[Any], indent: str
    ) -> Iterator[str]:
        yield from example_lines(facts, indent)
        said = facts.get("description")
        above = isinstance(said, str) and said != description_of(variants[0])
        if above:
            yield from comment(said, indent)
        remark = default_remark(facts)
        if remark is not None:
            yield f"{indent}// {remark}"
        yield f"{indent}{key}:"
        for index, variant in enumerate(variants):
            said_already = (index == 0 and above) or description_of(variant) == said
            remarks = variant_remarks(variant, described=not said_already, bare_enum=True)
            yield f"{indent} | {self._nullable(variant, indent + '   ')}{trailing(remarks)}"
        if facts.get("nullable") is True:
            yield f"{indent} | null"
        yield f"{indent},"


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    types = schema.get("type")
    if isinstance(types, str):
        return (types,)
    if isinstance(types, list | tuple):
        return tuple(name for name in types if isinstance(name, str))
    if "properties" in schema or "additionalProperties" in schema:
        return ("object",)
    return ("array",) if "items" in schema or "prefixItems" in schema else ()


def _admits(types: tuple[str, ...], value: object) -> bool:
    names = {
        bool: ("boolean",),
        int: ("integer", "number"),
        float: ("number",),
        str: ("string",),
        list: ("array",),
        dict: ("object",),
    }
    return not types or any(name in types for name in names.get(type(value), ("null",)))


def _grouped(text: str) -> str:
    """`text` in parentheses if an operator beside it would bind more tightly than its own."""
    braces = 0
    for character in text:
        braces += (character in "{[(<") - (character in "}])>")
        if braces == 0 and character in "|&":
            return f"({text})"
    return text


def _at(root: JsonValue, path: Path) -> JsonValue:
    for step in path:
        root = root[int(step)] if isinstance(root, list | tuple) else root[step]
    return root
