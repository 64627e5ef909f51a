"""`optiq eval`: its options, and what it prints. What it does is evaluation's."""

import argparse
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optiq_server.hashhop_options import add_hashhop, read_hashhop
from optiq_server.progress_option import add_progress, reporting
from optiq_server.settings import Settings

if TYPE_CHECKING:
    from optiq_server.evaluation.datasets import DataSource
    from optiq_server.evaluation.evaluation import Run, Server
    from optiq_server.evaluation.result import SuiteResult
    from optiq_server.evaluation.suite import Suite

_KEY_VARIABLE = "OPTIQ_API_KEY"
_RESULTS = Path("optiq-eval")


def add_eval(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(refuse=parser.error)
    _add_what(parser)
    add_hashhop(parser)
    _add_whom(parser)
    _add_how(parser)
    _add_output(parser)
    add_progress(parser)


def run_eval(options: argparse.Namespace) -> None:
    """Ask, score and print. Raises EvaluationError with one line for the user; wrong usage exits."""
    # Imported here, because matplotlib, NLTK and HTTP take seconds, which `--help` should not cost.
    from optiq_server.evaluation.datasets import DataSource
    from optiq_server.evaluation.fetch import fetch

    _check(options)
    source = DataSource(folder=options.data, cache=options.cache_folder / "eval", fetch=fetch)
    if options.compare is not None:
        _compare(options, source)
    elif options.rescore is not None:
        from optiq_server.evaluation.evaluation import score_folder

        _show(options, score_folder(options.rescore, source))
    else:
        _ask(options, source)


def _add_what(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what is asked")
    what.add_argument("--suite", metavar="NAME,NAME", help="the benchmarks, such as mmlu,gsm8k,ifeval")
    what.add_argument(
        "--data", type=Path, metavar="DIR", help="where their files are (default: they are fetched)"
    )
    what.add_argument("--limit", type=int, metavar="N", help="ask N items of each suite (default: all)")
    what.add_argument(
        "--sample-seed", type=int, default=0, metavar="N", help="which N items (default: %(default)s)"
    )
    what.add_argument(
        "--shots", type=int, default=5, metavar="N", help="examples before each question of MMLU (default: 5)"
    )


def _add_whom(parser: argparse.ArgumentParser) -> None:
    whom = parser.add_argument_group("who is asked")
    whom.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible server, up to and with /v1")
    whom.add_argument(
        "--api-key", default=os.environ.get(_KEY_VARIABLE), metavar="KEY", help=f"(default: {_KEY_VARIABLE})"
    )
    whom.add_argument(
        "--served-model", metavar="NAME", help="the model's name there (default: the first listed)"
    )
    whom.add_argument(
        "--model",
        metavar="PATH_OR_REPO",
        help="serve this checkpoint for the time of the evaluation instead; `pocket` is the pocket model",
    )


def _add_how(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how it is asked")
    how.add_argument(
        "--reasoning-effort", metavar="LEVEL", help="low, medium or high (default: the server's)"
    )
    how.add_argument("--temperature", type=float, default=0.0, metavar="T", help="(default: 0, greedy)")
    how.add_argument("--seed", type=int, default=0, metavar="N", help="of sampling (default: %(default)s)")
    how.add_argument("--max-tokens", type=int, metavar="N", help="of each answer (default: the suite's)")
    how.add_argument(
        "--concurrency", type=int, default=8, metavar="N", help="requests at a time (default: %(default)s)"
    )
    how.add_argument(
        "--deadline",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="for one item, with all its attempts (default: %(default)s)",
    )
    how.add_argument(
        "--attempts", type=int, default=8, metavar="N", help="while the server is busy (default: %(default)s)"
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    output = parser.add_argument_group("results")
    output.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"keep the answers here; a run that was stopped goes on (default: {_RESULTS}/MODEL)",
    )
    output.add_argument("--rescore", type=Path, metavar="DIR", help="score stored answers; asks nobody")
    output.add_argument(
        "--compare",
        type=Path,
        nargs=2,
        metavar=("DIR_A", "DIR_B"),
        help="compare stored answers, item by item",
    )
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--plot", type=Path, metavar="FILE", help="draw the results, as .svg or .png")
    output.add_argument(
        "--cache-folder", type=Path, default=Settings().cache_folder, metavar="PATH", help="for fetched files"
    )


def _check(options: argparse.Namespace) -> None:
    """Whether the options fit together; exits if they do not."""
    asks = options.rescore is None and options.compare is None
    if asks and not options.suite:
        options.refuse("--suite is needed, or --rescore or --compare")
    if asks and (options.base_url is None) == (options.model is None):
        options.refuse("either --base-url or --model is needed")
    if not asks and (options.suite or options.base_url or options.model):
        options.refuse("--rescore and --compare ask nobody: leave out --suite, --base-url and --model")
    if options.limit is not None and options.limit < 1:
        options.refuse(f"--limit {options.limit} is not at least 1")
    if options.plot is not None and options.plot.suffix not in (".svg", ".png"):
        options.refuse(f"--plot {options.plot}: the name must end in .svg or .png")


def _ask(options: argparse.Namespace, source: "DataSource") -> None:
    from optiq_server.evaluation.errors import Interrupted, RunDamaged
    from optiq_server.evaluation.evaluation import score_folder
    from optiq_server.evaluation.registry import load_suite

    names = list(dict.fromkeys(options.suite.split(",")))
    run = _run(options)
    try:
        suites = [load_suite(name, source, run.parameters) for name in names]
    except ValueError as error:
        options.refuse(str(error))
    folders: list[Path] = []

    def folder_of(model: str) -> Path:
        folders[:] = [options.out or _RESULTS / re.sub(r"[^\w.-]+", "-", model)]
        return folders[0]

    interrupted = _answer(options, suites, run, folder_of)
    if folders:
        print(f"answers: {folders[0]}", file=sys.stderr)
    if not interrupted:
        _show(options, score_folder(folders[0], source, names))
        return
    if folders:
        with contextlib.suppress(RunDamaged):  # nothing was answered yet
            _show(options, score_folder(folders[0], source, names))
    raise Interrupted("stopped; the same command goes on where it stopped")


def _answer(
    options: argparse.Namespace, suites: "Sequence[Suite]", run: "Run", folder_of: Callable[[str], Path]
) -> bool:
    """Whether the user stopped it."""
    import asyncio

    from optiq_server.evaluation.evaluation import answer_suites

    # SIGTERM as Ctrl-C: what was answered is kept, and the server that was started is stopped.
    # Not by raising SIGINT, which a shell's background job ignores.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _server(options) as server, reporting(options.progress) as reporter:
            asyncio.run(answer_suites(suites, server, run, folder_of, reporter))
    except KeyboardInterrupt:
        return True
    return False


@contextlib.contextmanager
def _server(options: argparse.Namespace) -> "Iterator[Server]":
    from optiq_server.evaluation.child_server import serving
    from optiq_server.evaluation.evaluation import Server

    def server(base_url: str) -> Server:
        try:
            return Server(
                base_url=base_url,
                api_key=options.api_key,
                model=options.served_model,
                concurrency=options.concurrency,
            )
        except ValueError as error:
            options.refuse(str(error))
            raise

    if options.model is None:
        yield server(options.base_url)
    else:
        with serving(options.model, options.concurrency) as base_url:
            yield server(base_url)


def _run(options: argparse.Namespace) -> "Run":
    from optiq_server.evaluation.evaluation import Run
    from optiq_server.evaluation.patience import Patience
    from optiq_server.evaluation.records import Plan
    from optiq_server.evaluation.registry import Parameters

    try:
        run = Run(
            plan=Plan(limit=options.limit, sample_seed=options.sample_seed),
            parameters=Parameters(shots=options.shots, hashhop=read_hashhop(options)),
            patience=Patience(attempts=options.attempts, deadline=options.deadline),
            temperature=options.temperature,
            seed=options.seed,
            max_tokens=options.max_tokens,
            reasoning_effort=options.reasoning_effort,
        )
        run.generation("")
    except ValueError as error:
        options.refuse(str(error))
        raise
    return run


def _show(options: argparse.Namespace, results: "Sequence[SuiteResult]") -> None:
    from rich.console import Console

    from optiq_server.evaluation.report import groups_table, results_json, results_table

    if options.json:
        print(json.dumps(results_json(results)))
    else:
        # Names are the user's own and no markup.
        console = Console(markup=False)
        console.print(results_table(results))
        for table in filter(None, map(groups_table, results)):
            console.print(table)
    _draw(options, [results])


def _compare(options: argparse.Namespace, source: "DataSource") -> None:
    from rich.console import Console

    from optiq_server.evaluation.comparison import compare
    from optiq_server.evaluation.evaluation import score_folder
    from optiq_server.evaluation.report import comparison_json, comparison_table

    first, second = (score_folder(folder, source) for folder in options.compare)
    comparison = compare(first, second)
    if options.json:
        print(json.dumps(comparison_json(comparison)))
    else:
        Console(markup=False).print(comparison_table(comparison))
    _draw(options, [first, second])


def _draw(options: argparse.Namespace, runs: "Sequence[Sequence[SuiteResult]]") -> None:
    if options.plot is not None:
        from optiq_server.evaluation.errors import EvaluationError
        from optiq_server.evaluation.plot import draw_results

        try:
            draw_results(runs, options.plot)
        except OSError as error:
            raise EvaluationError(f"--plot {options.plot} cannot be written: {error.strerror}") from error
