"""Pictures of results."""

from pathlib import Path

import pytest

from optiq_server.evaluation.plot import draw_results
from tests.evaluation.results import result_of, right

_RESULTS = [
    result_of(right(0, 1)),
    result_of({0: "1", 1: "no"}, name="other"),
    result_of({0: "no"}, name="none"),
]


def test_an_svg_names_the_suites_and_the_mean(tmp_path: Path) -> None:
    path = tmp_path / "results.svg"

    draw_results([_RESULTS], path)

    text = path.read_text(encoding="utf-8")
    assert all(f"<!-- {label} -->" in text for label in ("sums", "other", "none", "mean", "50.0"))


@pytest.mark.parametrize("runs", [[_RESULTS], [_RESULTS, _RESULTS[:1]]])
def test_a_png_is_one(tmp_path: Path, runs: list[list[object]]) -> None:
    path = tmp_path / "results.png"

    draw_results(runs, path)  # type: ignore[arg-type]  # pytest gives lists of objects

    assert path.read_bytes().startswith(b"\x89PNG")
