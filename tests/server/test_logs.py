"""Log lines: text or JSON, with the request's id, and without what was said."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextvars import copy_context

import pytest

from optiq_server.logs import JsonFormatter, TextFormatter, configure_logging, spoken
from optiq_server.request_context import RequestContext, enter
from optiq_server.settings import LogFormat, LogLevel


def _record(**extra: object) -> logging.LogRecord:
    logger = logging.getLogger("some.module")
    return logger.makeRecord(logger.name, logging.WARNING, "f", 1, "%s ö", ("a",), None, extra=extra)


def _formatted_in_a_request(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    def within() -> str:
        enter(RequestContext(id="req_1", on_finish=lambda _: None))
        return formatter.format(record)

    return copy_context().run(within)


@pytest.fixture(name="written")
def _written() -> Iterator[io.StringIO]:
    """Where lines go; every logger is as before afterwards."""
    touched = [logging.getLogger(name) for name in (None, "sse_starlette", "optiq_server.api.transcript")]
    before = [(logger.level, list(logger.handlers)) for logger in touched]
    yield io.StringIO()
    for logger, (level, handlers) in zip(touched, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


def test_text_names_the_request_behind_the_logger() -> None:
    assert TextFormatter().format(_record()) == "WARNING some.module: a ö"
    assert _formatted_in_a_request(TextFormatter(), _record()) == "WARNING some.module [req_1]: a ö"


def test_json_is_one_object_a_line_with_the_lines_own_fields() -> None:
    line = _formatted_in_a_request(JsonFormatter(), _record(fields={"status": 200}))

    told = json.loads(line)
    assert told.pop("time").endswith("+00:00")
    assert told == {
        "level": "warning",
        "logger": "some.module",
        "message": "a ö",
        "request_id": "req_1",
        "status": 200,
    }
    assert "\n" not in line


def test_a_line_that_names_its_request_is_believed() -> None:
    line = _formatted_in_a_request(JsonFormatter(), _record(request_id="req_2"))

    assert json.loads(line)["request_id"] == "req_2"


def test_a_traceback_stays_inside_the_object() -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        record = _record()
        record.exc_info = sys.exc_info()

    line = JsonFormatter().format(record)

    assert "ZeroDivisionError" in json.loads(line)["error"]
    assert "\n" not in line


def test_what_the_user_is_told_has_the_same_form() -> None:
    assert spoken("ready\nnow", LogFormat.TEXT) == "ready\nnow"
    assert json.loads(spoken("ready\nnow", LogFormat.JSON))["message"] == "ready\nnow"


@pytest.mark.parametrize("level", list(LogLevel))
def test_what_was_said_is_written_only_if_asked_for(written: io.StringIO, level: LogLevel) -> None:
    configure_logging(written, level, LogFormat.TEXT, prompts=False)
    logging.getLogger("optiq_server.api.transcript").info("a prompt")
    logging.getLogger("sse_starlette.sse").debug("a chunk")
    assert written.getvalue() == ""

    configure_logging(written, level, LogFormat.TEXT, prompts=True)
    logging.getLogger("optiq_server.api.transcript").info("a prompt")

    assert "a prompt" in written.getvalue()


def test_the_level_bounds_all_others(written: io.StringIO) -> None:
    configure_logging(written, LogLevel.WARNING, LogFormat.JSON, prompts=False)

    logging.getLogger("some.module").info("quiet")
    logging.getLogger("some.module").warning("loud")

    assert [json.loads(line)["message"] for line in written.getvalue().splitlines()] == ["loud"]
