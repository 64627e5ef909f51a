import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_harmony import (  # type: ignore[import-untyped]  # it ships no py.typed
    DeveloperContent,
    Message,
    Role,
    ToolDescription,
)

from optiq_harmony.conversation import (
    CustomTool,
    FunctionTool,
    GrammarSyntax,
    JsonObjectFormat,
    JsonSchemaFormat,
    TextFormat,
    ToolGrammar,
)
from optiq_harmony.namespace import developer_text, functions_section, response_format_section
from optiq_harmony.structure_errors import SchemaError
from optiq_harmony.vocabulary import Vocabulary

Schema = dict[str, Any]

# What openai-harmony renders faithfully: descriptions of one line, enums of strings, no arrays of unions.
_words = st.sampled_from(["The place.", "d", "Größe <|end|>", ""])
_names = st.from_regex(r"[a-z][a-zA-Z0-9_-]{0,8}", fullmatch=True)


@st.composite
def _annotated(draw: st.DrawFn, schema: Schema, default: Any = None) -> Schema:  # noqa: ANN401  # any JSON
    result = dict(schema)
    for key, value in (("title", draw(_words)), ("description", draw(_words))):
        if draw(st.booleans()):
            result[key] = value
    if default is not None and draw(st.booleans()):
        result["default"] = default
    if draw(st.booleans()):
        result["examples"] = ["one", "two"]
    if draw(st.booleans()):
        result["nullable"] = True
    return result


_leaves = st.one_of(
    _annotated({"type": "string"}, "red"),
    _annotated({"type": "string", "enum": ["red", "blue"]}, "red"),
    _annotated({"type": "integer"}, 3),
    _annotated({"type": "number"}, 1.5),
    _annotated({"type": "number"}, 1e20),
    _annotated({"type": "boolean"}, True),
    _annotated({"type": ["string", "null"]}),
    _annotated({"type": ["integer", "string"]}),
    _annotated({"type": "array"}, [1, {"a": "b"}]),
    _annotated({"type": "array", "items": {"type": "string"}}, ["a"]),
    _annotated({}),
)
_variants = st.one_of(
    st.builds(
        lambda parts, own: {**own, "oneOf": parts}, st.lists(_leaves, min_size=1, max_size=3), _annotated({})
    )
)


@st.composite
def _objects(draw: st.DrawFn, members: st.SearchStrategy[Schema]) -> Schema:
    properties = draw(st.dictionaries(_names, members, max_size=3))
    required = [name for name in properties if draw(st.booleans())]
    return draw(_annotated({"type": "object", "properties": properties, "required": required}))


def _faithful(schema: Schema) -> bool:
    # A nullable property that is a union of variants loses its null there.
    return not ("oneOf" in schema and schema.get("nullable"))


_members = st.recursive(
    _leaves | _variants.filter(_faithful),
    lambda inner: (
        _objects(inner) | st.builds(lambda items: {"type": "array", "items": items}, _objects(inner))
    ),
    max_leaves=6,
)
_parameters = st.none() | _objects(_members).map(
    lambda schema: {key: value for key, value in schema.items() if key != "nullable"}
)
_tools = st.builds(FunctionTool, name=_names, description=_words, parameters=_parameters)


def rendered_by_openai(
    vocabulary: Vocabulary, instructions: str | None, tools: list[FunctionTool]
) -> list[int]:
    content = DeveloperContent.new()
    if instructions is not None:
        content = content.with_instructions(instructions)
    if tools:
        content = content.with_function_tools(
            [ToolDescription.new(tool.name, tool.description, parameters=tool.parameters) for tool in tools]
        )
    return list(vocabulary.encoding.render(Message.from_role_and_content(Role.DEVELOPER, content)))


@given(tools=st.lists(_tools, max_size=3), instructions=st.none() | _words)
@settings(max_examples=150, deadline=None)
def test_where_openai_harmony_is_faithful_the_tokens_are_the_same(
    vocabulary: Vocabulary, tools: list[FunctionTool], instructions: str | None
) -> None:
    header = vocabulary.encoding.encode("<|start|>developer<|message|>", allowed_special="all")
    end = vocabulary.encoding.encode("<|end|>", allowed_special="all")

    tokens = vocabulary.encode_text(developer_text(instructions, tools))

    assert [*header, *tokens, *end] == rendered_by_openai(vocabulary, instructions, tools)


