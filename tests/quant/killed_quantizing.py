"""Run as a process: the whole of `quantizing`, killed by SIGKILL at a given step of a phase.

python killed_quantizing.py FOLDER OUT (PHASE | rename) NUMBER
"""

import sys
from pathlib import Path

from optiq_quant.plan import Coding
from optiq_quant.progress import SilentReporter
from optiq_quant.quantizing import prepare, write
from tests.quant.countdown import Countdown
from tests.quant.small_orders import small_host, small_order

WAYS = (Coding.NEAREST, Coding.FITTED, Coding.COMPENSATED)


class DeadlyReporter(SilentReporter):
    """Counts the times that a phase tells of steps: in a phase that ends before, nothing happens."""

    def __init__(self, phase: str, countdown: Countdown) -> None:
        self._deadly = phase
        self._countdown = countdown
        self._phase = ""

    def begin(self, phase: str, total: int) -> None:
        self._phase = phase

    def advance(self, steps: int = 1) -> None:
        if self._phase == self._deadly:
            self._countdown()


def main(folder: str, out: str, phase: str, number: str) -> None:
    countdown = Countdown(int(number))
    prepared = prepare(small_order(Path(folder), ways=WAYS), small_host(), DeadlyReporter(phase, countdown))
    if phase == "rename":
        sys.addaudithook(lambda event, _arguments: countdown() if event == "os.rename" else None)
    write(prepared, Path(out), small_host(), DeadlyReporter(phase, countdown))


if __name__ == "__main__":
    main(*sys.argv[1:])
