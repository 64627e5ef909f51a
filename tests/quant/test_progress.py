"""What people and programs are told of a long command."""

import io
import json

from optiq_quant.progress import BarReporter, JsonReporter, LineReporter, Reporter, SilentReporter


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_line_tells_the_time_left_by_how_fast_it_went() -> None:
    stream, clock = io.StringIO(), _Clock()
    reporter = JsonReporter(stream, clock=clock)

    reporter.begin("measuring", 4)
    clock.now += 10
    reporter.advance()
    clock.now += 30
    reporter.advance(3)

    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"phase": "measuring", "done": 0, "total": 4, "seconds_left": None},
        {"phase": "measuring", "done": 1, "total": 4, "seconds_left": 30.0},
        {"phase": "measuring", "done": 4, "total": 4, "seconds_left": 0.0},
    ]


def test_fast_steps_do_not_flood_the_stream() -> None:
    stream, clock = io.StringIO(), _Clock()
    reporter = JsonReporter(stream, clock=clock, interval=1.0)

    reporter.begin("measuring", 1000)
    for _ in range(1000):
        clock.now += 0.01
        reporter.advance()

    lines = stream.getvalue().splitlines()
    assert 10 <= len(lines) <= 12
    assert json.loads(lines[-1])["done"] == 1000


def test_without_a_terminal_there_is_a_line_now_and_then_and_one_at_the_end() -> None:
    stream, clock = io.StringIO(), _Clock()
    reporter = LineReporter(stream, clock=clock, interval=30.0)

    reporter.begin("gsm8k", 4)
    for _ in range(4):
        clock.now += 20
        reporter.advance()

    assert stream.getvalue().splitlines() == ["gsm8k: 2 of 4, 40 s left", "gsm8k: 4 of 4, 0 s left"]


def test_a_bar_names_its_phases_and_ends_when_it_is_closed() -> None:
    stream = io.StringIO()
    reporter = BarReporter(stream)

    reporter.begin("measuring", 2)
    reporter.advance(2)
    reporter.begin("choosing", 1)
    reporter.close()

    assert "measuring" in stream.getvalue()
    assert "2/2" in stream.getvalue()
    assert "choosing" in stream.getvalue()


def test_nobody_is_told_by_the_silent_one() -> None:
    reporter: Reporter = SilentReporter()

    reporter.begin("measuring", 2)
    reporter.advance()
    reporter.close()
