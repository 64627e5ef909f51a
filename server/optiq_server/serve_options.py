"""`optiq serve`: its options, in groups, and the settings that they make.

Defaults are read from the settings' dataclasses, the one place that has them.
"""

import argparse
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeAlias

from optiq_server.api_key import API_KEY_VARIABLE, ApiKey
from optiq_server.plan_command import byte_size
from optiq_server.settings import (
    CACHE_VARIABLE,
    GenerationSettings,
    HttpSettings,
    LogFormat,
    LogLevel,
    Settings,
)

_Add: TypeAlias = Callable[..., argparse.Action]


def add_serve(parser: argparse.ArgumentParser) -> None:
    _add_model(parser.add_argument_group("the model").add_argument)
    _add_http(parser.add_argument_group("the socket").add_argument)
    _add_bounds(parser.add_argument_group("bounds").add_argument)
    _add_files(parser.add_argument_group("files").add_argument)
    _add_logs(parser.add_argument_group("logs").add_argument)


def settings_of(options: argparse.Namespace) -> Settings:
    """Raises ValueError if a number is out of range."""
    return Settings(
        model=options.model,
        served_model_name=options.served_model_name,
        strict_model=options.strict_model,
        cache_folder=options.cache_folder,
        stores_responses=options.stores_responses,
        log_level=options.log_level,
        log_format=options.log_format,
        log_prompts=options.log_prompts,
        http=HttpSettings(
            host=options.host,
            port=options.port,
            drain_seconds=options.drain_seconds,
            api_key=_api_key(options.api_key),
            opens_page=options.opens_page,
        ),
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


def _add_model(add: _Add) -> None:
    add(
        "--model",
        metavar="PATH_OR_REPO",
        help="a checkpoint's folder or hub repository (default: the pocket model)",
    )
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


def _add_http(add: _Add) -> None:
    http = HttpSettings()
    add("--host", default=http.host, help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=http.port, help="port to listen on, 0 for any (default: %(default)s)")
    add(
        "--drain-seconds",
        type=float,
        default=http.drain_seconds,
        metavar="SECONDS",
        help="at a signal, how long running replies may take to finish (default: %(default)s)",
    )
    add(
        "--api-key",
        metavar="KEY",
        help=f"demand this key of each request (default: {API_KEY_VARIABLE}, which other users of this "
        "machine cannot read, else none)",
    )
    add(
        "--open",
        dest="opens_page",
        action="store_true",
        help="open the Lab in the browser once the model is ready",
    )


def _add_bounds(add: _Add) -> None:
    generation = GenerationSettings()
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
        "--kv-bits",
        type=int,
        metavar="BITS",
        help="refused: attention sinks need keys and values in full precision",
    )


def _add_files(add: _Add) -> None:
    settings = Settings()
    add(
        "--cache-folder",
        type=Path,
        default=settings.cache_folder,
        metavar="PATH",
        help=f"for unpacked files (default: {CACHE_VARIABLE}, else %(default)s)",
    )
    add(
        "--cache-dir",
        type=Path,
        metavar="PATH",
        help="keep earlier prompts here when the server stops (default: they go with it)",
    )
    add(
        "--no-store",
        dest="stores_responses",
        action="store_false",
        default=settings.stores_responses,
        help="keep no responses; previous_response_id then finds none",
    )


def _add_logs(add: _Add) -> None:
    settings = Settings()
    add(
        "--log-level",
        type=LogLevel,
        choices=list(LogLevel),
        default=settings.log_level,
        help="from %(choices)s (default: %(default)s)",
    )
    add(
        "--log-format",
        type=LogFormat,
        choices=list(LogFormat),
        default=settings.log_format,
        help="json writes each line of stderr as one object (default: %(default)s)",
    )
    add(
        "--log-prompts",
        action="store_true",
        help="log what is said to the model and what it says (default: never)",
    )


def _api_key(option: str | None) -> ApiKey | None:
    """Raises ValueError. An empty variable is as good as none; an empty option is a mistake."""
    secret = os.environ.get(API_KEY_VARIABLE) or None if option is None else option
    return None if secret is None else ApiKey(secret)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-01-31") from None
