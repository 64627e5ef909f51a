"""The process that runs the tests: their only sight of the program under test is a function that asks the
other process for values.

So the program cannot redefine the tests, compare in their stead, or leave the process with a success: it does
not share their memory, and what it returns is rebuilt from plain values.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from optiq_server.evaluation.sandbox.guest.candidate import RETURNED, UNSENDABLE
from optiq_server.evaluation.sandbox.guest.wire import BrokenFrame, dump, load, read_frame, write_frame

PASSED, FAILED, UNCHECKABLE = "passed", "failed", "uncheckable"
_MAX_TEXT = 300
_TESTS = "<tests>"


class CandidateRaised(Exception):
    """The function raised; a test may expect it."""


class CandidateGone(Exception):
    """The process of the function ended, or says nothing that can be read."""


class NotComparable(BaseException):
    """The function returned an object that is no plain value. No test may catch it: nothing was shown."""


class OutOfTime(BaseException):
    """The wall clock's limit is reached. No test may catch it."""


def judge(job: dict[str, Any], *, requests: int, replies: int, candidate_pid: int) -> tuple[str, str]:
    """The outcome of `job`'s tests and a word on it."""
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.setitimer(signal.ITIMER_REAL, job["wall_seconds"])
    try:
        _run_tests(job, _remote(requests, replies))
        return PASSED, ""
    except NotComparable as error:
        return UNCHECKABLE, f"a value of type {error} was returned, which cannot be compared safely"
    except OutOfTime:
        return FAILED, f"not finished after {job['wall_seconds']} s"
    except CandidateGone:
        return FAILED, _how_it_ended(candidate_pid, job)
    except AssertionError as error:
        return FAILED, f"a test failed: {_line_of(error, job['tests']) or error}"[:_MAX_TEXT]
    except CandidateRaised as error:
        return FAILED, str(error)
    except Exception as error:  # noqa: BLE001  # a test can fail with any error
        return FAILED, f"a test raised {type(error).__name__}: {error}"[:_MAX_TEXT]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _run_tests(job: dict[str, Any], candidate: Callable[..., Any]) -> None:
    names: dict[str, Any] = {"__name__": "tests"}
    if "random" in job["tests"]:
        # Imported only here, for its cost. A stored answer is to have the same score another time.
        import random

        random.seed(0)
    exec(compile(job["setup"], "<setup>", "exec"), names)
    names[job["entry_point"]] = candidate
    exec(compile(job["tests"], _TESTS, "exec"), names)
    names["check"](candidate)


def _remote(requests: int, replies: int) -> Callable[..., Any]:
    def candidate(*arguments: object, **keywords: object) -> object:
        return _call(requests, replies, dump([arguments, keywords]))

    return candidate


def _call(requests: int, replies: int, request: bytes) -> object:
    # One that could not define its function has said so and is gone.
    with suppress(BrokenPipeError):
        write_frame(requests, request)
    try:
        reply = read_frame(replies)
        if reply is None:
            raise CandidateGone
        kind, value = load(reply)
    except (BrokenFrame, ValueError, TypeError) as error:
        raise CandidateGone from error
    if kind == RETURNED:
        return value
    if kind == UNSENDABLE:
        raise NotComparable(value)
    raise CandidateRaised(value)


def _line_of(error: AssertionError, tests: str) -> str:
    """The line of the tests that raised; assertions mostly have no text of their own."""
    frame, line = error.__traceback__, 0
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == _TESTS:
            line = frame.tb_lineno
        frame = frame.tb_next
    return tests.split("\n")[line - 1].strip() if line and not str(error) else ""


def _how_it_ended(pid: int, job: dict[str, Any]) -> str:
    # It may live and talk nonsense. One that is ending already keeps the status of its own end.
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if os.WIFEXITED(status):
        return f"the program left its process with status {os.WEXITSTATUS(status)}"
    if os.WTERMSIG(status) == signal.SIGXCPU:
        return f"the program used more than {job['cpu_seconds']} s of CPU time"
    return f"the program was ended by {signal.Signals(os.WTERMSIG(status)).name}"


def _out_of_time(number: int, frame: object) -> None:
    raise OutOfTime
