"""What the server is told at start, parsed once and passed on. Knows no argparse and reads no files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path

import platformdirs

from optiq_server.api_key import ApiKey
from optiq_server.engine.types import EngineLimits

CACHE_VARIABLE = "OPTIQ_CACHE"
"""The environment variable that names the cache folder."""


class LogLevel(StrEnum):
    """How much the server writes to stderr."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a line on stderr is written."""

    TEXT = "text"
    JSON = "json"


def default_cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where unpacked vocabularies and the pocket model live: `OPTIQ_CACHE`, else the platform's cache."""
    named = environment.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("optiq"))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where to listen, and how to stop. Port 0 lets the system choose.

    At a signal replies have `drain_seconds` to finish: below the 30 s after which most supervisors kill.
    With an `api_key`, requests must carry it. `opens_page` shows the Lab in the user's browser.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    drain_seconds: float = 10.0
    api_key: ApiKey | None = None
    opens_page: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port is {self.port}; it must be between 0 and 65535")
        if not 0 <= self.drain_seconds < float("inf"):
            raise ValueError(f"drain seconds are {self.drain_seconds}; they must be at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSettings:
    """Bounds of every request.

    `time_limit` is in seconds, from submission; a reply that fills a context of 131,072 tokens at 40 a
    second takes 55 minutes, so an hour ends only what has gone astray. `max_running` replies are made at the
    same time, `queue_limit` requests may wait. `current_date` is told to the model; None means the day on
    which the server started. `cache_bytes` of earlier prompts are kept, None leaves it to the engine; in
    `cache_dir` they outlive the server. `kv_bits` can only be None: MLX's quantized attention takes no
    sinks, and mlx-lm has no quantized sliding cache.
    """

    time_limit: float = 3600.0
    max_running: int = EngineLimits().max_running
    queue_limit: int = EngineLimits().max_waiting
    current_date: date | None = None
    cache_bytes: int | None = None
    cache_dir: Path | None = None
    kv_bits: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.time_limit < float("inf"):
            raise ValueError(f"time limit is {self.time_limit}; it must be above 0 seconds")
        if self.max_running < 1:
            raise ValueError(f"max running is {self.max_running}; it must be at least 1")
        if self.queue_limit < 0:
            raise ValueError(f"queue limit is {self.queue_limit}; it must be at least 0")
        if self.kv_bits is not None:
            raise ValueError(
                f"kv bits are {self.kv_bits}; leave them out: gpt-oss has attention sinks, which MLX's "
                "quantized attention does not compute, so keys and values stay in full precision"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything `optiq serve` can be told.

    `model` is a folder or a hub repository; None is the pocket model that comes with the package. With
    `strict_model`, requests for a model of another name are refused. `stores_responses` keeps responses in
    the cache folder, for requests that go on from them. Prompts and replies are logged only with
    `log_prompts`.
    """

    model: str | None = None
    served_model_name: str | None = None
    strict_model: bool = False
    cache_folder: Path = field(default_factory=default_cache_folder)
    stores_responses: bool = True
    log_level: LogLevel = LogLevel.WARNING
    log_format: LogFormat = LogFormat.TEXT
    log_prompts: bool = False
    http: HttpSettings = field(default_factory=HttpSettings)
    generation: GenerationSettings = field(default_factory=GenerationSettings)

    @property
    def model_name(self) -> str:
        """The name under which `/v1/models` lists the model: as given, or the last part of a folder."""
        if self.served_model_name is not None:
            return self.served_model_name
        if self.model is None:
            return "optiq-pocket"
        folder = Path(self.model).expanduser()
        return folder.resolve().name if folder.is_dir() else self.model
