"""Write the held-out conversations that `optiq eval --suite pocket` asks.

`python -m tools.pocket.held_out` writes them into the package; the same seeds give the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from optiq_harmony.ranks import unpack_ranks
from optiq_server.settings import default_cache_folder
from tools.pocket.conversations import Dialogue
from tools.pocket.encoding import load_encoding
from tools.pocket.evaluate import request_messages
from tools.pocket.generator import Generator
from tools.pocket.lexicon import build_lexicon, read_ranks
from tools.pocket.scoring import held_out

_OUT = Path("server/optiq_server/evaluation/data/pocket.jsonl.gz")


def row_of(seed: int, family: str, dialogue: Dialogue) -> dict[str, Any]:
    """One conversation: what is asked, and what is right."""
    row: dict[str, Any] = {
        "id": f"{family}/{seed}",
        "task": family,
        "effort": dialogue.effort,
        "messages": request_messages(dialogue, None),
        "answer": dialogue.current.answer,
    }
    if dialogue.tools:
        row["tools"] = [{"type": "function", "function": asdict(tool)} for tool in dialogue.tools]
    if dialogue.current.call is not None:
        row["call"] = asdict(dialogue.current.call)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--ranks", type=Path, help="o200k_base.tiktoken (default: the one in the server's cache)"
    )
    parser.add_argument("--count", type=int, default=200, help="conversations of each task")
    parser.add_argument("--out", type=Path, default=_OUT)
    options = parser.parse_args()
    ranks = options.ranks or unpack_ranks(default_cache_folder())
    generator = Generator(lexicon=build_lexicon(read_ranks(ranks), load_encoding(ranks)))
    rows = [row_of(*item) for item in held_out(generator, options.count)]
    text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    # No time stamp, so that the same conversations are the same file.
    options.out.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(rows)} conversations in {options.out}")


if __name__ == "__main__":
    main()
