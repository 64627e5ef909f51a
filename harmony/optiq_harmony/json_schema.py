"""Which JSON schemas can be enforced on a reply, and how llguidance is told. Knows no harmony.

What llguidance 1.9.1 does, found by trying each keyword (tests/harmony/test_json_schema.py repeats it):

    enforced     type, enum, const, anyOf, allOf, $ref within the schema (also recursive), $anchor;
                 oneOf where no value can match two branches
                 properties (in the order declared), required, additionalProperties,
                 patternProperties (disjoint), minProperties and maxProperties (where each of
                 properties is required; 1 also elsewhere)
                 items, prefixItems, additionalItems, minItems, maxItems
                 minLength, maxLength, pattern (no look-around, back-references, word borders), format
                 minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf
    annotations  title, description, default, examples, ... and any word that no draft of JSON Schema defines
    refused      not, if/then/else, dependent*, contains, min/maxContains, propertyNames, unevaluated*,
                 uniqueItems, $dynamicRef, $recursiveRef; references out of the schema

Two departures remain: keys come in the order declared, undeclared ones after them; and an undeclared key can
come twice, which JSON permits.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from llguidance import LLMatcher

from optiq_harmony.conversation import JsonSchema
from optiq_harmony.schema_keywords import FORMATS, SUBSCHEMAS, UNSUPPORTED, VALUES, JsonValue, Nesting
from optiq_harmony.schema_references import distinct_branches, endless_reference, resolve
from optiq_harmony.structure_errors import SchemaError

Path: TypeAlias = tuple[str, ...]

MAX_DEPTH = 64
"""Levels of JSON nesting, two for each object in an object. OpenAI allows objects ten deep; llguidance's
parser stops at 128 levels."""

MAX_NODES = 20_000
"""Values in a schema, at any depth: OpenAI's limit of 5,000 properties has room; they compile in a second."""

MAX_LEVELS = 600
"""Schemas inside schemas, if all that is referred to stood inside each other. llguidance recurses on
the native stack, some 5 kB a level, and would end the process at 1,300 levels."""

MAX_PROPERTIES = 1_000
"""Properties of one object. Compilation grows with their square: 1,000 take a second."""

_WHITESPACE = r" |\n {0,24}"
"""Between JSON tokens: nothing, a space, or a line break with an indent. The model writes `{"a":1}`,
`{"a": 1}` or indented lines; unbounded white space is where a constrained model rambles for ever."""

_OPTIONS: Mapping[str, object] = {"whitespace_pattern": _WHITESPACE}
_STRUCTURAL = frozenset({"type", "properties", "items"})
"""Without these a schema says so little that almost any other fault vanishes: blamed last."""

_MAX_LOCATING_TRIALS = 200
"""Compilations (about 1 ms each) spent on finding which part of a refused schema is to blame."""


def check_schema(schema: JsonSchema | bool) -> None:
    """Raises SchemaError if `schema` is invalid or asks for what cannot be enforced on every reply."""
    grammar_schema(schema)


def grammar_schema(schema: JsonSchema | bool) -> str:
    """`schema` as JSON text for llguidance's `%json`, with our rule for white space. Raises SchemaError."""
    check_size(schema)
    result = _enforceable(json.dumps(schema))
    if isinstance(result, SchemaError):
        raise SchemaError(keyword=result.keyword, path=result.path, reason=result.reason)
    return result


def lenient_grammar_schema(schema: JsonSchema) -> str | None:
    """`schema` without what cannot be enforced; None if no part of it can be used."""
    try:
        check_size(schema)
        _check_work(schema, list(_places(schema)))
    except SchemaError:
        return None
    text = json.dumps(dict(schema) | {"x-guidance": {**_OPTIONS, "lenient": True}})
    return text if _compile_error(text) is None else None


