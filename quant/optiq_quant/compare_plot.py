"""A comparison as a picture: divergence by position, and how it is distributed. Equal ones give equal SVGs.

Text stays text, so that the file is small and needs none of this machine's fonts.
"""

import io
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from optiq_quant.compare import Comparison
from optiq_quant.divergence_summary import DivergenceSummary

_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "optiq",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8,
}
_LEAST = 1e-9
"""Nats; what is below is shown there, on an axis that has no zero."""

_POINTS = 400


def comparison_plot(comparison: Comparison, summary: DivergenceSummary) -> bytes:
    """An SVG file."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(8, 3), layout="constrained")
        bands, tail = figure.subplots(1, 2)
        _draw_bands(bands, summary)
        _draw_tail(tail, comparison)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _draw_bands(axes: Axes, summary: DivergenceSummary) -> None:
    names = [f"{band.first}-{band.end - 1}" for band in summary.bands]
    axes.bar(names, [band.mean for band in summary.bands], color="#4878a8")
    axes.axhline(summary.mean, color="#333333", linewidth=0.8, linestyle="--")
    axes.set_title("Mean KL divergence by position")
    axes.set_xlabel("position in the prompt")
    axes.set_ylabel("nats per token")


def _draw_tail(axes: Axes, comparison: Comparison) -> None:
    """The share of positions above each divergence."""
    values = np.sort(np.concatenate([prompt.divergence for prompt in comparison.prompts]))[::-1]
    shares = np.arange(1, len(values) + 1) / len(values)
    shown = np.unique(np.geomspace(1, len(values), _POINTS).astype(int)) - 1
    axes.plot(np.maximum(values[shown], _LEAST), shares[shown], color="#4878a8")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title("Positions whose divergence is larger")
    axes.set_xlabel("KL divergence in nats")
    axes.set_ylabel("share of positions")
