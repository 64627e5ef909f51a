"""The functions that a request offers to the model."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from optiq_server.schema.fields import RequestModel


def _finite(schema: dict[str, Any]) -> dict[str, Any]:
    """NaN and the infinities are no JSON, although the parser reads them inside a free-form object."""
    try:
        json.dumps(schema, allow_nan=False)
    except ValueError as error:
        raise PydanticCustomError("finite_number", "Input should hold finite numbers only") from error
    return schema


JsonSchemaObject = Annotated[dict[str, Any], AfterValidator(_finite)]


class FunctionDefinition(RequestModel):
    """A function; `parameters` is a JSON schema of type object.

    The name goes into a harmony header, where spaces separate, and into a TypeScript-like declaration.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    description: str | None = None
    parameters: JsonSchemaObject | None = None
    strict: bool | None = None


class Tool(RequestModel):
    """A tool. Types other than function are tolerated, because clients send them unasked, and ignored."""

    type: str
    function: FunctionDefinition | None = None
