"""Progress where there is no terminal, and where there is one."""

import io

from rich.console import Console

from optiq_server.evaluation.progress import progress_of


def _console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=terminal, width=80), file


def test_without_a_terminal_the_end_is_one_line() -> None:
    console, file = _console(terminal=False)

    with progress_of(console, "gsm8k", 3) as advance:
        for _ in range(3):
            advance()

    assert file.getvalue() == "gsm8k: 3 of 3, 0 s left\n"


def test_on_a_terminal_there_is_a_bar_with_the_count() -> None:
    console, file = _console(terminal=True)

    with progress_of(console, "gsm8k", 2) as advance:
        advance()
        advance()

    assert "2/2" in file.getvalue()
