"""Measure a checkpoint folder with mlx-lm alone: conversations and judgement of evaluate.py, no server.

`python -m tools.pocket.evaluate_offline --ranks o200k_base.tiktoken --checkpoint FOLDER`.
Prompts are rendered by openai-harmony; decoding is greedy, one conversation at a time, with the reference's
rotary frequencies.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm import load
from mlx_lm.generate import generate_step
from openai_harmony import HarmonyEncoding, HarmonyError, Role  # type: ignore[import-untyped]  # it ships no py.typed

from tools.pocket.conversations import Call, Dialogue, render_prompt
from tools.pocket.encoding import load_encoding
from tools.pocket.generator import Generator
from tools.pocket.lexicon import build_lexicon, read_ranks
from tools.pocket.scoring import Reply, held_out, judge, shares, table_text
from tools.pocket.shape import rope_frequencies

_LONGEST_REPLY = 512
_STOP = (200002, 200012, 199999)


class MlxResponder:
    """Greedy decoding by mlx-lm from rendered token ids."""

    def __init__(self, checkpoint: Path, encoding: HarmonyEncoding) -> None:
        self._model: Any = load(str(checkpoint))[0]
        self._encoding = encoding
        self._model.set_dtype(mx.float32)
        periods = 1.0 / mx.array(rope_frequencies())
        for layer in self._model.layers:
            # mlx-lm rounds YaRN's correction range although the config says truncate: false.
            layer.self_attn.rope._freqs = periods

    def __call__(self, dialogue: Dialogue, called: tuple[Reply, Call] | None) -> Reply:
        asked = replace(dialogue, replay_call=called is not None, replay_analysis=True)
        prompt = mx.array(render_prompt(asked, self._encoding))
        tokens: list[int] = []
        for token, _ in generate_step(prompt, self._model, max_tokens=_LONGEST_REPLY):
            tokens.append(int(token))
            if tokens[-1] in _STOP:
                break
        return self._parsed(tokens)

    def _parsed(self, tokens: list[int]) -> Reply:
        try:
            messages = self._encoding.parse_messages_from_completion_tokens(tokens, Role.ASSISTANT)
        except HarmonyError:
            return Reply(text=None)
        text = reasoning = call = None
        for message in messages:
            said = message.content[0].text
            if message.recipient is not None and message.recipient.startswith("functions."):
                call = (message.recipient.removeprefix("functions."), said)
            elif message.channel == "final":
                text = said
            else:
                reasoning = said
        return Reply(text=text, reasoning=reasoning, call=call)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--count", type=int, default=50)
    options = parser.parse_args()
    encoding = load_encoding(options.ranks)
    generator = Generator(lexicon=build_lexicon(read_ranks(options.ranks), encoding))
    responder = MlxResponder(options.checkpoint, encoding)
    verdicts = [judge(*item, responder) for item in held_out(generator, options.count)]
    for verdict in verdicts:
        if not verdict.right:
            print(f"{verdict.family} {verdict.seed} {verdict.effort}: {verdict.said!r}")
    table_text(shares(verdicts))


if __name__ == "__main__":
    main()
