"""A run that is killed, at any moment, and taken up again: the files are those of a run that was not."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from optiq_quant.progress import SilentReporter
from optiq_quant.quantizing import prepare, write
from tests.quant.checkpoints import contents
from tests.quant.killed_quantizing import WAYS
from tests.quant.small_orders import small_host, small_order, text_file, two_layers

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_ROOT = Path(__file__).parents[2]

_KILLS = (
    ("measuring units", range(1, 9)),
    ("coding", range(1, 4)),
    ("rename", range(1, 10)),
)
"""Each phase of a run, and the steps in it of which one is drawn; files are renamed when they are whole."""


def _quantize(folder: Path, out: Path) -> dict[str, bytes]:
    prepared = prepare(small_order(folder, ways=WAYS), small_host(), SilentReporter())
    write(prepared, out, small_host(), SilentReporter())
    return contents(out)


def _kill(folder: Path, out: Path, phase: str, number: int) -> int:
    return subprocess.run(
        [sys.executable, "-m", "tests.quant.killed_quantizing", str(folder), str(out), phase, str(number)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=_ROOT,
        check=False,
    ).returncode


def _tear(journal: Path, draw: random.Random) -> None:
    """A kill in the middle of a line, and of the lines before it that belong to the same step."""
    data = journal.read_bytes()
    journal.write_bytes(data[: len(data) - draw.randrange(1, min(len(data) // 2, 2000))])


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_files(tmp_path: Path) -> None:
    draw = random.Random(1)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    text_file(killed_source := two_layers(killed / "source").parent)
    shutil.copytree(killed_source, whole)

    for phase, steps in _KILLS:
        assert _kill(killed, killed / "out", phase, draw.choice(steps)) == -signal.SIGKILL, phase
        if phase == "measuring units":
            _tear(next(killed.glob("work/*/*/journal.jsonl")), draw)

    assert _quantize(killed, killed / "out") == _quantize(whole, whole / "out")
    for name in ("measurements.json", "journal.jsonl"):
        files = [next(each.glob(f"work/*/*/{name}")) for each in (killed, whole)]
        assert sorted(files[0].read_bytes().splitlines()) == sorted(files[1].read_bytes().splitlines())
