"""What /v1/responses cannot do is refused by name, before anything is queued."""

import httpx
import pytest

from tests.server.conftest import Scripted, Serve
from tests.server.response_tools import ADD, SHELL


def _too_deep() -> dict[str, object]:
    schema: dict[str, object] = {"type": "object"}
    for _ in range(80):
        schema = {"type": "object", "properties": {"x": schema}}
    return schema


def _error(answer: httpx.Response) -> tuple[int, str | None, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        (
            {"tools": [{**ADD, "parameters": {"type": "object", "properties": {"a": {"not": {}}}}}]},
            "invalid_json_schema",
            "tools[0].parameters",
        ),
        (
            {
                "tools": [
                    {"type": "web_search"},
                    {**SHELL, "format": {"type": "grammar", "syntax": "regex", "definition": "(a"}},
                ]
            },
            "invalid_json_schema",
            "tools[1].format",
        ),
        (
            {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "nothing"}}}},
            "invalid_json_schema",
            "text.format.schema",
        ),
        (
            {"truncation": "auto", "tools": [{**ADD, "parameters": _too_deep()}]},
            "invalid_value",
            "tools[0]",
        ),
        ({"previous_response_id": "resp_none"}, "previous_response_not_found", "previous_response_id"),
        ({"conversation": "conv_1"}, "unsupported_value", "conversation"),
        ({"prompt": {"id": "p"}}, "unsupported_value", "prompt"),
        ({"background": True, "stream": True}, "unsupported_value", "stream"),
        ({"background": True, "store": False}, "unsupported_value", "store"),
        ({"input": [{"type": "item_reference", "id": "msg_none"}]}, "invalid_value", "input[0].id"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(
    serve: Serve, scripted: Scripted, fields: dict[str, object], code: str, param: str
) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post("/v1/responses", json={"input": "hi", **fields})

    assert _error(answer) == (400, code, param)
    assert answer.json()["error"]["message"]
