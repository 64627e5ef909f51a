"""OpenAI's error object, and how a body that does not fit its model becomes one."""

import json
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from optiq_server.errors import ApiError, InvalidRequest

_MAX_SHOWN_VALUE = 80
"""In characters of JSON: longer values are not repeated in a message."""


class ErrorObject(BaseModel):
    """What clients read: `param` names the field, `code` is for programs."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorObject


def error_body(error: ApiError) -> dict[str, object]:
    """The JSON of an error, the same in a body and inside a stream."""
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}


def invalid_request(error: ValidationError) -> InvalidRequest:
    """The first thing that is wrong with a body."""
    details = error.errors(include_url=False)[0]
    if details["type"] == "json_invalid":
        return InvalidRequest(f"the body is not JSON: {details['ctx']['error']}", code="invalid_json")
    param = param_of(details["loc"])
    return InvalidRequest(_message(details, param), param=param, code=_code(details["type"]))


def param_of(location: tuple[int | str, ...]) -> str | None:
    """`("messages", 2, "content")` as OpenAI writes it: `messages[2].content`."""
    # pydantic ends the place of a wrong key of an object with a step of its own.
    steps = (step for step in location if step != "[key]")
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return path.removeprefix(".") or None


def _message(details: ErrorDetails, param: str | None) -> str:
    if param is None:
        return "the body must be a JSON object"
    if details["type"] == "missing":
        return f"'{param}' is missing"
    told = details["msg"].replace("Input should", "it should").replace("List should", "it should")
    return f"'{param}' is {_shown(details['input'])}: {told}"


def _shown(value: Any) -> str:  # noqa: ANN401  # the raw JSON at fault
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return "not legal"
    return text if len(text) <= _MAX_SHOWN_VALUE else "not legal"


def _code(kind: str) -> str:
    if kind == "missing":
        return "missing_required_parameter"
    if kind == "unsupported_value":
        return "unsupported_value"
    return "invalid_type" if kind.endswith("_type") else "invalid_value"
