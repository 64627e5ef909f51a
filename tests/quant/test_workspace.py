"""Where measurements are kept between runs."""

import os
from pathlib import Path

import pytest

from optiq_quant.errors import CheckpointUnusable
from optiq_quant.shard_file import partial_path
from optiq_quant.workspace import latest_measurements, measurements_folder, open_workspace

_WEIGHTS = "0123456789abcdef-and-more"


def test_the_same_identity_has_the_same_folder_and_another_one_another(tmp_path: Path) -> None:
    first = open_workspace(tmp_path, {"text": "a", "mlx": "1"}, weights=_WEIGHTS)
    again = open_workspace(tmp_path, {"mlx": "1", "text": "a"}, weights=_WEIGHTS)
    others = [
        open_workspace(tmp_path, {"text": "b", "mlx": "1"}, weights=_WEIGHTS),
        open_workspace(tmp_path, {"text": "a", "mlx": "1"}, weights="fedcba9876543210"),
    ]

    assert first.folder == again.folder
    assert first.folder.is_dir()
    assert len({first.folder, *(each.folder for each in others)}) == 3


def test_the_newest_measurements_of_the_checkpoint_are_found(tmp_path: Path) -> None:
    parent = measurements_folder(tmp_path)
    paths = []
    for number, (text, weights) in enumerate([("a", _WEIGHTS), ("b", _WEIGHTS), ("c", "another-checkpoint")]):
        workspace = open_workspace(parent, {"text": text}, weights=weights)
        workspace.write_measurements(text)
        # Newer ones first, so that the order of names or of writing does not decide.
        os.utime(workspace.measurements, (100 - number, 100 - number))
        paths.append(workspace.measurements)

    assert latest_measurements(parent, weights=_WEIGHTS) == paths[0]
    assert paths[0].read_text() == "a"


def test_a_checkpoint_that_was_never_measured_is_told_how_to_measure_it(tmp_path: Path) -> None:
    with pytest.raises(CheckpointUnusable, match="optiq quantize CHECKPOINT --dry-run"):
        latest_measurements(tmp_path, weights=_WEIGHTS)


def test_measurements_are_written_whole(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path, {}, weights=_WEIGHTS)
    partial_path(workspace.measurements).write_text("of a run that was killed")

    workspace.write_measurements("new")

    assert [path.name for path in workspace.folder.iterdir()] == ["measurements.json"]
    assert workspace.measurements.read_text() == "new"
