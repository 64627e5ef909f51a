"""What a request demands of the reply's form: which tool is called, and what the answer matches."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from optiq_server.schema.fields import RequestModel
from optiq_server.schema.tools import JsonSchemaObject


class ToolName(RequestModel):
    """One tool by its name."""

    name: str


class AllowedTool(RequestModel):
    """A tool, as `allowed_tools` lists it."""

    type: Literal["function", "custom"]
    function: ToolName | None = None
    custom: ToolName | None = None


class AllowedTools(RequestModel):
    """Some of the tools that the request declares, which leaves the prompt and its cache as they are."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[AllowedTool], Field(min_length=1)]


class ToolChoiceObject(RequestModel):
    """Which tools may be called, or must. A plain mode is read as an object of that type."""

    type: Literal["none", "auto", "required", "function", "custom", "allowed_tools"]
    function: ToolName | None = None
    custom: ToolName | None = None
    allowed_tools: AllowedTools | None = None


def mode_as_choice(value: Any) -> Any:  # noqa: ANN401  # raw JSON, of any type
    """One shape, and so one path in errors, for both spellings."""
    if not isinstance(value, str):
        return value
    if value not in ("none", "auto", "required"):
        raise PydanticCustomError(
            "tool_choice_mode", "Input should be 'none', 'auto', 'required', or an object that names tools"
        )
    return {"type": value}


ToolChoice = Annotated[ToolChoiceObject, BeforeValidator(mode_as_choice)]


class FunctionChoiceObject(RequestModel):
    """The deprecated spelling of a tool choice: a function's name, or a mode."""

    name: str | None = None
    mode: Literal["none", "auto"] | None = None


def _choice_object(value: Any) -> Any:  # noqa: ANN401  # raw JSON, of any type
    """One shape for both spellings."""
    if not isinstance(value, str):
        return value
    if value not in ("none", "auto"):
        raise PydanticCustomError(
            "function_call_mode", "Input should be 'none', 'auto', or an object with a function's name"
        )
    return {"mode": value}


FunctionChoice = Annotated[FunctionChoiceObject, BeforeValidator(_choice_object)]


class JsonSchemaDefinition(RequestModel):
    """A schema with its name. It is enforced whatever `strict` says."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    schema_: Annotated[JsonSchemaObject | None, Field(alias="schema")] = None
    strict: bool | None = None


class ResponseFormat(RequestModel):
    """The form of the reply's text."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaDefinition | None = None


def _is_complete(response_format: ResponseFormat) -> ResponseFormat:
    if response_format.type == "json_schema" and response_format.json_schema is None:
        raise PydanticCustomError("missing_schema", "Input should have json_schema beside its type")
    return response_format


CompleteResponseFormat = Annotated[ResponseFormat, AfterValidator(_is_complete)]
