"""Which process is ended for its memory, from what `ps` prints, and with a real one."""

import shutil
import subprocess
import sys
import threading

import pytest

from optiq_server.evaluation.sandbox.memory_watch import largest_above, read_processes, watch_memory

_LISTING = """
    1     0   9000
  100     1   1000
  101   100   5000
  102   101   3000
  200     1 900000
"""


def test_memory_is_read_in_kibibytes() -> None:
    assert read_processes(_LISTING)[101].resident_bytes == 5000 << 10


@pytest.mark.parametrize(
    ("root", "most_kibibytes", "ended"),
    [(100, 4000, 101), (100, 5000, None), (102, 2000, 102), (100, 500, 101), (999, 0, None)],
)
def test_the_largest_process_below_the_root_is_ended_and_no_strangers(
    root: int, most_kibibytes: int, ended: int | None
) -> None:
    assert largest_above(read_processes(_LISTING), root, most_kibibytes << 10) == ended


@pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps")
def test_a_process_that_grows_is_killed() -> None:
    greedy = "held = []\nwhile True: held.append(b'x' * (1 << 20))"
    process = subprocess.Popen([sys.executable, "-S", "-c", greedy])
    done = threading.Event()
    watcher = threading.Thread(target=watch_memory, args=(process.pid, 64 << 20, done))
    watcher.start()

    try:
        assert process.wait(timeout=60) == -9
    finally:
        done.set()
        watcher.join()
        process.kill()
