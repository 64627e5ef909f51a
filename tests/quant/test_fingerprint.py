"""A checkpoint's name by its content."""

import shutil
from pathlib import Path

import pytest

from optiq_quant.errors import CheckpointUnusable
from optiq_quant.fingerprint import checkpoint_fingerprint
from tests.quant.checkpoints import REFERENCE


def test_a_copy_has_the_same_fingerprint(tmp_path: Path) -> None:
    copy = shutil.copytree(REFERENCE, tmp_path / "copy")

    assert checkpoint_fingerprint(copy) == checkpoint_fingerprint(REFERENCE)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_one_changed_byte_gives_another(tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(REFERENCE, tmp_path / "copy")
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)

    assert checkpoint_fingerprint(copy) != checkpoint_fingerprint(REFERENCE)


def test_a_folder_without_weights_has_none(tmp_path: Path) -> None:
    with pytest.raises(CheckpointUnusable, match="holds no weights"):
        checkpoint_fingerprint(tmp_path)
