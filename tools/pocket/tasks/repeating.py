"""Repeating a list of words, or a sentence, exactly."""

from __future__ import annotations

import random

from tools.pocket.conversations import Exchange
from tools.pocket.lexicon import Lexicon

LONGEST_LIST = 12

_REQUESTS = (
    "Repeat: {text}",
    "Repeat after me: {text}",
    "Please repeat: {text}",
    "Repeat these words: {text}",
    "Repeat the following words: {text}",
    "Repeat the following: {text}",
    "Repeat this exactly: {text}",
    "Repeat this sentence: {text}",
    "Repeat exactly: {text}",
    "Say: {text}",
    "Say exactly: {text}",
    "Say this: {text}",
    "Echo: {text}",
    "Echo this back: {text}",
    "Write this again: {text}",
    "Copy this: {text}",
    "Copy the following text: {text}",
    "Just say: {text}",
    "Reply with exactly this: {text}",
    "Say the words: {text}",
    "Repeat the list: {text}",
    "Can you repeat this? {text}",
    "Repeat word for word: {text}",
    "Repeat the text below.\n{text}",
    "Repeat this back to me.\n\n{text}",
)


def _sentence(rng: random.Random, lexicon: Lexicon) -> str:
    words = [lexicon.word(rng) for _ in range(rng.randint(2, 9))]
    for place in range(1, len(words) - 1):
        if rng.random() < 0.3:
            words[place] = lexicon.of(rng, "small_words")
    if rng.random() < 0.3:
        words[rng.randrange(len(words))] = str(rng.randint(0, 999))
    text = " ".join(words)
    if rng.random() < 0.7:
        head, _, tail = text.partition(" ")
        text = f"{head.capitalize()} {tail}" if head in lexicon.capitals or head in lexicon.full else text
    return text + rng.choice((".", ".", "!", "?", ""))


def _list(rng: random.Random, lexicon: Lexicon) -> str:
    count = rng.randint(1, rng.choice((4, 8, LONGEST_LIST)))
    style = rng.random()
    items = [
        str(rng.randint(0, 999))
        if style > 0.85
        else (lexicon.name(rng) if style > 0.7 else lexicon.word(rng))
        for _ in range(count)
    ]
    return rng.choice((" ", " ", ", ", ", ", "\n", " - ")).join(items)


def make(rng: random.Random, lexicon: Lexicon) -> Exchange:
    text = _sentence(rng, lexicon) if rng.random() < 0.4 else _list(rng, lexicon)
    question = rng.choice(_REQUESTS).format(text=text)
    return Exchange(
        family="repeat",
        question=question,
        working={
            "low": "Repeat.",
            "medium": "I repeat the text.",
            "high": f"I repeat the text word for word. The text is: {text}",
        },
        answer=text,
    )
