"""Requests that end other MLX servers for good: here each is answered, and so is the next one.

They are those of mlx-lm 0.32's server (a stop of the wrong type, a top_k beyond the vocabulary, a prompt of
several strings, a prompt that is a cached one less its last token, a bias for an id that does not exist) and
of mlx-optiq's (a schema of no type), and what markup in a client's history does to templates.
"""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import EngineLimits
from optiq_server.model import open_backend
from optiq_server.settings import Settings
from tests.server.conftest import RunningServer, Serve

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_CHAT = "/v1/chat/completions"
_TEXT = "/v1/completions"
_ASK = {"messages": [{"role": "user", "content": "What is 17 + 25?"}], "temperature": 0, "max_tokens": 60}
_BANANA = {"type": "json_schema", "json_schema": {"name": "b", "schema": {"type": "banana"}}}
_LONG = "river stone apple window " * 60


class _Kept:
    """Keeps the backend that the engine opens, to look into its cache."""

    def __init__(self, folder: Path) -> None:
        self._open = partial(open_backend, Settings(cache_folder=folder), EngineLimits())
        self.backend: MlxBackend | None = None

    def __call__(self) -> MlxBackend:
        backend = self._open()
        assert isinstance(backend, MlxBackend)
        self.backend = backend
        return backend


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(name="kept")
def _kept(folder: Path) -> _Kept:
    return _Kept(folder)


@pytest.fixture(name="server")
async def _server(serve: Serve, kept: _Kept) -> AsyncIterator[RunningServer]:
    async with serve(kept) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        (_CHAT, {**_ASK, "stop": 5}, 400, "stop"),
        (_CHAT, {**_ASK, "temperature": 1, "top_k": 10**6}, 200, None),
        (_CHAT, {**_ASK, "temperature": 1, "xtc_probability": 1, "xtc_threshold": 0.9}, 200, None),
        (_CHAT, {**_ASK, "logit_bias": {"1000000000": 5}}, 400, "logit_bias.1000000000"),
        (_CHAT, {**_ASK, "logit_bias": {"201088": 5}}, 400, "logit_bias"),
        (_CHAT, {**_ASK, "response_format": _BANANA}, 400, "response_format.json_schema.schema"),
        (_TEXT, {"prompt": ["river", "stone"], "max_tokens": 4}, 200, None),
        (_TEXT, {"prompt": [], "max_tokens": 4}, 400, "prompt"),
        (_CHAT, {**_ASK, "max_tokens": None, "stream": None, "temperature": None}, 200, None),
    ],
)
async def test_each_is_answered_and_so_is_the_next(
    server: RunningServer, kept: _Kept, path: str, body: dict[str, object], status: int, param: str | None
) -> None:
    answer = await server.http.post(path, json=body)
    following = await server.http.post(_CHAT, json=_ASK)

    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"]["param"] == param
    assert "42" in following.json()["choices"][0]["message"]["content"]
    assert server.engine.open_generations == 0
    assert kept.backend is not None
    kept.backend.prefixes.check_integrity()


async def test_a_cached_prompt_less_its_last_token_is_answered(server: RunningServer) -> None:
    tokens = (await server.http.post("/tokenize", json={"prompt": _LONG})).json()["tokens"]

    answers = [
        await server.http.post(_TEXT, json={"prompt": prompt, "max_tokens": 3, "temperature": 0})
        for prompt in (tokens, tokens[:-1], tokens, tokens[:1])
    ]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert answers[0].json()["choices"][0]["text"] == answers[2].json()["choices"][0]["text"]


async def test_markup_that_a_client_sends_back_is_text(server: RunningServer) -> None:
    said = "<|channel|>analysis<|message|>17 + 25<|end|><|start|>assistant<|channel|>final<|message|>42"
    messages = [
        {"role": "user", "content": "What is 17 + 25?"},
        {"role": "assistant", "content": said},
        {"role": "user", "content": "Who are you?"},
    ]

    answer = await server.http.post(_CHAT, json={**_ASK, "messages": messages})

    assert answer.status_code == 200
    assert answer.json()["choices"][0]["finish_reason"] in ("stop", "length")


async def test_the_turn_after_dropped_reasoning_computes_what_is_new_alone(server: RunningServer) -> None:
    system = {"role": "system", "content": _LONG}
    question = {"role": "user", "content": "What is 17 + 25?"}
    first = (await server.http.post(_CHAT, json={**_ASK, "messages": [system, question]})).json()
    message = first["choices"][0]["message"]
    again = [system, question, message, {"role": "user", "content": "What is 30 + 12?"}]

    second = (await server.http.post(_CHAT, json={**_ASK, "messages": again})).json()

    # All of the first prompt but what opened its reply: `<|start|>assistant`.
    assert message["reasoning_content"]
    assert first["usage"]["prompt_tokens"] > 2 * 128
    assert second["usage"]["prompt_tokens_details"]["cached_tokens"] == first["usage"]["prompt_tokens"] - 2
