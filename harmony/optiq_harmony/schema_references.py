"""Where the references of a JSON schema lead, and what that means for its recursion and its branches."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import unquote

from optiq_harmony.schema_keywords import JsonValue

Path: TypeAlias = tuple[str, ...]

_SCALARS = frozenset({"null", "boolean", "integer", "number", "string"})


def resolve(root: JsonValue, reference: object) -> tuple[Path, Any] | None:
    """The path and value that `#...` points to in `root`: a JSON pointer (RFC 6901) or an anchor.

    None if there is nothing, or if the reference leads out of this schema.
    """
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    fragment = unquote(reference[1:])
    if fragment and not fragment.startswith("/"):
        return next(_anchored(root, fragment), None)
    path = tuple(step.replace("~1", "/").replace("~0", "~") for step in fragment.split("/")[1:])
    value = root
    for step in path:
        value = _step(value, step)
        if value is _NOTHING:
            return None
    return path, value


def merged_target(root: JsonValue, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """`schema` with what its reference leads to, its own words first; itself without a reference."""
    seen: set[Path] = set()
    while "$ref" in schema:
        target = resolve(root, schema["$ref"])
        own = {key: value for key, value in schema.items() if key != "$ref"}
        if target is None or target[0] in seen or not isinstance(target[1], Mapping):
            return own
        seen.add(target[0])
        schema = {**target[1], **own}
    return schema


_NOTHING = object()


def _step(value: JsonValue, step: str) -> JsonValue:
    if isinstance(value, Mapping):
        return value.get(step, _NOTHING)
    if isinstance(value, list | tuple) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return _NOTHING


def _anchored(root: JsonValue, anchor: str) -> Iterator[tuple[Path, Any]]:
    pending: list[tuple[Path, Any]] = [((), root)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, Mapping):
            if value.get("$anchor") == anchor:
                yield path, value
            pending.extend(((*path, str(key)), inner) for key, inner in value.items())
        elif isinstance(value, list | tuple):
            pending.extend(((*path, str(index)), inner) for index, inner in enumerate(value))


def endless_reference(root: JsonValue, places: Sequence[Any]) -> Path | None:
    """The target of a reference that no finite value can satisfy, or None.

    Such is a node whose required child is a node again. `places` are the schema's parts. The targets with
    finite values are found as the least fixed point: those that need no reference, then those that need only
    these, and so on.
    """
    found = (resolve(root, place.get("$ref")) for place in places if isinstance(place, Mapping))
    targets = {target[0]: target[1] for target in found if target is not None}
    finite: set[Path] = set()
    while True:
        new = {
            path
            for path, schema in targets.items()
            if path not in finite and _has_finite_value(root, schema, finite)
        }
        if not new:
            break
        finite |= new
    return next((path for path in targets if path not in finite), None)


def _has_finite_value(root: JsonValue, schema: JsonValue, finite: set[Path]) -> bool:
    if not isinstance(schema, Mapping):
        return True
    target = resolve(root, schema.get("$ref"))
    if target is not None and target[0] not in finite:
        return False
    if not all(_has_finite_value(root, part, finite) for part in schema.get("allOf", ())):
        return False
    for key in ("anyOf", "oneOf"):
        if key in schema and not any(_has_finite_value(root, part, finite) for part in schema[key]):
            return False
    return all(_has_finite_value(root, part, finite) for part in _needed_parts(schema))


def _needed_parts(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas of the members that every value must have."""
    types = schema.get("type", tuple(_SCALARS))
    if not _SCALARS.isdisjoint([types] if isinstance(types, str) else types):
        return
    properties = schema.get("properties", {})
    yield from (properties[name] for name in schema.get("required", ()) if name in properties)
    prefix = schema.get("prefixItems", ())
    least = schema.get("minItems", 0)
    yield from prefix[:least]
    if least > len(prefix) and isinstance(schema.get("items"), Mapping):
        yield schema["items"]


def distinct_branches(branches: JsonValue, root: JsonValue) -> bool:
    """Whether a required property with its own constants tells all `branches` apart, through references.

    Then oneOf means the same as anyOf. Such are the tagged unions of pydantic and zod.
    """
    if not isinstance(branches, list | tuple):
        return False
    tags = [_tags(branch, root) for branch in branches]
    shared = set.intersection(*(set(tag) for tag in tags)) if tags else set()
    return any(_disjoint([tag[name] for tag in tags]) for name in shared)


def _tags(schema: JsonValue, root: JsonValue) -> dict[str, frozenset[str]]:
    """The required properties of an object schema that can only be one of some strings, with these."""
    facts = merged_target(root, schema) if isinstance(schema, Mapping) else {}
    if facts.get("type") != "object":
        return {}
    properties = facts.get("properties", {})
    tags = {}
    for name in facts.get("required", ()):
        constants = _constants(properties.get(name), root)
        if constants:
            tags[name] = constants
    return tags


def _constants(schema: JsonValue, root: JsonValue) -> frozenset[str]:
    if not isinstance(schema, Mapping):
        return frozenset()
    facts = merged_target(root, schema)
    values = [facts["const"]] if "const" in facts else facts.get("enum", ())
    return frozenset(values) if all(isinstance(value, str) for value in values) else frozenset()


def _disjoint(sets: Sequence[frozenset[str]]) -> bool:
    return sum(map(len, sets)) == len(frozenset().union(*sets))
