"""The command line: `optiq serve`. Exit codes: 0 done, 1 failed, 2 wrong usage.

It parses, and prints; what it starts is elsewhere. Results go to stdout, talk to stderr.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.types import EngineLimits
from optiq_server.errors import StartFailed
from optiq_server.model import OpenedModel, open_model
from optiq_server.plan_command import add_plan, byte_size, run_plan
from optiq_server.settings import CACHE_VARIABLE, GenerationSettings, HttpSettings, LogLevel, Settings
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
        return _exit_code(lambda: run_plan(options))
    try:
        settings = _settings(options)
    except ValueError as error:
        parser.error(str(error))
    logging.basicConfig(
        level=settings.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    return _exit_code(lambda: _serve(settings, open_model))


def _exit_code(run: Callable[[], None]) -> int:
    try:
        run()
    except (StartFailed, LoadFailed) as error:
        _say(f"optiq: {error}")
        return EXIT_FAILURE
    return EXIT_OK


def _serve(settings: Settings, open_model: OpenModel) -> None:
    # A stop is a success from the beginning; the server takes the signals over once it runs.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _leave)
    # Imported here, because FastAPI, MLX and the tokenizer take seconds, which `--help` and a port that is
    # in use should not cost.
    from optiq_server.listener import bind

    listener = bind(settings.http)
    with listener:
        from optiq_server.composition import serve

        serve(settings, listener, open_model=open_model, say=_say)


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
    _add_serve(commands.add_parser("serve", help="serve a model over HTTP"))
    add_plan(commands.add_parser("plan", help="tell what a checkpoint needs, and what fits"))
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    """Defaults are read from the settings' dataclasses, the one place that has them."""
    settings, http, generation = Settings(), HttpSettings(), GenerationSettings()
    add = parser.add_argument
    add(
        "--model",
        metavar="PATH_OR_REPO",
        help="a checkpoint's folder or hub repository (default: the pocket model)",
    )
    add("--host", default=http.host, help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=http.port, help="port to listen on, 0 for any (default: %(default)s)")
    add("--served-model-name", metavar="NAME", help="the model's name in the API (default: from --model)")
    add(
        "--strict-model",
        action="store_true",
        help="refuse requests that name another model (default: any name means the served one)",
    )
    add(
        "--current-date",
        type=_date,
        metavar="YYYY-MM-DD",
        help="the date that the model is told (default: today)",
    )
    add(
        "--time-limit",
        type=float,
        default=generation.time_limit,
        metavar="SECONDS",
        help="end a reply that takes longer (default: %(default)s)",
    )
    add(
        "--max-running",
        type=int,
        default=generation.max_running,
        metavar="N",
        help="make so many replies at the same time, as far as memory holds them (default: %(default)s)",
    )
    add(
        "--queue-limit",
        type=int,
        default=generation.queue_limit,
        metavar="N",
        help="refuse requests when so many are waiting (default: %(default)s)",
    )
    add(
        "--cache-bytes",
        type=byte_size,
        default=generation.cache_bytes,
        metavar="SIZE",
        help="keep so much of earlier prompts (default: a quarter of what is left beside the weights)",
    )
    add(
        "--cache-dir",
        type=Path,
        metavar="PATH",
        help="keep earlier prompts here when the server stops (default: they go with it)",
    )
    add(
        "--kv-bits",
        type=int,
        metavar="BITS",
        help="refused: attention sinks need keys and values in full precision",
    )
    add(
        "--cache-folder",
        type=Path,
        default=settings.cache_folder,
        metavar="PATH",
        help=f"for unpacked files (default: {CACHE_VARIABLE}, else %(default)s)",
    )
    add(
        "--no-store",
        dest="stores_responses",
        action="store_false",
        default=settings.stores_responses,
        help="keep no responses; previous_response_id then finds none",
    )
    add(
        "--log-level",
        type=LogLevel,
        choices=list(LogLevel),
        default=settings.log_level,
        help="from %(choices)s (default: %(default)s)",
    )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-01-31") from None


def _settings(options: argparse.Namespace) -> Settings:
    """Raises ValueError if a number is out of range."""
    return Settings(
        model=options.model,
        served_model_name=options.served_model_name,
        strict_model=options.strict_model,
        cache_folder=options.cache_folder,
        stores_responses=options.stores_responses,
        log_level=options.log_level,
        http=HttpSettings(host=options.host, port=options.port),
        generation=GenerationSettings(
            time_limit=options.time_limit,
            max_running=options.max_running,
            queue_limit=options.queue_limit,
            cache_bytes=options.cache_bytes,
            cache_dir=options.cache_dir,
            kv_bits=options.kv_bits,
            current_date=options.current_date,
        ),
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
