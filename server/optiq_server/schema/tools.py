"""The tools that a request offers to the model."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from optiq_server.schema.fields import RequestModel


def finite(schema: dict[str, Any]) -> dict[str, Any]:
    """NaN and the infinities are no JSON, although the parser reads them inside a free-form object."""
    try:
        json.dumps(schema, allow_nan=False)
    except ValueError as error:
        raise PydanticCustomError("finite_number", "Input should hold finite numbers only") from error
    return schema


JsonSchemaObject = Annotated[dict[str, Any], AfterValidator(finite)]


# The name goes into a harmony header, where spaces separate, and into a TypeScript-like declaration.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class FunctionDefinition(RequestModel):
    """A function; `parameters` is a JSON schema of type object."""

    name: Name
    description: str | None = None
    parameters: JsonSchemaObject | None = None
    strict: bool | None = None


class Grammar(RequestModel):
    """What a custom tool's input must match."""

    syntax: Literal["lark", "regex"]
    definition: str


class CustomFormat(RequestModel):
    """The form of a custom tool's input: any text, or what a grammar admits."""

    type: Literal["text", "grammar"]
    grammar: Grammar | None = None


class CustomDefinition(RequestModel):
    """A tool whose input is text instead of JSON."""

    name: Name
    description: str | None = None
    format: CustomFormat | None = None


class Tool(RequestModel):
    """A tool. Types other than function and custom are ignored, because clients send them unasked."""

    type: str
    function: FunctionDefinition | None = None
    custom: CustomDefinition | None = None
