"""The process that runs the program under test: it defines the function, then answers calls of it.

Nothing that it says is believed but the values of the function's calls.
"""

import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NoReturn

from optiq_server.evaluation.sandbox.guest.confinement import confine_candidate
from optiq_server.evaluation.sandbox.guest.wire import (
    BrokenFrame,
    Unsendable,
    dump,
    load,
    read_frame,
    write_frame,
)

_MODULE = "candidate"
_MAX_TEXT = 300
RETURNED, RAISED, UNSENDABLE = "returned", "raised", "unsendable"


def run_candidate(
    sources: Sequence[str], entry_point: str, *, requests: int, replies: int, null: int
) -> NoReturn:
    """Serve calls read from `requests` until there are no more, and end the process."""
    try:
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        confine_candidate()
        function = _define(sources, entry_point)
        while (request := read_frame(requests)) is not None:
            write_frame(replies, _answer(function, request))
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is the judge's to hear
        _report(replies, error)
    finally:
        os._exit(1)


def _define(sources: Sequence[str], entry_point: str) -> Callable[..., Any]:
    module = ModuleType(_MODULE)
    sys.modules[_MODULE] = module
    for number, source in enumerate(sources):
        exec(compile(source, f"<part {number}>", "exec"), module.__dict__)
    function: Callable[..., Any] = module.__dict__[entry_point]
    return function


def _answer(function: Callable[..., Any], request: bytes) -> bytes:
    arguments, keywords = load(request)
    try:
        value = function(*arguments, **keywords)
    except Exception as error:  # noqa: BLE001  # the tests may expect it
        return _describe(error)
    try:
        return dump([RETURNED, value])
    except Unsendable as error:
        return dump([UNSENDABLE, str(error)])


def _report(replies: int, error: BaseException) -> None:
    try:
        write_frame(replies, _describe(error))
    except (OSError, BrokenFrame):
        os._exit(1)


def _describe(error: BaseException) -> bytes:
    return dump([RAISED, f"{type(error).__name__}: {error}"[:_MAX_TEXT]])