def type_of(schema: Schema, **root: Any) -> str:  # noqa: ANN401  # any JSON
    """How a property `p` of this schema is written, with what comes before the function."""
    tool = FunctionTool(name="f", parameters={"type": "object", "properties": {"p": schema}, **root})
    text = functions_section([tool]).removeprefix("# Tools\n\n## functions\n\nnamespace functions {\n\n")
    return text.removesuffix("\n}) => any;\n\n} // namespace functions").replace("type f = (_: {\n", "")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "p?: string | null,"),
        ({"anyOf": [{"type": "string"}]}, "p?: string,"),
        ({"const": 3}, "p?: 3,"),
        ({"enum": ["a", 1, None]}, 'p?: "a" | 1 | null,'),
        ({"type": "integer", "enum": [1, 2]}, "p?: 1 | 2,"),
        ({"type": ["string", "null"], "enum": ["a", None]}, 'p?: "a" | null,'),
        ({"type": "string", "enum": ['q"']}, 'p?: "q\\"",'),
        ({"type": "null"}, "p?: null,"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, 'p?: ("a" | "b")[],'),
        ({"type": ["array", "null"], "items": {"type": "string"}}, "p?: string[] | null,"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {}], "items": False}, "p?: [string, any],"),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, "p?: [string, ...any[]],"),
        ({"type": "array", "items": [{"type": "null"}], "additionalItems": False}, "p?: [null],"),
        ({"items": {"type": "string"}}, "p?: string[],"),
        ({"allOf": [{"type": "string"}], "default": "x"}, 'p?: string, // default: "x"'),
        ({"type": "string", "description": "one\ntwo"}, "// one\n// two\np?: string,"),
        ({"type": "integer", "examples": [1]}, "// Examples:\n// - 1\np?: number,"),
        (True, "p?: any,"),
        (False, "p?: never,"),
        ({"$ref": "#/$defs/none"}, "p?: any,"),
        ({"properties": 3, "type": 4, "required": 5, "anyOf": 6, "description": 7}, "p?: {\n    },"),
    ],
)
def test_what_openai_harmony_cannot_say_is_said(schema: Schema, text: str) -> None:
    assert type_of(schema) == text


def test_open_objects_show_the_type_of_their_values() -> None:
    schema = {"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": {"type": "integer"}}

    assert type_of({"type": "object", **schema}) == (
        "p?: {\n    [key: string]: string, // keys match ^x-\n    [key: string]: number,\n    },"
    )


def test_unions_of_objects_have_a_line_for_each_branch() -> None:
    branch = {"type": "object", "properties": {"a": {"type": "string"}}, "description": "An A."}

    assert type_of({"anyOf": [branch, {"type": "null"}]}) == (
        "p?: \n     |        // An A.\n{\n       a?: string,\n       } // An A.\n     | null,"
    )


def test_intersections_are_written_with_their_own_properties() -> None:
    schema = {"properties": {"b": {}}, "allOf": [{"type": "object", "properties": {"a": {}}}]}

    assert type_of(schema) == "p?: {\n    b?: any,\n    } & {\n    a?: any,\n    },"


def test_names_that_no_identifier_resembles_are_quoted() -> None:
    tool = FunctionTool(name="f", parameters={"type": "object", "properties": {'a "b"': {}, "c-d": {}}})

    assert 'type f = (_: {\n"a \\"b\\""?: any,\nc-d?: any,\n}) => any;' in functions_section([tool])


def test_references_are_written_in_place_with_what_stands_beside_them() -> None:
    address = {"type": "object", "description": "Any.", "properties": {"street": {"type": "string"}}}

    text = type_of({"$ref": "#/$defs/address", "description": "Home."}, **{"$defs": {"address": address}})

    assert text == "// Home.\np?:     // Home.\n{\n    street?: string,\n    },"


