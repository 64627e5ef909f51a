from pathlib import Path

import mlx.core as mx
import pytest

from optiq_server.engine.memory import available_memory, left_beside

linux_only = pytest.mark.skipif(mx.metal.is_available(), reason="Metal tells its own working set")


@linux_only
def test_without_a_container_it_is_what_the_kernel_calls_available(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    5000 kB\n")

    assert available_memory(tmp_path, tmp_path) == 5000 * 1024


@linux_only
@pytest.mark.parametrize(("limit", "expected"), [("300000", 200000), ("max", 5000 * 1024), ("50000", 0)])
def test_a_container_may_leave_less(tmp_path: Path, limit: str, expected: int) -> None:
    (tmp_path / "meminfo").write_text("MemAvailable:    5000 kB\n")
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("100000\n")

    assert available_memory(tmp_path, tmp_path) == expected


@linux_only
def test_where_nothing_tells_it_is_unknown(tmp_path: Path) -> None:
    assert available_memory(tmp_path, tmp_path) is None


@linux_only
@pytest.mark.parametrize(
    ("promised", "held", "left"),
    [(0, 0, 1000), (600, 0, 400), (600, 500, 900), (600, 700, 1000), (2000, 0, 0)],
)
def test_what_the_model_was_promised_and_has_not_taken_is_not_for_others(
    promised: int, held: int, left: int
) -> None:
    assert left_beside(weights=10**9, promised=promised, held=held, available=lambda: 1000) == left


def test_what_is_left_is_unknown_where_nothing_tells() -> None:
    assert left_beside(weights=1, promised=1, held=0, available=lambda: None) is None
