"""One client: decode through our HTTP server, against mlx-lm's own loop over the same weights.

Both are greedy and write the same tokens, which is checked. The reference is `mlx_lm.stream_generate` on the
model as our loader builds it (reference rope, float32 on a CPU), in this process; the server runs in another,
idle while the reference is timed. The clock of both runs from the first visible token to the last token.
"""

import json
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
from mlx_lm.generate import stream_generate
from mlx_lm.utils import load_tokenizer

from optiq_harmony.conversation import Conversation, UserMessage
from optiq_harmony.events import ReasoningDelta, TextDelta, ToolCallStart
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.loader import LoadedModel
from tools.bench.timing import Decode, Pair

CURRENT_DATE = date(2026, 1, 31)
"""What the model is told by both sides."""

_VISIBLE = (ReasoningDelta, TextDelta, ToolCallStart)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """mlx-lm's generation loop over a loaded model."""

    loaded: LoadedModel
    folder: Path
    dialect: HarmonyDialect

    def decode(self, question: str, max_tokens: int) -> tuple[Decode, int]:
        """Time a greedy reply; also return how many tokens it has."""
        conversation = Conversation(messages=(UserMessage(text=question),))
        prompt = list(self.dialect.render(conversation).ids)
        tokenizer = load_tokenizer(self.folder, eos_token_ids=sorted(self.dialect.stop_tokens))
        ids: list[int] = []
        times: list[float] = []
        for response in stream_generate(self.loaded.model, tokenizer, prompt, max_tokens=max_tokens):
            times.append(time.perf_counter())
            ids.append(response.token)
        first = self._first_visible(ids)
        return Decode(tokens=len(ids) - 1 - first, seconds=times[-1] - times[first]), len(ids)

    def _first_visible(self, ids: list[int]) -> int:
        """The index of the first token that a client of the server would see something of."""
        parser = self.dialect.parser()
        for index, token in enumerate(ids):
            if any(isinstance(event, _VISIBLE) for event in parser.feed(token)):
                return index
        raise ValueError("the reply has no visible token")


def time_through_http(url: str, question: str, max_tokens: int) -> tuple[float, int]:
    """Seconds from a reply's first visible chunk to its end as a client sees them, and its tokens."""
    body = {
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    first = last = None
    tokens = 0
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=600) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if not line.startswith("data: {"):
                continue
            now = time.perf_counter()
            chunk = json.loads(line.removeprefix("data: "))
            if chunk["usage"]:
                tokens = chunk["usage"]["completion_tokens"]
            for choice in chunk["choices"]:
                if first is None and _is_visible(choice["delta"]):
                    first = now
                if choice["finish_reason"]:
                    last = now
    if first is None or last is None:
        raise ValueError("the reply has no visible token, or no end")
    return last - first, tokens


def _is_visible(delta: dict[str, object]) -> bool:
    return bool(delta.get("content") or delta.get("reasoning_content") or delta.get("tool_calls"))


def measure(
    url: str, reference: Reference, questions: list[str], *, rounds: int, max_tokens: int
) -> list[Pair]:
    """Each question both ways in turn, `rounds` times; who goes first alternates."""
    pairs = []
    for number in range(rounds):
        for question in questions:
            if number % 2:
                seconds, tokens = time_through_http(url, question, max_tokens)
                decode, expected = reference.decode(question, max_tokens)
            else:
                decode, expected = reference.decode(question, max_tokens)
                seconds, tokens = time_through_http(url, question, max_tokens)
            if tokens != expected:
                raise ValueError(f"{question!r}: {tokens} tokens through HTTP, {expected} without")
            # The replies are the same, so both clocks covered the same tokens.
            pairs.append(Pair(ours=Decode(tokens=decode.tokens, seconds=seconds), reference=decode))
    return pairs
