"""Whatever bytes arrive: an answer below 500 that names the field, and the next request is served."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_server.schema.anthropic import AnthropicTool, CountTokensRequest, MessagesRequest
from optiq_server.schema.anthropic_blocks import AnthropicMessage, Block
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.completions import CompletionRequest
from optiq_server.schema.fields import RequestModel
from optiq_server.schema.messages import ChatMessage
from optiq_server.schema.response_items import ITEM_TYPES, InputItem
from optiq_server.schema.responses import ResponsesRequest
from optiq_server.schema.tokenization import DetokenizeRequest, TokenizeRequest

_ROOT = Path(__file__).resolve().parents[3]

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["user", "assistant", "tool", "text", "function", "auto", "none", "high"])
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "function", "name", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@dataclass(frozen=True)
class Endpoint:
    """Where bodies are sent, one that is good, and the parts that spoilt ones are made of."""

    path: str
    good: dict[str, object]
    fields: tuple[str, ...]
    parts: dict[str, st.SearchStrategy[object]] = field(default_factory=dict)

    def bodies(self) -> st.SearchStrategy[object]:
        some = st.dictionaries(st.sampled_from(self.fields), _JSON, max_size=4)
        spoilt = [st.fixed_dictionaries({name: parts}) for name, parts in self.parts.items()]
        several = st.one_of(some, *spoilt)
        return st.one_of(several, several.map(lambda fields: {**self.good, **fields}), _JSON)


def _objects(model: type[RequestModel], *values: str) -> st.SearchStrategy[dict[str, object]]:
    """Objects with fields of `model`, whose values are anything."""
    value = _JSON | st.sampled_from(values) if values else _JSON
    return st.dictionaries(st.sampled_from(sorted(model.model_fields)), value, max_size=5)


def _behind_a_question(messages: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[object]:
    question = {"role": "user", "content": "hi"}
    listed = st.lists(messages, max_size=3)
    return listed | listed.map(lambda messages: [question, *messages])


_CALLED: dict[str, object] = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}],
}
_BLOCKS = st.lists(_objects(Block, "text", "tool_use", "tool_result", "thinking", "1", "f"), max_size=3)
_ENDPOINTS = [
    Endpoint(
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "hi"}]},
        tuple(ChatCompletionRequest.model_fields),
        {"messages": _behind_a_question(_objects(ChatMessage))},
    ),
    Endpoint(
        "/v1/responses",
        {"input": "hi"},
        tuple(ResponsesRequest.model_fields),
        {"input": _behind_a_question(_objects(InputItem, *ITEM_TYPES)), "tools": st.lists(_JSON, max_size=3)},
    ),
    Endpoint(
        "/v1/completions",
        {"prompt": "hi"},
        tuple(CompletionRequest.model_fields),
        {"prompt": st.lists(st.integers(-5, 250_000) | st.text(max_size=3) | _JSON, max_size=3)},
    ),
    Endpoint(
        "/v1/messages",
        {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
        tuple(MessagesRequest.model_fields),
        {
            "messages": _behind_a_question(_objects(AnthropicMessage, "user", "assistant", "system")),
            "tools": st.lists(_objects(AnthropicTool), max_size=3),
        },
    ),
    Endpoint(
        "/v1/messages/count_tokens",
        {"messages": [{"role": "user", "content": "hi"}]},
        tuple(CountTokensRequest.model_fields),
        {"messages": _BLOCKS.map(lambda blocks: [_CALLED, {"role": "user", "content": blocks}])},
    ),
    Endpoint("/tokenize", {"prompt": "hi"}, tuple(TokenizeRequest.model_fields)),
    Endpoint(
        "/detokenize",
        {"tokens": [1]},
        tuple(DetokenizeRequest.model_fields),
        {"tokens": st.lists(st.integers(-5, 250_000), max_size=3)},
    ),
]
_at_each_endpoint = pytest.mark.parametrize("endpoint", _ENDPOINTS, ids=lambda each: each.path)


@pytest.fixture(scope="module", name="client")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    cache = str(tmp_path_factory.mktemp("cache"))
    command = [sys.executable, "-m", "tests.server.scripted_process", "brief"]
    arguments = ["serve", "--port", "0", "--cache-folder", cache]
    with subprocess.Popen([*command, *arguments], cwd=_ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = re.search(r"http://\S+:\d+", process.stderr.readline())
        assert url is not None
        with httpx.Client(base_url=url.group(), timeout=30) as client:
            yield client
        process.terminate()
        process.communicate()


def _post(client: httpx.Client, endpoint: Endpoint, body: bytes) -> httpx.Response:
    return client.post(endpoint.path, content=body, headers={"Content-Type": "application/json"})


def _require_a_good_answer(client: httpx.Client, endpoint: Endpoint) -> None:
    assert _post(client, endpoint, json.dumps(endpoint.good).encode()).status_code == 200


@_at_each_endpoint
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_json_is_answered_or_refused_with_the_fields_name(
    client: httpx.Client, endpoint: Endpoint, data: st.DataObject
) -> None:
    body = data.draw(endpoint.bodies())

    answer = _post(client, endpoint, json.dumps(body).encode())

    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        error = answer.json()["error"]
        # Anthropic's errors name the field in the message alone.
        named = error["param"] if "param" in error else re.match(r"'[a-z_.\[\]0-9]+'", error["message"])
        assert named or not isinstance(body, dict)
        assert error["message"]
    _require_a_good_answer(client, endpoint)


@_at_each_endpoint
@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=60))
def test_any_bytes_are_refused(client: httpx.Client, endpoint: Endpoint, body: bytes) -> None:
    answer = _post(client, endpoint, body)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    _require_a_good_answer(client, endpoint)


@_at_each_endpoint
@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 100), junk=st.binary(max_size=3))
def test_a_cut_or_spoilt_body_is_refused(
    client: httpx.Client, endpoint: Endpoint, cut: int, junk: bytes
) -> None:
    good = json.dumps(endpoint.good).encode()
    spoilt = good[: cut % len(good)] + junk

    answer = _post(client, endpoint, spoilt)

    # The junk may be just what was cut off.
    assert answer.status_code == (200 if _reads_as(endpoint.good, spoilt) else 400)
    _require_a_good_answer(client, endpoint)


def _reads_as(good: object, body: bytes) -> bool:
    try:
        return bool(json.loads(body) == good)
    except ValueError:
        return False
