"""A real OpenAI-compatible server on a real socket, whose replies a test writes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MODEL = "scripted"

Body = dict[str, Any]
Reply = Callable[[Body], Response]


def completion(
    text: str | None,
    *,
    reasoning: str | None = None,
    call: tuple[str, str] | None = None,
    finish_reason: str = "stop",
) -> JSONResponse:
    """A chat completion as servers write it."""
    message: Body = {"role": "assistant", "content": text, "reasoning_content": reasoning}
    if call is not None:
        function = {"name": call[0], "arguments": call[1]}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return JSONResponse({"choices": [{"message": message, "finish_reason": finish_reason}], "usage": usage})


def refusal(status: int, **headers: str) -> JSONResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"error": {"message": "not now"}}, status_code=status, headers=named)


def question_of(body: Body) -> str:
    """The last message's text."""
    return str(body["messages"][-1]["content"])


@dataclass
class ChatServer:
    """Where it is, and what it was asked."""

    base_url: str
    bodies: list[Body] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def chat_server(reply: Reply) -> Iterator[ChatServer]:
    asked = ChatServer(base_url="")

    async def complete(request: Request) -> Response:
        body = await request.json()
        asked.bodies.append(body)
        asked.keys.append(request.headers.get("authorization"))
        return reply(body)

    async def models(_: Request) -> Response:
        return JSONResponse({"data": [{"id": MODEL}]})

    routes = [
        Route("/v1/chat/completions", complete, methods=["POST"]),
        Route("/v1/models", models),
    ]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)  # uvicorn has no event for it that another thread can wait for
        [listener] = server.servers
        asked.base_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
        yield asked
    finally:
        server.should_exit = True
        thread.join()