def test_recursive_references_get_a_type_of_their_own() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "v": {"type": "integer"}}}

    text = type_of({"$ref": "#/$defs/node"}, **{"$defs": {"node": node}})

    assert text == "type f_node = {\nnext?: f_node,\nv?: number,\n};\n\np?: f_node,"


def test_a_schema_that_is_its_own_member_is_named_after_the_function() -> None:
    text = type_of({"type": "array", "items": {"$ref": "#"}})

    assert text == "type f_arguments = {\np?: f_arguments[],\n};\n\np?: f_arguments[],"


def test_types_of_equal_names_are_told_apart() -> None:
    loop = {"properties": {"a": {"$ref": "#/$defs/x y"}, "b": {"$ref": "#/$defs/x-y"}}}

    text = type_of({"$ref": "#/$defs/x y"}, **{"$defs": {"x y": loop, "x-y": loop}})

    assert text.startswith("type f_x_y = {\na?: f_x_y,\nb?: f_x_y_1,\n};\n\ntype f_x_y_1 = {\na?: f_x_y,")


def test_references_that_double_with_each_link_do_not_explode() -> None:
    links = {
        f"d{n}": {"properties": {"x": {"$ref": f"#/$defs/d{n + 1}"}, "y": {"$ref": f"#/$defs/d{n + 1}"}}}
        for n in range(40)
    }

    text = type_of({"$ref": "#/$defs/d0"}, **{"$defs": {**links, "d40": {"type": "string"}}})

    assert len(text) < 100_000


def test_long_chains_of_references_are_followed_without_recursion() -> None:
    links = {f"d{n}": {"type": "array", "items": {"$ref": f"#/$defs/d{n + 1}"}} for n in range(2000)}

    text = type_of({"$ref": "#/$defs/d0"}, **{"$defs": {**links, "d2000": {"type": "string"}}})

    assert text.endswith("type f_d2000 = string;\n\np?: f_d2[][],")


def test_parameters_nested_too_deeply_are_refused() -> None:
    deep: Schema = {}
    for _ in range(500):
        deep = {"items": deep}

    with pytest.raises(SchemaError, match="nested deeper"):
        functions_section([FunctionTool(name="f", parameters=deep)])


def test_custom_tools_are_functions_of_text() -> None:
    grammar = ToolGrammar(syntax=GrammarSyntax.LARK, definition='start: "a"\n  | "b"')
    tools = (
        CustomTool(name="shell", description="Runs it."),
        CustomTool(name="ab", grammar=grammar),
    )

    assert functions_section(tools) == (
        "# Tools\n\n## functions\n\nnamespace functions {\n\n"
        "// Runs it.\n// The input is plain text, not JSON.\ntype shell = (_: string) => any;\n\n"
        "// The input is plain text, not JSON. It matches this Lark grammar:\n"
        '// start: "a"\n//   | "b"\ntype ab = (_: string) => any;\n\n'
        "} // namespace functions"
    )


def test_a_response_format_is_told_at_the_end_with_its_schema() -> None:
    schema = {"type": "object", "properties": {"größe": {"type": "integer"}}}
    response_format = JsonSchemaFormat(name="size", description="A size.\nIn cm.", schema=schema)

    assert developer_text("Be brief.", (FunctionTool(name="f"),), response_format) == (
        "# Instructions\n\nBe brief.\n\n"
        "# Tools\n\n## functions\n\nnamespace functions {\n\n"
        "type f = () => any;\n\n} // namespace functions\n\n"
        "# Response Formats\n\n## size\n\n// A size.\n// In cm.\n"
        '{"type":"object","properties":{"größe":{"type":"integer"}}}'
    )


def test_only_formats_that_must_be_told_are_told() -> None:
    told = response_format_section(JsonObjectFormat())

    assert response_format_section(TextFormat()) is None
    assert told is not None
    assert json.loads(told.splitlines()[-1]) == {"type": "object"}
    assert developer_text(None) == ""
