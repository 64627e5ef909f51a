"""Whatever bytes arrive: an answer below 500 with OpenAI's error object, and the next request is served."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.messages import ChatMessage
from optiq_server.schema.response_items import ITEM_TYPES, InputItem
from optiq_server.schema.responses import ResponsesRequest

_ROOT = Path(__file__).resolve().parents[3]
_GOOD = {"messages": [{"role": "user", "content": "hi"}]}

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
_FIELDS = st.sampled_from(sorted(ChatCompletionRequest.model_fields))
_MESSAGES = st.lists(
    st.dictionaries(st.sampled_from(sorted(ChatMessage.model_fields)), _JSON, max_size=4), max_size=3
)
_ITEMS = st.lists(
    st.dictionaries(
        st.sampled_from(sorted(InputItem.model_fields)), _JSON | st.sampled_from(ITEM_TYPES), max_size=5
    ),
    max_size=3,
)
_RESPONSE_FIELDS = st.sampled_from(sorted(ResponsesRequest.model_fields))
_RESPONSE_BODIES = st.one_of(
    st.dictionaries(_RESPONSE_FIELDS, _JSON, max_size=4),
    st.dictionaries(_RESPONSE_FIELDS, _JSON, max_size=3).map(lambda fields: {**fields, "input": "hi"}),
    st.lists(_JSON, max_size=3).map(lambda tools: {"input": "hi", "tools": tools}),
    _ITEMS.map(lambda items: {"input": items}),
    _ITEMS.map(lambda items: {"input": [{"role": "user", "content": "hi"}, *items]}),
    _JSON,
)
_BODIES = st.one_of(
    st.dictionaries(_FIELDS, _JSON, max_size=4),
    st.dictionaries(_FIELDS, _JSON, max_size=3).map(lambda fields: {**fields, **_GOOD}),
    _MESSAGES.map(lambda messages: {"messages": messages}),
    _MESSAGES.map(lambda messages: {"messages": [*_GOOD["messages"], *messages]}),
    _JSON,
)


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


def _post(client: httpx.Client, body: bytes, path: str = "/v1/chat/completions") -> httpx.Response:
    return client.post(path, content=body, headers={"Content-Type": "application/json"})


def _require_a_good_answer(client: httpx.Client) -> None:
    assert _post(client, json.dumps(_GOOD).encode()).status_code == 200


@settings(max_examples=150, deadline=None)
@given(body=_BODIES)
def test_any_json_is_answered_or_refused_with_the_fields_name(client: httpx.Client, body: object) -> None:
    answer = _post(client, json.dumps(body).encode())

    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        error = answer.json()["error"]
        assert error["message"]
        assert error["param"] or not isinstance(body, dict)
    _require_a_good_answer(client)


@settings(max_examples=150, deadline=None)
@given(body=_RESPONSE_BODIES)
def test_any_json_for_a_response_is_answered_or_refused_with_the_fields_name(
    client: httpx.Client, body: object
) -> None:
    answer = _post(client, json.dumps(body).encode(), path="/v1/responses")

    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        error = answer.json()["error"]
        assert error["message"]
        assert error["param"] or not isinstance(body, dict)
    assert client.post("/v1/responses", json={"input": "hi"}).json()["status"] == "completed"


@settings(max_examples=75, deadline=None)
@given(body=st.binary(max_size=60))
def test_any_bytes_are_refused(client: httpx.Client, body: bytes) -> None:
    answer = _post(client, body)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    _require_a_good_answer(client)


@settings(max_examples=75, deadline=None)
@given(cut=st.integers(0, len(json.dumps(_GOOD)) - 1), junk=st.binary(max_size=3))
def test_a_cut_or_spoilt_body_is_refused(client: httpx.Client, cut: int, junk: bytes) -> None:
    spoilt = json.dumps(_GOOD).encode()[:cut] + junk

    answer = _post(client, spoilt)

    # The junk may be just what was cut off.
    assert answer.status_code == (200 if _reads_as_good(spoilt) else 400)
    _require_a_good_answer(client)


def _reads_as_good(body: bytes) -> bool:
    try:
        return bool(json.loads(body) == _GOOD)
    except ValueError:
        return False
