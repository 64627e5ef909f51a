"""The folder that is written, and its record."""

import json
from pathlib import Path

import pytest

from optiq_quant.errors import CheckpointUnusable
from optiq_quant.plan import Plan
from optiq_quant.written import Record, check_space, close_folder, open_folder, read_record

_RECORD = Record(
    plan=Plan(source="s", units=(), evidence={"text": "one"}),
    job="j",
    shard_bytes=5,
    versions={"mlx": "0"},
    device="cpu",
    tensors={"w": "00"},
)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "optiq.json").write_text(_RECORD.to_json())

    assert read_record(tmp_path) == _RECORD


@pytest.mark.parametrize(
    "spoilt",
    [{"record": 2}, {"tensors": []}, {"shard_bytes": "5"}, {"plan": {"version": 1}}, {"versions": 1}],
)
def test_a_record_of_another_form_is_refused(tmp_path: Path, spoilt: dict[str, object]) -> None:
    (tmp_path / "optiq.json").write_text(json.dumps({**json.loads(_RECORD.to_json()), **spoilt}))

    with pytest.raises(CheckpointUnusable, match=r"optiq\.json"):
        read_record(tmp_path)


def test_a_folder_is_ours_until_it_is_closed(tmp_path: Path) -> None:
    out = tmp_path / "out"

    assert not open_folder(out, "a")
    assert not open_folder(out, "a")
    with pytest.raises(CheckpointUnusable, match="another conversion"):
        open_folder(out, "b")

    (out / "optiq.json").write_text(_RECORD.to_json())
    close_folder(out)
    assert open_folder(out, "j")
    with pytest.raises(CheckpointUnusable, match="is not empty"):
        open_folder(out, "b")


def test_a_process_killed_at_its_first_step_does_not_bar_the_next(tmp_path: Path) -> None:
    (tmp_path / ".optiq-unfinished.json.partial").write_text("{")

    assert not open_folder(tmp_path, "a")
    assert [path.name for path in tmp_path.iterdir()] == ["optiq-unfinished.json"]


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path) -> None:
    check_space(tmp_path, 1)

    with pytest.raises(CheckpointUnusable, match="GiB are still to be written, and the disk has"):
        check_space(tmp_path, 1 << 60)