@lru_cache(maxsize=1024)  # Clients send the same schemas with every request; this is a pure function of them.
def _enforceable(text: str) -> str | SchemaError:
    schema = json.loads(text)
    try:
        places = list(_places(schema))
        for path, place in places:
            _check_place(schema, path, place)
        _check_work(schema, places)
        endless = endless_reference(schema, [place for _, place in places])
        if endless is not None:
            raise _error((*endless, "$ref"), "no finite value matches: the reference always leads back here")
        rewritten = json.dumps(_rewritten(schema, schema) | {"x-guidance": _OPTIONS})
        reason = _compile_error(rewritten)
        if reason is not None:
            raise _located(schema, places, reason)
    except SchemaError as error:
        return error
    return rewritten


def _rewritten(schema: JsonValue, root: JsonValue) -> dict[str, Any]:
    """The same set of values, said in the words that llguidance knows."""
    if isinstance(schema, bool):
        return {} if schema else {"enum": []}
    return {key: _rewritten_value(key, value, root) for key, value in _said_once(schema, root)}


def _said_once(schema: Mapping[str, Any], root: JsonValue) -> Iterator[tuple[str, Any]]:
    for key, value in schema.items():
        if key == "uniqueItems" and value is False:
            continue
        if key == "oneOf" and "anyOf" not in schema and distinct_branches(value, root):
            yield "anyOf", value
        else:
            yield key, value


def _rewritten_value(key: str, value: JsonValue, root: JsonValue) -> JsonValue:
    def inner(sub: JsonValue) -> JsonValue:
        return sub if isinstance(sub, bool) else _rewritten(sub, root)

    if key in ("$defs", "definitions"):
        return {name: inner(sub) for name, sub in value.items()}
    match SUBSCHEMAS.get(key):
        case Nesting.ONE:
            return inner(value)
        case Nesting.MAP:
            return {name: inner(sub) for name, sub in value.items()}
        case Nesting.LIST:
            return [inner(sub) for sub in value]
        case Nesting.ONE_OR_LIST:
            return [inner(sub) for sub in value] if isinstance(value, list | tuple) else inner(value)
        case None:
            return value


def check_size(schema: object) -> None:
    """Raises SchemaError if `schema` is nested too deeply or has too many values to work on."""
    if schema is False:
        raise _error((), "no value matches `false`")
    pending: list[tuple[Path, object]] = [((), schema)]
    nodes = 0
    while pending:
        path, value = pending.pop()
        nodes += 1
        if len(path) > MAX_DEPTH:
            raise _error(path, f"it is nested deeper than {MAX_DEPTH} levels")
        if nodes > MAX_NODES:
            raise _error((), f"it has more than {MAX_NODES} values")
        if isinstance(value, Mapping):
            pending.extend(((*path, str(key)), inner) for key, inner in value.items())
        elif isinstance(value, list | tuple):
            pending.extend(((*path, str(index)), inner) for index, inner in enumerate(value))


def _places(root: JsonSchema | bool) -> Iterator[tuple[Path, Any]]:
    """Every subschema that can matter, with its path: those below the root, and those referred to."""
    pending: list[tuple[Path, Any]] = [((), root)]
    seen: set[Path] = set()
    while pending:
        path, schema = pending.pop()
        if path in seen:
            continue
        seen.add(path)
        yield path, schema
        if isinstance(schema, Mapping):
            pending.extend(_below(path, schema))
            target = resolve(root, schema.get("$ref"))
            if target is not None:
                pending.append(target)


