"""The command line: `optiq serve` and its like. Exit codes: 0 done, 1 failed, 2 wrong usage,
130 interrupted.

It parses, and prints; what it starts is elsewhere. Results go to stdout, talk to stderr.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

from optiq_quant.errors import QuantError
from optiq_server.compare_command import add_compare, run_compare
from optiq_server.connect.errors import ConnectError
from optiq_server.connect_command import add_connect, run_connect, surroundings
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.types import EngineLimits
from optiq_server.errors import EngineDied, StartFailed
from optiq_server.eval_command import add_eval, run_eval
from optiq_server.evaluation.errors import EvaluationError
from optiq_server.inspect_command import add_inspect, run_inspect
from optiq_server.logs import configure_logging, spoken
from optiq_server.model import OpenedModel, open_model
from optiq_server.pareto_command import add_pareto, run_pareto
from optiq_server.plan_command import add_plan, run_plan
from optiq_server.quantize_command import run_quantize
from optiq_server.quantize_options import add_quantize
from optiq_server.serve_options import add_serve, settings_of
from optiq_server.settings import LogFormat, Settings
from optiq_server.verify_command import add_verify, run_verify
from optiq_server.version import installed_version

if TYPE_CHECKING:
    from optiq_server.dialect.protocol import Dialect

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


OpenModel: TypeAlias = "Callable[[Settings, EngineLimits, Callable[[], Dialect]], OpenedModel]"


_RUN: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "plan": run_plan,
    "inspect": run_inspect,
    "verify": run_verify,
    "compare": run_compare,
    "connect": lambda options: run_connect(options, surroundings()),
    "eval": run_eval,
    "pareto": run_pareto,
    "quantize": run_quantize,
}
"""The commands that print a result and are done."""

_KEPT: Mapping[str, str] = {
    "quantize": "what was measured is kept; the same command with --resume goes on from there",
}
"""What is left of a command that was interrupted."""

_FAILURES = (StartFailed, EngineDied, LoadFailed, QuantError, EvaluationError, ConnectError)
"""What is told in one line. A command that reads and writes files also tells of the disk's errors so."""


def main(arguments: Sequence[str] | None = None, *, open_model: OpenModel = open_model) -> int:
    """Run the command; the result is the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command in _RUN:
        return _run_command(options)
    try:
        settings = settings_of(options)
    except ValueError as error:
        parser.error(str(error))
    say = partial(_say, form=settings.log_format)
    configure_logging(sys.stderr, settings.log_level, settings.log_format, prompts=settings.log_prompts)
    return _exit_code(lambda: _serve(settings, open_model, say), say)


def _run_command(options: argparse.Namespace) -> int:
    if threading.current_thread() is threading.main_thread():
        # A program that a shell started in the background is born deaf to SIGINT, and so are its children;
        # whoever sends one means it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _exit_code(lambda: _RUN[options.command](options), _say, (*_FAILURES, OSError))
    except KeyboardInterrupt:
        kept = _KEPT.get(options.command)
        _say("optiq: interrupted" if kept is None else f"optiq: interrupted; {kept}")
        return EXIT_INTERRUPTED


def _exit_code(
    run: Callable[[], None], say: Callable[[str], None], failures: tuple[type[Exception], ...] = _FAILURES
) -> int:
    try:
        run()
    except failures as error:
        say(f"optiq: {error}")
        return EXIT_FAILURE
    return EXIT_OK


def _serve(settings: Settings, open_model: OpenModel, say: Callable[[str], None]) -> None:
    # A stop is a success from the beginning; the server takes the signals over once it runs.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _leave)
    # Imported here, because FastAPI, MLX and the tokenizer take seconds, which `--help` and a port that is
    # in use should not cost.
    from optiq_server.listener import bind

    listener = bind(settings.http)
    with listener:
        from optiq_server.composition import serve

        serve(settings, listener, open_model=open_model, say=say)


def _leave(_number: int, _frame: FrameType | None) -> None:
    # Nothing is open yet. An exception would be raised inside whatever import is running: there it may be
    # swallowed, and a KeyboardInterrupt makes Python exit with 130 even where it is caught.
    os._exit(EXIT_OK)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="optiq", description="A local OpenAI-compatible server for gpt-oss."
    )
    parser.add_argument("--version", action="version", version=f"optiq {installed_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_serve(commands.add_parser("serve", help="serve a model over HTTP"))
    add_connect(commands.add_parser("connect", help="tell an editor or agent of this server"))
    add_plan(commands.add_parser("plan", help="tell what a checkpoint needs, and what fits"))
    add_quantize(commands.add_parser("quantize", help="make the best checkpoint for a given number of bytes"))
    add_pareto(commands.add_parser("pareto", help="show what each size would cost, from what was measured"))
    add_inspect(commands.add_parser("inspect", help="tell what a checkpoint holds, unit by unit"))
    add_verify(
        commands.add_parser("verify", help="check a quantized checkpoint against its plan and its source")
    )
    add_compare(commands.add_parser("compare", help="measure how far one checkpoint is from another"))
    add_eval(
        commands.add_parser("eval", help="score a model by benchmarks, through any OpenAI-compatible server")
    )
    return parser


def _say(text: str, form: LogFormat = LogFormat.TEXT) -> None:
    print(spoken(text, form), file=sys.stderr, flush=True)
