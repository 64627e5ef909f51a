"""Conversations of the pocket model's tasks as lines of JSON, for measuring on them.

python -m tools.pocket.conversation_lines --out FILE --count 40 --first-seed 5000000
"""

import argparse
import json
from pathlib import Path

from optiq_harmony.ranks import unpack_ranks
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.settings import default_cache_folder
from tools.pocket.conversations import Call, Dialogue, Exchange
from tools.pocket.generator import Generator
from tools.pocket.lexicon import build_lexicon, read_ranks


def conversation_line(dialogue: Dialogue) -> dict[str, object]:
    """In the form of OpenAI's chat API, the right answer to the last question included."""
    messages: list[dict[str, object]] = []
    if dialogue.instructions is not None:
        messages.append({"role": "developer", "content": dialogue.instructions})
    for exchange in dialogue.history:
        messages += _exchange(exchange, None)
    messages += _exchange(dialogue.current, dialogue.current.working[dialogue.effort])
    tools = [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in dialogue.tools
    ]
    return {
        "topic": dialogue.current.family,
        "reasoning_effort": dialogue.effort,
        "messages": messages,
        "tools": tools,
    }


def _exchange(exchange: Exchange, reasoning: str | None) -> list[dict[str, object]]:
    thought = {} if reasoning is None else {"reasoning": reasoning}
    asked: dict[str, object] = {"role": "user", "content": exchange.question}
    answer: dict[str, object] = {"role": "assistant", "content": exchange.answer}
    if exchange.call is None:
        return [asked, {**answer, **thought}]
    return [asked, *_called(exchange.call, thought), answer]


def _called(call: Call, thought: dict[str, str]) -> list[dict[str, object]]:
    name = call.name
    function = {"name": name, "arguments": call.arguments_text}
    made = {"role": "assistant", "content": None, "tool_calls": [{"id": name, "function": function}]}
    return [{**made, **thought}, {"role": "tool", "tool_call_id": name, "content": call.result}]


def main() -> None:
    parser = argparse.ArgumentParser(description="Write conversations of the pocket model's tasks.")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--first-seed", type=int, default=5_000_000, help="training used small seeds")
    options = parser.parse_args()
    cache = default_cache_folder()
    encoding = Vocabulary.load(cache).encoding
    generator = Generator(lexicon=build_lexicon(read_ranks(unpack_ranks(cache)), encoding))
    seeds = range(options.first_seed, options.first_seed + options.count)
    lines = [json.dumps(conversation_line(generator.dialogue(seed))) for seed in seeds]
    options.out.write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
