"""The bits of each unit as a picture: layers downwards, roles across. The same plan gives the same SVG.

Text stays text, so that the file is small and needs none of this machine's fonts.
"""

import io
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import matplotlib.colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from optiq_quant.formats import Format
from optiq_quant.inventory import Inventory
from optiq_quant.units import Role

_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "optiq",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 7,
}
_LEAST_BITS, _MOST_BITS = 2.0, 16.0
_NO_LAYER = "outside"


def bits_picture(inventory: Inventory, formats: Mapping[str, Format]) -> bytes:
    """An SVG file. Units of one layer and role that differ show their mean."""
    cells: dict[tuple[int | None, Role], list[Format]] = {}
    for unit in inventory.units:
        cells.setdefault((unit.layer, unit.role), []).append(formats[unit.path])
    layers = sorted({layer for layer, _ in cells if layer is not None})
    rows: list[int | None] = [*([None] if any(layer is None for layer, _ in cells) else []), *layers]
    roles = [role for role in Role if any(found is role for _, found in cells)]
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(1.6 + 0.75 * len(roles), 1.2 + 0.24 * len(rows)), layout="constrained")
        axes = figure.subplots()
        for (layer, role), found in cells.items():
            _draw_cell(axes, roles.index(role), rows.index(layer), found)
        _label(axes, [role.value for role in roles], [_NO_LAYER if row is None else str(row) for row in rows])
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()


def _draw_cell(axes: Axes, x: int, y: int, found: list[Format]) -> None:
    bits = sum(form.bits_per_weight for form in found) / len(found)
    shade = matplotlib.colors.LogNorm(_LEAST_BITS, _MOST_BITS)(min(max(bits, _LEAST_BITS), _MOST_BITS))
    names = {form.name for form in found}
    text = names.pop() if len(names) == 1 else f"{bits:.2f}"
    axes.add_patch(
        mpl.patches.Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=mpl.colormaps["viridis_r"](shade))
    )
    axes.text(x, y, text, ha="center", va="center", size=6, color="white" if shade > 0.45 else "black")


def _label(axes: Axes, columns: list[str], rows: list[str]) -> None:
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), [name.replace(" ", "\n") for name in columns])
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.set_ylabel("layer")
    axes.set_title("Format of each unit; darker is more bits per weight")
    for side in axes.spines.values():
        side.set_visible(False)
