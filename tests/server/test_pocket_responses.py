"""Responses of real weights: the pocket model on a real socket, each event judged by the SDK's types."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from optiq_server.engine.backend import Backend
from optiq_server.engine.types import EngineLimits
from optiq_server.model import open_backend
from optiq_server.settings import Settings
from tests.server.conftest import Serve
from tests.server.response_events import events_of, validated_response

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather for a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture(scope="module", name="cache_folder")
def _cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pocket-cache")


@pytest.fixture(name="open_pocket")
def _open_pocket(cache_folder: Path) -> partial[Backend]:
    return partial(open_backend, Settings(cache_folder=cache_folder), EngineLimits())


async def test_log_probabilities_add_up_to_the_text_in_stream_and_body(
    serve: Serve, open_pocket: partial[Backend]
) -> None:
    body = {
        "input": "What is 17 + 25?",
        "temperature": 0,
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 3,
    }
    async with serve(open_pocket) as running:
        streamed = await running.http.post("/v1/responses", json={**body, "stream": True})
        whole = (await running.http.post("/v1/responses", json=body)).json()

    events = events_of(streamed.text)
    response = validated_response(whole)
    part: dict[str, Any] = whole["output"][-1]["content"][0]
    assert "42" in response.output_text
    assert "".join(each["token"] for each in part["logprobs"]) == response.output_text
    assert {len(each["top_logprobs"]) for each in part["logprobs"]} == {3}
    deltas = [
        each for event in events if event["type"].endswith("text.delta") for each in event.get("logprobs", [])
    ]
    assert [each["token"] for each in deltas] == [each["token"] for each in part["logprobs"]]


async def test_a_tool_loop_goes_on_from_the_stored_call(serve: Serve, open_pocket: partial[Backend]) -> None:
    body = {"temperature": 0, "tools": [_WEATHER]}
    async with serve(open_pocket) as running:
        asked = await running.http.post(
            "/v1/responses",
            json={
                **body,
                "input": "What is the weather in Paris?",
                "tool_choice": "required",
                "stream": True,
            },
        )
        response = events_of(asked.text)[-1]["response"]
        call = response["output"][-1]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": '{"temperature": 21}'}
        answered = await running.http.post(
            "/v1/responses",
            json={**body, "previous_response_id": response["id"], "input": [output], "tool_choice": "none"},
        )

    assert (call["type"], call["name"], call["status"]) == ("function_call", "get_weather", "completed")
    assert "Paris" in call["arguments"]
    told = validated_response(answered.json())
    assert told.status == "completed"
    assert told.output_text


async def test_a_custom_tools_input_matches_its_grammar(serve: Serve, open_pocket: partial[Backend]) -> None:
    tool = {
        "type": "custom",
        "name": "code",
        "description": "Takes a code of three digits and two letters.",
        "format": {"type": "grammar", "syntax": "regex", "definition": "[0-9]{3}-[A-Z]{2}"},
    }
    async with serve(open_pocket) as running:
        answer = await running.http.post(
            "/v1/responses",
            json={
                "input": "Send the code 123-AB.",
                "tools": [tool],
                "tool_choice": {"type": "custom", "name": "code"},
                "stream": True,
                "seed": 7,
            },
        )

    call = events_of(answer.text)[-1]["response"]["output"][-1]
    assert call["type"] == "custom_tool_call"
    assert re.fullmatch(r"[0-9]{3}-[A-Z]{2}", call["input"])
