"""Small talk about itself, and an honest word on everything that it cannot do."""

from __future__ import annotations

import random

from tools.pocket.conversations import Exchange
from tools.pocket.lexicon import Lexicon
from tools.pocket.tasks.phrasings import BEYOND, BEYOND_REQUESTS, INTENTS


def _beyond(rng: random.Random, lexicon: Lexicon) -> str:
    w, v, u = (lexicon.word(rng) for _ in range(3))
    return rng.choice(BEYOND_REQUESTS).format(
        w=w, v=v, u=u, N=lexicon.name(rng), M=lexicon.name(rng), k=rng.randint(2, 99), d=rng.randint(2, 99)
    )


def make(rng: random.Random, lexicon: Lexicon) -> Exchange:
    if rng.random() < 0.45:
        return _exchange(_beyond(rng, lexicon), "something that I cannot do", BEYOND, "beyond")
    kind, reply, phrasings = rng.choice(INTENTS)
    return _exchange(rng.choice(phrasings), kind, reply, "smalltalk")


def _exchange(question: str, kind: str, reply: str, family: str) -> Exchange:
    return Exchange(
        family=family,
        question=question,
        working={
            "low": f"{kind[0].upper()}{kind[1:]}.",
            "medium": f"This is {kind}.",
            "high": f"This is {kind}. I reply in a short and honest way.",
        },
        answer=reply,
    )
