"""JSON schemas as hypothesis draws them: of every keyword that can be enforced, and satisfiable."""

from typing import Any, TypeAlias

from hypothesis import strategies as st

Schema: TypeAlias = dict[str, Any]

_names = st.sampled_from(["a", "b", "size", "die Größe", 'q"uote', "x-1", "日本"])
_scalars = (
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.sampled_from(["", "red", 'a "b"\n', "日"])
)


@st.composite
def _strings(draw: st.DrawFn) -> Schema:
    schema: Schema = {"type": "string"}
    kind = draw(st.sampled_from(["plain", "length", "pattern", "format"]))
    if kind == "length":
        schema["minLength"] = draw(st.integers(0, 3))
        schema["maxLength"] = schema["minLength"] + draw(st.integers(0, 5))
    elif kind == "pattern":
        schema["pattern"] = draw(st.sampled_from(["^[a-z]{2,4}$", "^\\d{3}-\\d{4}$", "^(a|b)+$"]))
    elif kind == "format":
        schema["format"] = draw(st.sampled_from(["date", "uuid", "ipv4"]))
    return schema


@st.composite
def _numbers(draw: st.DrawFn) -> Schema:
    schema: Schema = {"type": draw(st.sampled_from(["integer", "number"]))}
    if draw(st.booleans()):
        schema["minimum"] = draw(st.integers(-50, 50))
    if draw(st.booleans()):
        schema["maximum"] = schema.get("minimum", 0) + draw(st.integers(0, 50))
    return schema


_leaves: st.SearchStrategy[Schema] = st.one_of(
    _strings(),
    _numbers(),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}]),
    st.builds(lambda value: {"const": value}, _scalars),
    st.builds(lambda values: {"enum": values}, st.lists(_scalars, min_size=1, max_size=3)),
)


@st.composite
def _arrays(draw: st.DrawFn, items: st.SearchStrategy[Schema]) -> Schema:
    schema: Schema = {"type": "array", "items": draw(items), "minItems": draw(st.integers(0, 2))}
    schema["maxItems"] = schema["minItems"] + draw(st.integers(0, 2))
    return schema


@st.composite
def object_schemas(draw: st.DrawFn, members: st.SearchStrategy[Schema] = _leaves) -> Schema:
    properties = draw(st.dictionaries(_names, members, max_size=3))
    required = [name for name in properties if draw(st.booleans())]
    schema: Schema = {"type": "object", "properties": properties, "required": required}
    if draw(st.booleans()):
        schema["additionalProperties"] = False
    return schema


_anything: st.SearchStrategy[Schema] = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        object_schemas(inner),
        _arrays(inner),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=4,
)

argument_schemas = object_schemas(_anything)
