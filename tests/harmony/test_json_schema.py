import json
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from optiq_harmony.json_schema import (
    MAX_DEPTH,
    MAX_LEVELS,
    MAX_NODES,
    MAX_PROPERTIES,
    check_schema,
    check_size,
    grammar_schema,
    lenient_grammar_schema,
)
from optiq_harmony.schema_keywords import FORMATS
from optiq_harmony.structure_errors import SchemaError
from tests.harmony.json_schemas import Schema, argument_schemas


def in_property(schema: Any) -> Schema:  # noqa: ANN401  # any JSON
    return {"type": "object", "properties": {"size": schema}}


TEXT = {"type": "string"}
TREE = {"type": "object", "properties": {"child": {"$ref": "#/$defs/tree"}}}


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": ["string", "null"], "description": "d", "title": "t", "examples": [1], "deprecated": True},
        {"enum": [1, "a", None, True, [1, 2], {"a": 1}, 1.5]},
        {"const": {"a": [1]}},
        {"anyOf": [TEXT, {"type": "integer"}]},
        {"oneOf": [TEXT, {"type": "integer"}]},
        {"allOf": [in_property(TEXT), {"type": "object", "required": ["size"]}]},
        {"$ref": "#/$defs/tree", "$defs": {"tree": TREE}},
        {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
        {"$ref": "#name", "$defs": {"a": {"$anchor": "name", "type": "string"}}},
        {"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": TEXT}},
        {"type": "array", "prefixItems": [TEXT], "items": False, "minItems": 1},
        {"type": "array", "items": [TEXT], "additionalItems": False},
        {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 300, "uniqueItems": False},
        {"type": "object", "patternProperties": {"^a": TEXT}, "additionalProperties": False},
        {"type": "object", "minProperties": 2, "maxProperties": 3},
        {"type": "string", "minLength": 2, "maxLength": 10, "pattern": r"^[\w\-.]+$"},
        {"type": "string", "pattern": r"^\p{L}+/\d{3}$"},
        {"type": "number", "minimum": -1.5, "exclusiveMaximum": 10, "multipleOf": 0.5},
        {"type": "integer", "minimum": 5, "exclusiveMinimum": True, "format": "int64"},
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "http://example.com/x",
            "type": "string",
        },
        {"$defs": {"unused": {"not": {}}}, "type": "string"},
        {"type": "string", "minLenght": 3, "x-order": 1, "nullable": True},
    ],
)
def test_what_the_table_calls_enforced_is_taken(schema: Any) -> None:  # noqa: ANN401  # any JSON
    check_schema(schema)


@pytest.mark.parametrize("name", FORMATS)
def test_known_formats_are_taken(name: str) -> None:
    check_schema({"type": "string", "format": name})


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("not", TEXT),
        ("if", TEXT),
        ("then", TEXT),
        ("else", TEXT),
        ("dependencies", {}),
        ("dependentRequired", {}),
        ("dependentSchemas", {}),
        ("contains", TEXT),
        ("minContains", 1),
        ("maxContains", 1),
        ("propertyNames", TEXT),
        ("unevaluatedProperties", False),
        ("unevaluatedItems", False),
        ("uniqueItems", True),
        ("$dynamicRef", "#"),
        ("$dynamicAnchor", "a"),
        ("$recursiveRef", "#"),
        ("$recursiveAnchor", True),
    ],
)
def test_what_cannot_be_enforced_is_refused_by_keyword_and_path(keyword: str, value: object) -> None:
    with pytest.raises(SchemaError, match="not supported") as caught:
        check_schema(in_property({"anyOf": [TEXT, {keyword: value}]}))

    assert caught.value.keyword == keyword
    assert caught.value.path == f"properties.size.anyOf.1.{keyword}"


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"type": "strng"}, "type"),
        ({"type": 5}, "type"),
        ({"type": []}, "type"),
        ({"enum": []}, "enum"),
        ({"enum": "red"}, "enum"),
        ({"properties": []}, "properties"),
        ({"items": 3}, "items"),
        ({"anyOf": {}}, "anyOf"),
        ({"required": "a"}, "required"),
        ({"required": [1]}, "required"),
        ({"minLength": -1}, "minLength"),
        ({"maxItems": 1.5}, "maxItems"),
        ({"minimum": "3"}, "minimum"),
        ({"minimum": True}, "minimum"),
        ({"multipleOf": 0}, "multipleOf"),
        ({"pattern": 3}, "pattern"),
        ({"format": "binary"}, "format"),
        ({"type": ["null", "string"], "format": "json"}, "format"),
        ({"$ref": 3}, "$ref"),
        ({"$ref": "#/$defs/none"}, "$ref"),
        ({"$ref": "#none"}, "$ref"),
        ({"$ref": "http://example.com/x"}, "$ref"),
    ],
)
def test_what_is_no_json_schema_is_refused_by_keyword_and_path(schema: Schema, keyword: str) -> None:
    with pytest.raises(SchemaError) as caught:
        check_schema(in_property(schema))

    assert caught.value.keyword == keyword
    assert caught.value.path.startswith("properties.size.")


