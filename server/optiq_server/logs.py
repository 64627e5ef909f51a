"""How log lines are written: as text for people, or each as one JSON object. Imports nothing heavy."""

import json
import logging
from datetime import UTC, datetime
from typing import TextIO

from optiq_server.request_context import current_request_id
from optiq_server.settings import LogFormat, LogLevel

_TRANSCRIPT = "optiq_server.api.transcript"

_REPEATS_REPLIES = "sse_starlette"
"""Writes every chunk of every stream, at the level DEBUG."""


def configure_logging(stream: TextIO, level: LogLevel, form: LogFormat, *, prompts: bool) -> None:
    """All lines go to `stream`. Prompts and replies are among them only if asked for."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form is LogFormat.JSON else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger(_REPEATS_REPLIES).setLevel(max(logging.INFO, logging.getLogger().level))
    logging.getLogger(_TRANSCRIPT).setLevel(logging.INFO if prompts else logging.CRITICAL)


def spoken(text: str, form: LogFormat) -> str:
    """What the user is told, as it is or as one more JSON object."""
    if form is LogFormat.TEXT:
        return text
    now = datetime.now(tz=UTC).timestamp()
    return _object({"time": _iso(now), "level": "info", "logger": "optiq", "message": text})


class TextFormatter(logging.Formatter):
    """`LEVEL logger [request id]: message`, and the traceback behind it."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s%(request)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        request_id = _request_id(record)
        record.request = "" if request_id is None else f" [{request_id}]"
        return super().format(record)


class JsonFormatter(logging.Formatter):
    """One object a line: `time`, `level`, `logger`, `message`, `request_id`, the line's own fields.

    `error` is a traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "time": _iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request_id := _request_id(record)) is not None:
            told["request_id"] = request_id
        told |= getattr(record, "fields", {})
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return _object(told)


def _request_id(record: logging.LogRecord) -> str | None:
    """The one that the line itself names, as the engine's do, or that of the request being answered."""
    named = getattr(record, "request_id", None)
    return named if isinstance(named, str) else current_request_id()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="milliseconds")


def _object(told: dict[str, object]) -> str:
    return json.dumps(told, ensure_ascii=False, default=str)
