"""Measurements on disk: whole or not there, and never of another model."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_quant.errors import JournalForeign
from optiq_quant.journal import Journal

_IDENTITY = {"weights": "abc", "calibration": "def"}


def test_what_was_added_is_there_again_to_the_bit(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    value = {"divergence": 0.1 + 0.2, "flips": 3}
    with Journal(path, _IDENTITY) as journal:
        journal.add({"a": value})

    with Journal(path, _IDENTITY) as again:
        found = again["a"]

    assert found == value


@given(cut=st.integers(1, 200))
def test_a_torn_last_line_is_forgotten_and_the_rest_is_kept(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "journal.jsonl"
    with Journal(path, _IDENTITY) as journal:
        for number in range(5):
            journal.add({str(number): {"divergence": number / 7}})
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut] if cut < len(whole) else b"")
    complete = max(path.read_bytes().count(b"\n") - 1, 0)

    with Journal(path, _IDENTITY) as journal:
        kept = len(journal)
        journal.add({"new": {"divergence": 1.0}})

    assert kept == complete
    with Journal(path, _IDENTITY) as again:
        assert again["new"] == {"divergence": 1.0}
        assert len(again) == complete + 1


def test_a_journal_of_another_text_is_refused_by_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, _IDENTITY) as journal:
        journal.add({"a": {}})
    before = path.read_bytes()

    with pytest.raises(JournalForeign, match="calibration is 'def' there and 'xyz' here"):
        Journal(path, {**_IDENTITY, "calibration": "xyz"})

    assert path.read_bytes() == before


@pytest.mark.parametrize("line", ["rubbish", "[1]", '{"key": 1, "value": {}}', '{"key": "a"}'])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, _IDENTITY).add({"a": {}})
    with path.open("a") as file:
        file.write(line + "\n")

    with pytest.raises(JournalForeign, match="line 3"):
        Journal(path, _IDENTITY)


def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n")

    with pytest.raises(JournalForeign, match="line 1"):
        Journal(path, _IDENTITY)

    assert path.read_text() == "my notes\n"


def test_without_a_path_it_keeps_to_itself(tmp_path: Path) -> None:
    with Journal(None, _IDENTITY) as journal:
        journal.add({"a": {"flips": 1}})

        assert journal["a"] == {"flips": 1}
    assert list(tmp_path.iterdir()) == []


_WRITER = """
import sys
from pathlib import Path
from optiq_quant.journal import Journal
journal = Journal(Path(sys.argv[1]), {"weights": "abc", "calibration": "def"})
number = len(journal)
while True:
    journal.add({str(number): {"divergence": number / 7}})
    print(number, flush=True)
    number += 1
"""


def test_a_killed_writer_loses_nothing_that_it_had_told_of(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    told = -1
    for enough in (3, 8, 15):
        command = [sys.executable, "-c", _WRITER, str(path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            while told < enough:
                told = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            told = max([told, *map(int, process.stdout.read().split())])

        with Journal(path, _IDENTITY) as journal:
            assert len(journal) >= told + 1
            assert all(journal[str(each)] == {"divergence": each / 7} for each in range(told + 1))

    assert json.loads(path.read_text().splitlines()[0])["journal"] == 1
