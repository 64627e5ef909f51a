"""A chat server that gives every question the answer that is stored for it. It computes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from optiq_server.evaluation.store import StoredRun
from optiq_server.evaluation.suite import Answer, Item


def answers_of(items: Iterable[Item], run: StoredRun) -> dict[str, Answer]:
    """The stored answers by the question's text."""
    found = ((item, run.records.get(item.id)) for item in items)
    return {
        _question(item.messages): record.answer
        for item, record in found
        if record is not None and record.answer is not None
    }


def replay_app(answers: Mapping[str, Answer]) -> Starlette:
    async def complete(request: Request) -> Response:
        body = await request.json()
        answer = answers.get(_question(body["messages"]))
        if answer is None:
            return JSONResponse({"error": {"message": "no answer is stored"}}, status_code=404)
        message = {"role": "assistant", "content": answer.text}
        choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
        return JSONResponse({"object": "chat.completion", "choices": [choice]})

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


def _question(messages: Any) -> str:  # noqa: ANN401  # as the client sent it
    # lm-eval strips what surrounds a prompt.
    return str(messages[-1]["content"]).strip()
