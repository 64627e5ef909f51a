"""Give a training checkpoint rows for new tokens: `python -m tools.pocket.extend --ranks R --from A --to B`.

A new row is a random mixture of trained rows of the same spelling class (with or without a leading space,
capital or small), the same mixture for every spelling of one word and for its head row. So it has the
statistics that the trained circuits expect, and it can be copied and matched before its first step.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from openai_harmony import HarmonyEncoding  # type: ignore[import-untyped]  # it ships no py.typed
from torch import Tensor

from tools.pocket.encoding import load_encoding
from tools.pocket.generator import Generator
from tools.pocket.lexicon import build_lexicon, read_ranks
from tools.pocket.vocabulary import collect_rows

_DONORS = 400
SpellingClass = tuple[bool, bool]


def _spelling(text: str) -> SpellingClass:
    return text.startswith(" "), text.strip()[:1].isupper()


def _donors(tokens: list[int], encoding: HarmonyEncoding) -> dict[SpellingClass, dict[str, int]]:
    """Rows of plain words by spelling class, keyed by the word in lower case."""
    found: dict[SpellingClass, dict[str, int]] = defaultdict(dict)
    for row, token in enumerate(tokens):
        text = encoding.decode([token])
        if text.strip().isalpha() and len(text.strip()) > 2:
            found[_spelling(text)][text.strip().lower()] = row
    return found


def new_rows(matrix: Tensor, tokens: list[int], added: list[int], encoding: HarmonyEncoding) -> Tensor:
    """Rows for `added`; called with the same arguments for embedding and head, it draws the same mixtures."""
    donors = _donors(tokens, encoding)
    shared = set.intersection(*(set(words) for words in donors.values()))
    words = sorted(shared)[:: max(1, len(shared) // _DONORS)]
    mixtures: dict[str, Tensor] = {}
    draw = torch.Generator().manual_seed(0)
    rows = []
    for token in added:
        text = encoding.decode([token])
        word = text.strip().lower()
        if word not in mixtures:
            mixtures[word] = torch.randn(len(words), generator=draw) / len(words) ** 0.5
        trained = matrix[[donors[_spelling(text)][w] for w in words]]
        mean = trained.mean(dim=0)
        rows.append(mean + mixtures[word] @ (trained - mean))
    return torch.stack(rows)


def extend(state: dict[str, Any], wanted: tuple[int, ...], encoding: HarmonyEncoding) -> dict[str, Any]:
    """The checkpoint with rows for all of `wanted`; new rows come before the shared one, which stays last."""
    tokens: list[int] = state["tokens"]
    added = [token for token in wanted if token not in set(tokens)]
    if not added:
        return state
    model = dict(state["model"])
    for name in ("embedding", "head"):
        fresh = new_rows(model[name], tokens, added, encoding)
        model[name] = torch.cat((model[name][:-1], fresh, model[name][-1:]))
    old, new = len(tokens) + 1, len(tokens) + len(added) + 1
    adam = state["optimisers"][1]
    for moments in adam["state"].values():
        for key, value in moments.items():
            if value.dim() == 2 and value.shape[0] == old:
                zeros = value.new_zeros(new - old, value.shape[1])
                moments[key] = torch.cat((value[:-1], zeros, value[-1:]))
    shape = state["shape"] | {"rows": new}
    return state | {"model": model, "tokens": tokens + added, "shape": shape}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=Path, required=True)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    encoding = load_encoding(options.ranks)
    generator = Generator(lexicon=build_lexicon(read_ranks(options.ranks), encoding))
    state = torch.load(options.source, weights_only=True)
    extended = extend(state, collect_rows(generator, encoding).tokens, encoding)
    torch.save(extended, options.to)
    print(f"{len(state['tokens'])} -> {len(extended['tokens'])} tokens with a row")


if __name__ == "__main__":
    main()
