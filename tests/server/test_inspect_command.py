"""`optiq inspect`, as a user calls it."""

import json
from pathlib import Path

import pytest

from optiq_server.cli import EXIT_FAILURE, EXIT_OK, main
from tests.engine.checkpoints import REFERENCE


def test_it_prints_each_role_and_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["inspect", str(REFERENCE)])

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert code == EXIT_OK
    assert ["expert", "gate", "mxfp4", "4", "0.07", "M", "34.0", "KiB", "17.0", "KiB"] in lines
    assert ["bits", "per", "weight,", "everything", "counted", "11.040"] in lines


def test_its_json_has_every_unit(capsys: pytest.CaptureFixture[str]) -> None:
    main(["inspect", str(REFERENCE), "--json"])

    told = json.loads(capsys.readouterr().out)
    assert len(told["units"]) == told["summary"]["units"] == 34
    assert told["units"][0] == {
        "path": "model.embed_tokens",
        "role": "embedding",
        "layer": None,
        "shape": [512, 64],
        "format": "bf16",
        "bytes": 65536,
        "decode_bytes": 128,
    }


def test_it_draws_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "bits.svg"

    main(["inspect", str(REFERENCE), "--picture", str(picture)])

    assert "<svg" in picture.read_text()
    assert capsys.readouterr().err == ""


def test_what_cannot_be_inspected_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["inspect", str(tmp_path)])

    assert code == EXIT_FAILURE
    assert capsys.readouterr().err.count("\n") == 1


def test_a_picture_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["inspect", str(REFERENCE), "--picture", str(tmp_path / "nowhere" / "bits.svg")])

    assert code == EXIT_FAILURE
    assert "nowhere" in capsys.readouterr().err
