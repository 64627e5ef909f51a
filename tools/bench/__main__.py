"""`python -m tools.bench`: measure, print a table, write the figures as JSON."""

import argparse
import json
import sys
from concurrent.futures import Future
from pathlib import Path

from optiq_harmony.constraint import GrammarCompiler, TokenTable
from optiq_harmony.ranks import unpack_ranks
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.checkpoint import resolve_checkpoint
from optiq_server.engine.loader import load_checkpoint
from optiq_server.pocket.checkpoint import unpack_pocket_checkpoint
from optiq_server.settings import default_cache_folder
from tools.bench import constrained
from tools.bench.server_process import optiq_serve
from tools.bench.single_stream import CURRENT_DATE, Reference, measure
from tools.bench.timing import summary

_QUESTIONS = [
    "What is 27 + 58?",
    "Repeat: river stone apple window green table paper light",
    "Who are you?",
    "What can you do?",
]


def main() -> int:
    options = _options()
    folder = _folder(options.model)
    model = ["--model", str(folder)]
    vocabulary = Vocabulary.load(default_cache_folder())
    compiler: Future[GrammarCompiler] = Future()
    compiler.set_result(GrammarCompiler(TokenTable(vocabulary)))
    dialect = HarmonyDialect(vocabulary, current_date=CURRENT_DATE, compiler=compiler)
    with optiq_serve([*model, "--current-date", CURRENT_DATE.isoformat()]) as url:
        loaded = load_checkpoint(folder)
        reference = Reference(loaded=loaded, folder=folder, dialect=dialect)
        measure(url, reference, _QUESTIONS[:1], rounds=1, max_tokens=options.max_tokens)  # warm-up
        pairs = measure(url, reference, _QUESTIONS, rounds=options.rounds, max_tokens=options.max_tokens)
    held = constrained.measure(loaded, dialect, rounds=options.rounds)
    figures = [
        summary("single stream through HTTP / mlx_lm.stream_generate", pairs),
        summary("200 tokens of constrained JSON / 200 free tokens", held),
    ]
    for each in figures:
        for name, value in each.items():
            print(f"{name:30} {value}")
        print()
    options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--model", help="a checkpoint's folder or hub repository (default: the pocket model)")
    parser.add_argument("--rounds", type=int, default=6, help="times that each question is asked both ways")
    parser.add_argument("--max-tokens", type=int, default=400)
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    return parser.parse_args()


def _folder(model: str | None) -> Path:
    if model is not None:
        return resolve_checkpoint(model)
    cache_folder = default_cache_folder()
    return unpack_pocket_checkpoint(cache_folder, ranks=unpack_ranks(cache_folder))


if __name__ == "__main__":
    sys.exit(main())
