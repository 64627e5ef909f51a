"""BFCL's functions become tools that OpenAI's interface accepts."""

import re

import pytest
from jsonschema import Draft202012Validator

from optiq_server.evaluation.bfcl import load_bfcl
from optiq_server.evaluation.bfcl_tools import openai_tool, tool_name
from optiq_server.evaluation.errors import DataDamaged
from tests.evaluation.benchmark_data import published

_FUNCTION = {
    "name": "geo.distance",
    "description": "The distance of two points.",
    "parameters": {
        "type": "dict",
        "properties": {
            "start": {"type": "tuple", "items": {"type": "float"}, "description": "The first."},
            "scale": {"type": "float", "description": "A factor."},
            "filters": {
                "type": "array",
                "items": {"type": "dict", "properties": {"field": {"type": "string", "enum": ["a"]}}},
            },
            "data": {"type": "any"},
        },
        "required": ["start"],
    },
}


def test_types_get_the_names_that_json_schema_has_for_them() -> None:
    parameters = openai_tool(_FUNCTION)["function"]["parameters"]

    assert parameters["type"] == "object"
    assert parameters["required"] == ["start"]
    assert parameters["properties"]["start"]["type"] == "array"
    assert parameters["properties"]["start"]["items"] == {"type": "number"}
    assert parameters["properties"]["filters"]["items"]["type"] == "object"
    assert parameters["properties"]["filters"]["items"]["properties"]["field"]["enum"] == ["a"]
    assert parameters["properties"]["data"]["type"] == "string"


def test_descriptions_say_what_the_benchmark_adds_to_them() -> None:
    function = openai_tool(_FUNCTION)["function"]

    assert function["description"].endswith("Note that the provided function is in Python 3 syntax.")
    assert function["parameters"]["properties"]["scale"] == {
        "type": "number",
        "format": "float",
        "description": "A factor. This is a float type value.",
    }


def test_a_name_has_no_dots() -> None:
    assert openai_tool(_FUNCTION)["function"]["name"] == "geo_distance" == tool_name("geo.distance")


def test_the_function_itself_stays_as_it_was() -> None:
    openai_tool(_FUNCTION)

    assert _FUNCTION["parameters"]["type"] == "dict"  # type: ignore[index]  # a literal of several types


def test_an_unknown_type_is_told() -> None:
    function = {
        "name": "f",
        "description": "",
        "parameters": {"type": "dict", "properties": {"x": {"type": "Set"}}},
    }

    with pytest.raises(DataDamaged, match="no type 'Set'"):
        openai_tool(function)


def test_all_400_tools_are_valid_schemas_under_valid_names() -> None:
    suite = load_bfcl(
        published("bfcl/BFCL_v4_simple_python.json"), published("bfcl/BFCL_v4_simple_python_answer.json")
    )

    for item in suite.items:
        (tool,) = item.tools
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tool["function"]["name"])
        Draft202012Validator.check_schema(tool["function"]["parameters"])
