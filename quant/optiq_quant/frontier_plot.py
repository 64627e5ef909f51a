"""Draws a frontier, as SVG or PNG. The same frontier gives the same file.

It needs matplotlib, which takes a second to import: import this module where a picture is wanted.
"""

from pathlib import Path
from typing import Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from optiq_quant.frontier import Frontier, Mark

_INCHES = (8.0, 5.0)
_LINE, _BASELINE, _QUIET = "#1f4e9c", "#c2571a", "#6b6b6b"
_GIB, _MIB = 1 << 30, 1 << 20

_NO_DATES = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


def draw_frontier(frontier: Frontier, target: Path) -> None:
    """Write the picture to `target`, in the form that its ending names: .svg or .png (ValueError if not)."""
    kind = target.suffix.lower().removeprefix(".")
    if kind not in _NO_DATES:
        raise ValueError(f"a picture's file ends in .svg or .png; it is {target.name!r}")
    # Without a salt of its own matplotlib draws the ids in SVG by chance.
    with matplotlib.rc_context({"svg.hashsalt": "optiq", "svg.fonttype": "none", "font.size": 9.0}):
        figure = Figure(figsize=_INCHES, layout="constrained")
        FigureCanvasAgg(figure)
        _draw(figure.add_subplot(), frontier)
        figure.savefig(target, format=kind, dpi=144, metadata=_NO_DATES[kind])


def _draw(axes: Axes, frontier: Frontier) -> None:
    sizes = [point.bytes for point in frontier.points]
    unit, name = (_GIB, "GiB") if max(sizes) >= _GIB else (_MIB, "MiB")
    shown = [point for point in frontier.points if point.divergence > 0]
    axes.plot(
        [point.bytes / unit for point in shown],
        [point.divergence for point in shown],
        color=_LINE,
        drawstyle="steps-post",
        label="best allocation, predicted",
    )
    for number, mark in enumerate(frontier.marks):
        _draw_mark(axes, mark, unit, above=number % 2 == 0)
    axes.plot([], [], "o", color=_BASELINE, label="measured, 95 % interval")
    axes.plot([], [], "o", color=_BASELINE, fillstyle="none", label="predicted")
    axes.set_yscale("log")
    axes.set_xlabel(f"size of all weights ({name})")
    axes.set_ylabel("mean KL divergence from the source (nats)")
    axes.grid(visible=True, which="major", linewidth=0.4, alpha=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def _draw_mark(axes: Axes, mark: Mark, unit: int, *, above: bool) -> None:
    # Neighbours' names on different sides of their points stay readable.
    measured, size = mark.measured, mark.bytes / unit
    value = mark.predicted if measured is None else measured.divergence
    if value is None:
        return
    if value <= 0:
        # A logarithm has no place for the source itself: its size is all there is to see.
        axes.axvline(size, color=_QUIET, linewidth=0.8, linestyle=":")
        axes.annotate(
            mark.name, (size, 1.0), xycoords=("data", "axes fraction"), color=_QUIET,
            xytext=(-4, -4), textcoords="offset points", ha="right", va="top",
        )  # fmt: skip
        return
    fill: Literal["none", "full"] = "none" if measured is None else "full"
    axes.plot([size], [value], "o", color=_BASELINE, fillstyle=fill, markersize=5)
    if measured is not None and measured.low is not None and measured.high is not None:
        axes.plot([size, size], [max(measured.low, value * 1e-3), measured.high], color=_BASELINE)
    axes.annotate(
        mark.name, (size, value), color=_BASELINE, xytext=(6, 3 if above else -10), textcoords="offset points"
    )
