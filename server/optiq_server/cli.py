"""The command line: `optiq serve` and its like. Exit codes: 0 done, 1 failed, 2 wrong usage.

It parses, and prints; what it starts is elsewhere. Results go to stdout, talk to stderr.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

from optiq_server.connect.errors import ConnectError
from optiq_server.connect_command import add_connect, run_connect, surroundings
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.types import EngineLimits
from optiq_server.errors import EngineDied, StartFailed
from optiq_server.logs import configure_logging, spoken
from optiq_server.model import OpenedModel, open_model
from optiq_server.plan_command import add_plan, run_plan
from optiq_server.serve_options import add_serve, settings_of
from optiq_server.settings import LogFormat, Settings
from optiq_server.version import installed_version

if TYPE_CHECKING:
    from optiq_server.dialect.protocol import Dialect

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2


OpenModel: TypeAlias = "Callable[[Settings, EngineLimits, Callable[[], Dialect]], OpenedModel]"


def main(arguments: Sequence[str] | None = None, *, open_model: OpenModel = open_model) -> int:
    """Run the command; the result is the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "plan":
        return _exit_code(lambda: run_plan(options), _say)
    if options.command == "connect":
        return _exit_code(lambda: run_connect(options, surroundings()), _say)
    try:
        settings = settings_of(options)
    except ValueError as error:
        parser.error(str(error))
    say = partial(_say, form=settings.log_format)
    configure_logging(sys.stderr, settings.log_level, settings.log_format, prompts=settings.log_prompts)
    return _exit_code(lambda: _serve(settings, open_model, say), say)


def _exit_code(run: Callable[[], None], say: Callable[[str], None]) -> int:
    try:
        run()
    except (StartFailed, EngineDied, LoadFailed, ConnectError) as error:
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
    add_plan(commands.add_parser("plan", help="tell what a checkpoint needs, and what fits"))
    add_connect(commands.add_parser("connect", help="tell an editor or agent of this server"))
    return parser


def _say(text: str, form: LogFormat = LogFormat.TEXT) -> None:
    print(spoken(text, form), file=sys.stderr, flush=True)
