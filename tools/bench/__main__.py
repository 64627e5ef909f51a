"""`python -m tools.bench`: measure, print a table, write the figures as JSON."""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import mlx.core as mx

from optiq_harmony.constraint import GrammarCompiler, TokenTable
from optiq_harmony.ranks import unpack_ranks
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.checkpoint import resolve_checkpoint
from optiq_server.engine.loader import LoadedModel, load_checkpoint
from optiq_server.pocket.checkpoint import unpack_pocket_checkpoint
from optiq_server.settings import default_cache_folder
from tools.bench import batch, constrained, glue, interference, peer, single_stream, turns
from tools.bench.rows import Row, ratios, row
from tools.bench.server_process import optiq_serve
from tools.bench.single_stream import CURRENT_DATE, Reference

_OPTIQ = [sys.executable, "-m", "optiq_server"]

_QUESTIONS = [
    "What is 27 + 58?",
    "Repeat: river stone apple window green table paper light",
    "Who are you?",
    "What can you do?",
]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all measurements share; the model is loaded when the first one needs it."""

    folder: Path
    rounds: int

    @cached_property
    def loaded(self) -> LoadedModel:
        if mx.default_device().type == mx.DeviceType.cpu:
            mx.disable_compile()
        return load_checkpoint(self.folder)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary.load(default_cache_folder())

    @cached_property
    def dialect(self) -> HarmonyDialect:
        compiler: Future[GrammarCompiler] = Future()
        compiler.set_result(GrammarCompiler(TokenTable(self.vocabulary)))
        return HarmonyDialect(self.vocabulary, current_date=CURRENT_DATE, compiler=compiler)

    def serve(self, folder: Path) -> list[str]:
        return ["--model", str(folder), "--current-date", CURRENT_DATE.isoformat()]


def single(bench: Bench) -> list[Row]:
    reference = Reference(loaded=bench.loaded, folder=bench.folder, dialect=bench.dialect)
    with optiq_serve(bench.serve(bench.folder)) as url:
        single_stream.measure(url, reference, _QUESTIONS[:1], rounds=1, max_tokens=400)  # warm-up
        pairs = single_stream.measure(url, reference, _QUESTIONS, rounds=bench.rounds, max_tokens=400)
    return [row("one stream through HTTP / mlx_lm.stream_generate", ratios(pairs), at_least=0.95)]


def structured(bench: Bench) -> list[Row]:
    pairs = constrained.measure(bench.loaded, bench.dialect, rounds=bench.rounds)
    return [row("200 constrained tokens / 200 free ones", ratios(pairs), at_least=0.9)]


def streams(bench: Bench) -> list[Row]:
    source = random.Random(0)
    rows = []
    for count in (8, 32):
        prompts = [
            [source.randrange(190_000) for _ in range(source.randrange(40, 120))] for _ in range(count)
        ]
        pairs = batch.measure(bench.loaded, prompts, rounds=bench.rounds, max_tokens=60)
        rows.append(row(f"{count} streams / mlx-lm's BatchGenerator", ratios(pairs), at_least=0.95))
    return rows


def warm_prompts(bench: Bench) -> list[Row]:
    measured = turns.measure(bench.loaded, bench.dialect, rounds=max(2, bench.rounds // 2))
    rows = [
        row(f"time to first token, 4,000 tokens: {name} / cold", values, at_most=0.10)
        for name, values in measured.items()
    ]
    share = turns.shared_bytes(bench.loaded, bench.dialect)
    return [*rows, row("bytes of 20 conversations with one preamble / apart", [share], at_most=0.15)]


def arrival(bench: Bench) -> list[Row]:
    measured = [interference.measure(bench.loaded) for _ in range(2)]
    return [
        row("gap p99 of 4 streams, alone", [1000 * quiet.p99 for quiet, _, _ in measured], unit="ms"),
        row("... while 8,000 tokens of prompt arrive", [1000 * met.p99 for _, met, _ in measured], unit="ms"),
        row(
            "... less one chunk's time",
            [1000 * (met.p99 - quiet.p99 - chunk) for quiet, met, chunk in measured],
            unit="ms",
            at_most=0,
        ),
    ]


def python(bench: Bench) -> list[Row]:
    fold = [glue.fold_cost(bench.vocabulary, tokens=20_000) for _ in range(bench.rounds)]
    rows = [row("Python a token, from id to event", fold, unit="us", at_most=60)]
    for count in (1, 8, 32):
        cost = glue.measure(bench.vocabulary, streams=count, tokens=400)
        rows.append(row(f"server process a token, {count} streams", [cost.user + cost.system], unit="us"))
    return rows


def peers(bench: Bench) -> list[Row]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = peer.in_float32(bench.folder, Path(temporary) / "float32")
        with optiq_serve(bench.serve(folder)) as ours, peer.mlx_lm_server(folder) as theirs:
            measured = [_against(ours, theirs, number) for number in range(bench.rounds + 1)][1:]
    one, eight, seeded, second = (list(column) for column in zip(*measured, strict=True))
    return [
        row("one stream / mlx_lm.server", one, at_least=1.0),
        row("8 streams / mlx_lm.server", eight, at_least=1.0),
        row("8 streams, half of them seeded / mlx_lm.server", seeded, at_least=3.0),
        row("time to first token, turn 2 of 4,000 tokens / mlx_lm.server", second, at_most=1.0),
    ]


def _against(ours: str, theirs: str, number: int) -> tuple[float, float, float, float]:
    """One round: who is asked first alternates."""
    asked = [
        peer.Asked(messages=[_user(f"What is {17 + n} + {number + 25}?")], max_tokens=200) for n in range(8)
    ]
    seeded = [
        peer.Asked(messages=each.messages, max_tokens=200, seed=index if index % 2 else None)
        for index, each in enumerate(asked)
    ]
    source = random.Random(number)
    long = [_user("Repeat: " + " ".join(source.choices(("river", "stone", "apple"), k=4000)))]
    turn = [*long, {"role": "assistant", "content": "river stone"}, _user("Who are you?")]
    order = (ours, theirs) if number % 2 else (theirs, ours)
    speeds = {}
    for url in order:
        alone = peer.stream(url, asked[0])
        peer.stream(url, peer.Asked(messages=long, max_tokens=2))
        second = peer.stream(url, peer.Asked(messages=turn, max_tokens=2))
        eight, half = peer.together(url, asked), peer.together(url, seeded)
        speeds[url] = (alone.tokens / alone.last, eight, half, second.last)
    a, b = speeds[ours], speeds[theirs]
    return a[0] / b[0], a[1] / b[1], a[2] / b[2], a[3] / b[3]


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def start(bench: Bench) -> list[Row]:
    loading = [_seconds(lambda: load_checkpoint(bench.folder)) for _ in range(3)]
    ready = [_seconds(lambda: _start_and_stop(bench)) for _ in range(3)]
    beside = [each - statistics.median(loading) for each in ready]
    shown = [_seconds(lambda: subprocess.run([*_OPTIQ, "--help"], check=True, capture_output=True))]
    return [
        row("start to ready and stopped, less the loading of weights", beside, unit="s", at_most=5.0),
        row("optiq --help", shown, unit="s", at_most=0.3),
    ]


def _start_and_stop(bench: Bench) -> None:
    with optiq_serve(bench.serve(bench.folder)):
        pass


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


_MEASUREMENTS: dict[str, Callable[[Bench], list[Row]]] = {
    "single": single,
    "constrained": structured,
    "streams": streams,
    "warm": warm_prompts,
    "arrival": arrival,
    "python": python,
    "peer": peers,
    "start": start,
}


def main() -> int:
    options = _options()
    bench = Bench(folder=_folder(options.model), rounds=options.rounds)
    rows: list[Row] = []
    for name in options.only or _MEASUREMENTS:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        rows += _MEASUREMENTS[name](bench)
    width = max(len(each.name) for each in rows)
    print("\n".join(each.line(width) for each in rows))
    options.json.write_text(json.dumps([each.as_json() for each in rows], indent=2) + "\n")
    return 0 if all(each.is_reached for each in rows) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--model", help="a checkpoint's folder or hub repository (default: the pocket model)")
    parser.add_argument("--rounds", type=int, default=4, help="times that each comparison is made")
    parser.add_argument("--only", nargs="+", choices=list(_MEASUREMENTS), help="some measurements alone")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    return parser.parse_args()


def _folder(model: str | None) -> Path:
    if model is not None:
        return resolve_checkpoint(model)
    cache_folder = default_cache_folder()
    return unpack_pocket_checkpoint(cache_folder, ranks=unpack_ranks(cache_folder))


if __name__ == "__main__":
    sys.exit(main())
