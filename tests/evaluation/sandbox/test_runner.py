"""No hostile program is passed, and right ones are; what a program sees, and what it leaves."""

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from optiq_server.evaluation.sandbox.limits import Limits
from optiq_server.evaluation.sandbox.runner import Program, Report, Sandbox
from optiq_server.evaluation.suite import Outcome
from tests.evaluation.hostile_programs import CHEATING, GETTING_OUT, USING_UP
from tests.evaluation.sandboxes import MECHANISMS, any_sandbox, holding

_TESTS = """
def check(candidate):
    assert candidate(1) == 2
    assert candidate(41) == 42
"""
_LIMITS = Limits(cpu_seconds=1, wall_seconds=2, memory_bytes=160 << 20)
_PATIENT = Limits(cpu_seconds=1, wall_seconds=120, memory_bytes=160 << 20)
"""Where the wall clock must decide nothing."""


def _program(source: str) -> Program:
    return Program(sources=(source,), entry_point="f", setup="", tests=_TESTS)


@pytest.fixture(name="host", scope="module")
def _host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Assignments for a program's beginning: what there is to be found outside."""
    secret = tmp_path_factory.mktemp("host") / "secret"
    secret.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        yield f"PORT, SECRET, HOME = {port}, {str(secret)!r}, {str(Path.home())!r}\n"


def _run_all(sandbox: Sandbox, programs: dict[str, str], host: str) -> dict[str, Report]:
    with ThreadPoolExecutor(sandbox.parallel) as threads:
        reports = threads.map(sandbox.run, (_program(host + source) for source in programs.values()))
        return dict(zip(programs, reports, strict=True))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("programs", [GETTING_OUT, USING_UP, CHEATING], ids=["out", "up", "cheat"])
def test_no_program_passes_by_getting_out_using_up_or_cheating(
    mechanism: str, programs: dict[str, str], host: str
) -> None:
    sandbox = Sandbox(mechanism=holding(mechanism), limits=_LIMITS, parallel=2)

    reports = _run_all(sandbox, programs, host)

    assert {name: report for name, report in reports.items() if report.outcome is Outcome.PASSED} == {}
    assert all(report.detail for report in reports.values())
    assert max(len(report.detail) for report in reports.values()) < 1_000
    assert Path(host.split("'")[1]).stat().st_mode & 0o777 != 0o777


@pytest.mark.parametrize(
    "name",
    ["opens a socket", "opens a unix socket", "reads a file of the host", "reads the host's environment"],
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_without_a_sandbox_such_programs_get_out(name: str, host: str) -> None:
    names: dict[str, Callable[[int], int]] = {}
    exec(host + GETTING_OUT[name], names)

    assert names["f"](1) == 2


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_right_program_passes(mechanism: str) -> None:
    sandbox = Sandbox(mechanism=holding(mechanism), limits=_PATIENT, parallel=1)

    report = sandbox.run(_program("import math, re, collections\ndef f(x): print(x); return x + 1"))

    assert report == Report(outcome=Outcome.PASSED)


def test_what_is_no_plain_value_is_not_compared() -> None:
    source = "class Any:\n    def __eq__(self, other): return True\ndef f(x): return [Any()]"

    report = any_sandbox(parallel=1).run(_program(source))

    assert report.outcome is Outcome.UNCHECKABLE
    assert "a value of type Any" in report.detail


@pytest.mark.parametrize(
    ("source", "why", "limits"),
    [
        ("def f(x): return x", "a test failed: assert candidate(1) == 2", _PATIENT),
        ("def f(x): return 1 / 0", "ZeroDivisionError: division by zero", _PATIENT),
        ("def f(x) return x", "SyntaxError", _PATIENT),
        ("def f(x):\n    while True: pass", "more than 1 s of CPU time", _PATIENT),
        ("import time\ndef f(x): time.sleep(100)", "not finished after 2 s", _LIMITS),
        ("import os\ndef f(x): os._exit(3)", "left its process with status 3", _PATIENT),
        ("def f(x): return 'x' * (200 << 20)", "MemoryError", _PATIENT),
    ],
)
def test_a_failure_says_what_it_is(source: str, why: str, limits: Limits) -> None:
    report = any_sandbox(parallel=1, limits=limits).run(_program(source))

    assert report.outcome is Outcome.FAILED
    assert why in report.detail


def test_the_tests_see_the_functions_of_the_setup_and_calls_by_name_and_expected_errors() -> None:
    program = Program(
        sources=("def f(x, scale): return x * scale if x else 1 / 0",),
        entry_point="f",
        setup="def twice(x):\n    return 2 * x\n",
        tests=(
            "def check(candidate):\n"
            "    assert candidate(3, scale=2) == twice(3) == f(3, 2)\n"
            "    try:\n        candidate(0, 1)\n    except Exception:\n        return\n"
            "    raise AssertionError('no error')\n"
        ),
    )

    assert any_sandbox(parallel=1).run(program).outcome is Outcome.PASSED


def test_the_program_does_not_see_the_tests() -> None:
    source = (
        "import gc, sys\n"
        "def f(x):\n"
        "    seen = [o for o in gc.get_objects() if isinstance(o, str) and 'candidate(41)' in o]\n"
        "    frame = sys._getframe()\n"
        "    while frame is not None:\n"
        "        seen += [v for v in frame.f_locals.values() if 'candidate(4' + '1)' in str(v)]\n"
        "        frame = frame.f_back\n"
        "    return bool(seen)\n"
    ).replace("'candidate(41)'", "'candidate(4' + '1)'")
    tests = "def check(candidate):\n    assert candidate(1) is False\n    # candidate(41)\n"

    report = any_sandbox(parallel=1).run(Program(sources=(source,), entry_point="f", setup="", tests=tests))

    assert report == Report(outcome=Outcome.PASSED)


def test_a_program_has_a_fixed_environment() -> None:
    source = "import os\ndef f():\n    return sorted(os.environ), hash('a')"
    tests = (
        "def check(candidate):\n"
        "    names, number = candidate()\n"
        "    assert {'LC_ALL', 'PATH', 'PYTHONHASHSEED'} >= set(names) - {'LC_CTYPE', 'PWD'}, names\n"
        "    assert number == hash('a')\n"
    )

    report = any_sandbox(parallel=1).run(Program(sources=(source,), entry_point="f", setup="", tests=tests))

    assert report == Report(outcome=Outcome.PASSED)


def test_nothing_is_left_in_the_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    any_sandbox(parallel=1).run(_program("def f(x): return x + 1"))

    assert os.listdir(tmp_path) == []


def test_a_program_that_is_longer_than_any_answer_is_not_run() -> None:
    sandbox = Sandbox(mechanism=next(iter(MECHANISMS.values())), limits=_LIMITS, parallel=1)

    report = sandbox.run(_program("#" * (17 << 20)))

    assert report.outcome is Outcome.FAILED
    assert "too long" in report.detail


def test_parallel_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="parallel 0"):
        Sandbox(mechanism=next(iter(MECHANISMS.values())), limits=Limits(), parallel=0)