def _below(path: Path, schema: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    for key, value in schema.items():
        nesting = SUBSCHEMAS.get(key)
        if nesting is None:
            continue
        if isinstance(value, Mapping) and nesting is Nesting.MAP:
            yield from (((*path, key, name), sub) for name, sub in value.items())
        elif isinstance(value, list | tuple) and nesting in (Nesting.LIST, Nesting.ONE_OR_LIST):
            yield from (((*path, key, str(index)), sub) for index, sub in enumerate(value))
        elif nesting in (Nesting.ONE, Nesting.ONE_OR_LIST):
            yield (*path, key), value
        else:
            raise _error((*path, key), f"it must be {nesting.value}")


def _check_work(root: JsonValue, places: list[tuple[Path, Any]]) -> None:
    """Raises SchemaError if compilation would take too long, or recurse too deeply."""
    targets = {}
    for path, schema in places:
        if not isinstance(schema, Mapping):
            continue
        properties = schema.get("properties")
        if isinstance(properties, Mapping) and len(properties) > MAX_PROPERTIES:
            raise _error((*path, "properties"), f"it has more than {MAX_PROPERTIES} properties")
        target = resolve(root, schema.get("$ref"))
        if target is not None:
            targets[target[0]] = target[1]
    # No path of compilation enters a target twice.
    if _levels(root) + sum(map(_levels, targets.values())) > MAX_LEVELS:
        raise _error((), f"its definitions, inside each other, are more than {MAX_LEVELS} levels deep")


def _levels(schema: JsonValue) -> int:
    deepest = 0
    pending = [(1, schema)]
    while pending:
        level, value = pending.pop()
        deepest = max(deepest, level)
        if isinstance(value, Mapping):
            pending.extend((level + 1, inner) for _, inner in _below((), value))
    return deepest


def _check_place(root: JsonSchema | bool, path: Path, schema: object) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise _error(path, f"{_shown(schema)} is not a schema; a schema is an object or a boolean")
    for key, value in schema.items():
        if key in UNSUPPORTED and not (key == "uniqueItems" and value is False):
            raise _error((*path, key), f"the keyword {key!r} is not supported")
        rule = VALUES.get(key)
        if rule is not None and not rule.holds(value):
            raise _error((*path, key), f"{_shown(value)} is not {rule.legal}")
        if key == "$ref" and resolve(root, value) is None:
            raise _error((*path, key), f"{_shown(value)} is not found in this schema")
    if _may_be_text(schema) and schema.get("format", FORMATS[0]) not in FORMATS:
        legal = ", ".join(FORMATS)
        raise _error((*path, "format"), f"the format {_shown(schema['format'])} is not one of {legal}")


def _may_be_text(schema: Mapping[str, Any]) -> bool:
    types = schema.get("type", "string")
    return types == "string" or (isinstance(types, list | tuple) and "string" in types)


@lru_cache(maxsize=1024)  # Clients send the same tools with every request.
def _compile_error(text: str) -> str | None:
    """Why llguidance refuses the schema `text`; None if it takes it."""
    message = LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(text))
    if message.startswith("oneOf"):
        return "branches of oneOf that may match the same value are not supported; use anyOf"
    # The regex parser shows the pattern with a pointer first, on lines of its own.
    return " ".join(message.rpartition("\nerror: ")[2].split()) or None


def _located(root: JsonValue, places: list[tuple[Path, Any]], reason: str) -> SchemaError:
    """The error of the smallest part that is refused on its own, and of the keyword that makes it so."""
    blamed: Path = ()
    for path, place in sorted(places, key=lambda item: -len(item[0]))[:_MAX_LOCATING_TRIALS]:
        found = _reason_alone(root, place)
        if found is not None:
            blamed, reason = path, found
            break
    schema = next(place for path, place in places if path == blamed)
    keywords = schema if isinstance(schema, Mapping) else {}
    for key in sorted(keywords, key=lambda keyword: keyword in _STRUCTURAL):
        if _reason_alone(root, {name: value for name, value in schema.items() if name != key}) is None:
            return _error((*blamed, key), reason)
    return _error(blamed, reason)


def _reason_alone(root: JsonValue, part: JsonValue) -> str | None:
    if isinstance(part, bool):
        return None
    definitions = {key: root[key] for key in ("$defs", "definitions") if key in root}
    reason = _compile_error(json.dumps(_rewritten(definitions | dict(part), root)))
    # A reference to elsewhere than the definitions has lost its target here, which is nobody's fault.
    return None if reason is not None and "does not exist" in reason else reason


def _error(path: Path, reason: str) -> SchemaError:
    return SchemaError(keyword=path[-1] if path else "", path=".".join(path), reason=reason)


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
