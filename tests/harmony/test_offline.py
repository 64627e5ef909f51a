import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harmony.offline_program import SOCKET_SYSTEM_CALLS

_ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in SOCKET_SYSTEM_CALLS,
    reason="seccomp, which takes sockets from Rust as well as from Python, is Linux's",
)
def test_rendering_and_parsing_open_no_socket(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIKTOKEN_")}
    # Where the Rust library would keep a download: an empty folder, so that it cannot find an earlier one.
    environment["TIKTOKEN_RS_CACHE_DIR"] = str(tmp_path / "downloads")

    done = subprocess.run(
        [sys.executable, "-m", "tests.harmony.offline_program", str(tmp_path / "cache")],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "sockets are forbidden",
        "2 messages",
        "[TextDelta(text='assistant')]",
    ]
