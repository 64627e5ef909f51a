"""Whether a job fits beside the served model."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from optiq_server.engine.errors import LoadFailed
from optiq_server.jobs.memory import MemoryCheck, weights_of


@pytest.mark.parametrize(
    ("needed", "left", "fits"),
    [(10, 10, True), (11, 10, False), (None, 10, False), (None, None, True), (10, None, True), (0, 0, True)],
)
def test_it_fits_where_the_weights_do_or_nothing_is_known_of_memory(
    needed: int | None, left: int | None, fits: bool
) -> None:
    assert MemoryCheck(needed=needed, left=left).fits is fits


def test_the_numbers_are_told() -> None:
    told = str(MemoryCheck(needed=3 << 30, left=1 << 30))

    assert "3.00 GiB" in told
    assert "1.00 GiB" in told
    assert "not known" in str(MemoryCheck(needed=None, left=1))


def test_the_weights_are_those_of_the_headers(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt_oss"}')
    save_file({"w": np.zeros((4, 4), np.float16)}, tmp_path / "model.safetensors")

    assert weights_of("x", in_float32=False, find=lambda _: tmp_path) == 32
    assert weights_of("x", in_float32=True, find=lambda _: tmp_path) == 64


def test_a_checkpoint_elsewhere_has_no_known_weights(tmp_path: Path) -> None:
    assert weights_of("owner/name", in_float32=False, find=lambda _: None) is None
    with pytest.raises(LoadFailed):
        weights_of("x", in_float32=False, find=lambda _: tmp_path)
