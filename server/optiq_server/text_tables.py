"""Tables of texts on the terminal."""

from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from optiq_quant.tables import TextTable

_PIPE_WIDTH = 160
"""Columns where the output is no terminal: lines that are read by programs should not break."""


def print_table(table: TextTable, file: TextIO) -> None:
    drawn = Table(title=table.caption, title_justify="left", box=box.SIMPLE_HEAD)
    for number, column in enumerate(table.columns):
        drawn.add_column(column, justify="left" if number < table.left else "right")
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    Console(file=file, width=None if file.isatty() else _PIPE_WIDTH).print(drawn)
