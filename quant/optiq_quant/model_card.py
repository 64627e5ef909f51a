"""README.md of a written checkpoint: the hub's front matter, what it is, what was measured. Pure.

It states figures that it is given, and computes none but sizes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import ModelCardData
from huggingface_hub.repocard import metadata_load

from optiq_quant.formats import Format
from optiq_quant.inventory import Inventory
from optiq_quant.plan import Coding, Plan
from optiq_quant.tables import TextTable, role_rows, role_table, summary, summary_table

PICTURE_NAME = "optiq-bits.svg"

_CODINGS = {
    Coding.KEPT: "copied bit for bit from the source",
    Coding.NEAREST: "rounded to the nearest code",
    Coding.FITTED: "with scales fitted to the activations by least squares",
    Coding.COMPENSATED: "with errors compensated column by column (GPTQ)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the card tells beside the plan: the `name` of the new checkpoint, the repository that it comes
    from and its license, where they are known, and what was measured."""

    name: str
    base_model: str | None = None
    license: str | None = None
    tables: tuple[TextTable, ...] = ()


def source_license(folder: Path) -> str | None:
    """The license that the source's README.md states to the hub."""
    path = folder / "README.md"
    if not path.is_file():
        return None
    try:
        stated = (metadata_load(path) or {}).get("license")
    except ValueError:
        # A README that is no model card states nothing.
        return None
    return stated if isinstance(stated, str) else None


def model_card(card: Card, inventory: Inventory, plan: Plan, file_bytes: int) -> str:
    """The text; `file_bytes` are those of all safetensors files."""
    formats = plan.formats()
    parts = [
        f"---\n{_front_matter(card, formats)}\n---",
        f"# {card.name}",
        _introduction(card, plan),
        f"![The format of each unit]({PICTURE_NAME})",
        "## Size",
        f"The weights' files have {file_bytes:,} bytes.",
        summary_table(summary(inventory, formats)).markdown(),
        role_table(role_rows(inventory, formats)).markdown(),
        *(_measured(card.tables)),
        "## Use",
        f"```sh\noptiq serve --model {card.name}\nmlx_lm.generate --model {card.name} --prompt 'Hello'\n```",
        "`optiq.json` holds the plan, the versions of the programs, and the sha256 of each tensor. "
        "`optiq verify` checks the files against it.",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(card: Card, formats: Mapping[str, Format]) -> str:
    bits = sorted({f"{form.bits}-bit" for form in formats.values() if form.group_size})
    data = ModelCardData(
        base_model=card.base_model,
        library_name="mlx",
        license=card.license,
        pipeline_tag="text-generation",
        tags=["mlx", "optiq", *(["quantized", *bits] if bits else [])],
    )
    return data.to_yaml().strip()


def _introduction(card: Card, plan: Plan) -> str:
    counts = {coding: sum(unit.coding is coding for unit in plan.units) for coding in Coding}
    codings = ", ".join(f"{count} {_CODINGS[coding]}" for coding, count in counts.items() if count)
    origin = (
        f"[{card.base_model}](https://huggingface.co/{card.base_model})" if card.base_model else "its source"
    )
    return (
        f"This checkpoint is {origin} in mixed precision, in the layout of MLX. "
        f"Each of its {len(plan.units)} units has a format of its own: {codings}."
    )


def _measured(tables: tuple[TextTable, ...]) -> list[str]:
    if not tables:
        return []
    return ["## Measured", *(f"{table.caption}\n\n{table.markdown()}" for table in tables)]
