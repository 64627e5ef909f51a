"""Accuracies with their intervals as a picture, SVG or PNG. Imported only where one is asked for: matplotlib
takes a second."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from optiq_server.evaluation.result import SuiteResult, capability_score

SUFFIXES = (".svg", ".png")
_INCHES_A_ROW = 0.45
_BAR = "#4c72b0"
_MEAN = "#222222"


def draw_results(runs: Sequence[Sequence[SuiteResult]], path: Path) -> None:
    """One row a suite and run. Raises OSError."""
    rows = [
        (f"{result.suite}\n{result.model}" if len(runs) > 1 else result.suite, result.accuracy, _BAR)
        for results in runs
        for result in results
    ]
    rows += [("mean", capability_score(results), _MEAN) for results in runs if len(results) > 1]
    figure = Figure(figsize=(7.0, 1.2 + _INCHES_A_ROW * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for place, (_, estimate, colour) in enumerate(rows):
        share = 100 * estimate.value
        reach = [[share - 100 * estimate.low], [100 * estimate.high - share]]
        axes.barh(place, share, height=0.6, color=colour, alpha=0.85)
        axes.errorbar(share, place, xerr=reach, color="black", capsize=3, linewidth=1)
        axes.annotate(f"{share:.1f}", (1.5, place), va="center", color="white", fontsize=8)
    axes.set_yticks(range(len(rows)), [label for label, _, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("accuracy in %, with the 95 % interval")
    axes.set_title(" and ".join(dict.fromkeys(results[0].model for results in runs)))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
