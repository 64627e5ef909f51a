"""Figures as rows."""

import pytest

from optiq_quant.tables import TextTable, role_rows, role_table, size_text, summary, summary_table
from optiq_quant.units import Role
from tests.quant.checkpoints import REFERENCE, inventory_of


def test_rows_add_up_to_the_whole() -> None:
    inventory = inventory_of(REFERENCE)
    formats = inventory.stored_formats()

    rows, whole = role_rows(inventory, formats), summary(inventory, formats)

    assert sum(row.units for row in rows) == whole.units == 34
    assert sum(row.bytes for row in rows) + whole.other_bytes == whole.bytes
    assert [row.role for row in rows] == [role for role in Role if role in {row.role for row in rows}]
    assert len(role_table(rows).rows) == len(rows)
    assert ("bits per weight, everything counted", "11.040") in summary_table(whole).rows


def test_a_table_as_markdown() -> None:
    table = TextTable(caption="c", columns=("a", "b"), rows=(("x|y", "1"),))

    assert table.markdown() == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |"


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="c: each row needs 2 texts"):
        TextTable(caption="c", columns=("a", "b"), rows=(("x",),))


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 B"), (2048, "2.0 KiB"), (3 << 19, "1.50 MiB"), (1 << 30, "1.000 GiB")]
)
def test_sizes_are_written_as_people_read_them(count: int, text: str) -> None:
    assert size_text(count) == text
