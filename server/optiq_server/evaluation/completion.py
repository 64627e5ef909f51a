"""An item as the body of a chat completion, and the server's body as an answer. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optiq_server.evaluation.errors import NoAnswer
from optiq_server.evaluation.suite import Answer, Item, JsonObject, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """How the model is to answer. `max_tokens` takes the place of each item's own limit; `reasoning_effort`
    is for items that do not ask for one. Greedy unless a temperature is given.
    """

    model: str
    temperature: float = 0.0
    seed: int = 0
    max_tokens: int | None = None
    reasoning_effort: str | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.temperature <= 2.0:
            raise ValueError(f"temperature {self.temperature} is not between 0 and 2")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ValueError(f"max_tokens {self.max_tokens} is not at least 1")


def request_body(item: Item, added: Sequence[JsonObject], generation: Generation) -> dict[str, Any]:
    """The body that asks `item`, after the messages that were `added` to it."""
    body: dict[str, Any] = {
        "model": generation.model,
        "messages": [*item.messages, *added],
        "temperature": generation.temperature,
        "seed": generation.seed,
        # The older of its two names: some servers do not know max_completion_tokens.
        "max_tokens": generation.max_tokens or item.max_tokens,
    }
    effort = item.reasoning_effort or generation.reasoning_effort
    if effort is not None:
        body["reasoning_effort"] = effort
    if item.tools:
        body["tools"] = list(item.tools)
    return body


def read_completion(body: Mapping[str, Any], *, seconds: float, earlier: tuple[Answer, ...] = ()) -> Answer:
    """Raises NoAnswer if `body` is no chat completion."""
    try:
        return _read(body, seconds, earlier)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise NoAnswer(f"the server's body is no chat completion: {error!r}") from error


def _read(body: Mapping[str, Any], seconds: float, earlier: tuple[Answer, ...]) -> Answer:
    choice = body["choices"][0]
    message = choice["message"]
    usage = body.get("usage") or {}
    return Answer(
        text=_text(message.get("content")),
        # vLLM and mlx-lm call it reasoning, most others reasoning_content.
        reasoning=_text(message.get("reasoning_content") or message.get("reasoning")),
        tool_calls=tuple(_tool_call(each["function"]) for each in message.get("tool_calls") or ()),
        finish_reason=choice.get("finish_reason") or "stop",
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        seconds=seconds,
        earlier=earlier,
    )


def _text(content: str | Sequence[Mapping[str, Any]] | None) -> str:
    """A message's content: a text, nothing, or a list of parts."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part["text"] for part in content if part.get("type") in ("text", "output_text"))


def _tool_call(function: Mapping[str, Any]) -> ToolCall:
    return ToolCall(name=str(function["name"]), arguments=str(function.get("arguments") or ""))
