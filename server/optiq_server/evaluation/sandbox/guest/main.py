"""The first process inside the sandbox. It confines itself, starts the candidate, then reads the tests.

The order is what keeps the secret: the tests and the token are read after the candidate has its own memory,
from a pipe that it has closed.
"""

import json
import os
import signal

from optiq_server.evaluation.sandbox.guest.candidate import run_candidate
from optiq_server.evaluation.sandbox.guest.confinement import confine_guest
from optiq_server.evaluation.sandbox.guest.judge import judge
from optiq_server.evaluation.sandbox.guest.wire import read_frame, write_frame

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def main() -> None:
    order = json.loads(read_frame(_STDIN) or b"{}")
    null = os.open("/dev/null", os.O_RDWR)
    confine_guest(
        cpu_seconds=order["cpu_seconds"], memory_bytes=order["memory_bytes"], readable=order["readable"]
    )
    requests_end, requests = os.pipe()
    replies, replies_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(requests)
        os.close(replies)
        run_candidate(
            order["sources"], order["entry_point"], requests=requests_end, replies=replies_end, null=null
        )
    os.close(requests_end)
    os.close(replies_end)
    result = os.dup(_STDOUT)
    os.dup2(null, _STDOUT)
    os.dup2(null, _STDERR)
    job = json.loads(read_frame(_STDIN) or b"{}")
    outcome, detail = judge({**order, **job}, requests=requests, replies=replies, candidate_pid=pid)
    _end(pid)
    write_frame(result, json.dumps({"token": job["token"], "outcome": outcome, "detail": detail}).encode())


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        # It was waited for when its end was looked into.
        return