@pytest.mark.parametrize(
    ("schema", "keyword", "reason"),
    [
        ({"type": "string", "pattern": "(?=a)b"}, "pattern", "look-around"),
        ({"type": "string", "pattern": r"(a)\1"}, "pattern", "backreferences"),
        ({"type": "string", "pattern": r"\bword\b"}, "pattern", "lookarounds"),
        ({"type": "string", "pattern": "("}, "pattern", "unclosed group"),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, "oneOf", "use anyOf"),
        (
            {"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 2},
            "minProperties",
            "required",
        ),
        ({"type": "object", "patternProperties": {"^a": {}, "b": {}}}, "patternProperties", "disjoint"),
    ],
)
def test_what_llguidance_finds_is_blamed_on_keyword_and_path(
    schema: Schema, keyword: str, reason: str
) -> None:
    with pytest.raises(SchemaError, match=reason) as caught:
        check_schema(in_property({"type": "array", "items": schema}))

    assert caught.value.keyword == keyword
    assert caught.value.path == f"properties.size.items.{keyword}"


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"type": "integer", "minimum": 5, "maximum": 1}, "minimum"),
        ({"type": "object", "required": ["a"], "properties": {"a": False}}, "required"),
    ],
)
def test_what_no_value_satisfies_is_refused_where_a_value_must_be(schema: Schema, keyword: str) -> None:
    with pytest.raises(SchemaError, match="Unsatisfiable") as caught:
        check_schema({**in_property(schema), "required": ["size"]})

    assert caught.value.path == f"properties.size.{keyword}"


def test_what_no_value_satisfies_is_left_out_where_it_may_be() -> None:
    check_schema(in_property({"type": "integer", "minimum": 5, "maximum": 1}))


def test_faults_behind_references_are_named_where_they_stand() -> None:
    schema = {**in_property({"$ref": "#/$defs/item"}), "$defs": {"item": in_property({"pattern": "("})}}

    with pytest.raises(SchemaError) as caught:
        check_schema(schema)

    assert caught.value.path == "$defs.item.properties.size.pattern"


@pytest.mark.parametrize(
    "definition",
    [
        {"$ref": "#/$defs/node"},
        {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["next"]},
        {"anyOf": [{"allOf": [{"$ref": "#/$defs/node"}]}]},
        {"type": "array", "items": {"$ref": "#/$defs/node"}, "minItems": 1},
    ],
)
def test_a_recursion_that_never_ends_is_refused(definition: Schema) -> None:
    with pytest.raises(SchemaError, match="no finite value") as caught:
        check_schema({"$ref": "#/$defs/node", "$defs": {"node": definition}})

    assert caught.value.keyword == "$ref"


def test_no_value_at_all_is_refused() -> None:
    with pytest.raises(SchemaError, match="no value matches"):
        check_schema(False)


def test_tagged_unions_are_told_apart_through_references() -> None:
    def branch(kind: str) -> Schema:
        return {"type": "object", "properties": {"kind": {"const": kind}}, "required": ["kind"]}

    definitions = {"cat": branch("cat"), "dog": branch("dog")}
    union = {"oneOf": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/dog"}]}

    check_schema({**union, "$defs": definitions})
    with pytest.raises(SchemaError, match="use anyOf"):
        check_schema({**union, "$defs": {**definitions, "dog": branch("cat")}})


def test_depth_is_bounded() -> None:
    deep: Schema = {}
    for _ in range(MAX_DEPTH + 1):
        deep = {"items": deep}

    with pytest.raises(SchemaError, match="nested deeper"):
        check_schema(deep)
    assert lenient_grammar_schema(deep) is None


def test_everything_within_the_depth_compiles() -> None:
    deep: Schema = TEXT
    for _ in range((MAX_DEPTH - 1) // 2):
        deep = in_property(deep)

    check_schema(deep)


def test_chains_of_references_that_would_exhaust_the_native_stack_are_refused() -> None:
    links = {f"d{n}": {"items": {"$ref": f"#/$defs/d{n + 1}"}} for n in range(2000)}
    chain = {"$ref": "#/$defs/d0", "$defs": {**links, "d2000": TEXT}}

    with pytest.raises(SchemaError, match="levels deep"):
        check_schema(chain)
    assert lenient_grammar_schema(chain) is None


def test_chains_of_references_within_the_bound_compile() -> None:
    links = {f"d{n}": {"items": {"$ref": f"#/$defs/d{n + 1}"}} for n in range(MAX_LEVELS // 2 - 2)}

    check_schema({"$ref": "#/$defs/d0", "$defs": {**links, f"d{len(links)}": TEXT}})


def test_the_properties_of_one_object_are_bounded() -> None:
    wide = in_property({"properties": {f"p{n}": {} for n in range(MAX_PROPERTIES + 1)}})

    with pytest.raises(SchemaError) as caught:
        check_schema(wide)

    assert caught.value.path == "properties.size.properties"


def test_size_is_bounded() -> None:
    with pytest.raises(SchemaError, match="more than"):
        check_size({"enum": list(range(MAX_NODES))})


def test_a_clients_own_options_for_llguidance_are_overruled() -> None:
    schema = {"x-guidance": {"lenient": True}, "type": "string"}

    assert json.loads(grammar_schema(schema))["x-guidance"] == json.loads(grammar_schema(TEXT))["x-guidance"]


def test_the_lenient_form_keeps_what_can_be_enforced() -> None:
    text = lenient_grammar_schema({"type": "object", "properties": {"a": {"not": TEXT}}})

    assert text is not None
    assert json.loads(text)["x-guidance"]["lenient"] is True
    assert lenient_grammar_schema({"properties": 3}) is None


@given(schema=argument_schemas)
@settings(max_examples=60, deadline=None)
def test_generated_schemas_are_taken_and_mean_the_same_after_rewriting(schema: Schema) -> None:
    check_schema(schema)
    rewritten = json.loads(grammar_schema(schema))

    assert {key: value for key, value in rewritten.items() if key != "x-guidance"} == schema
    Draft202012Validator.check_schema(rewritten)
