"""Run as a process: converts, and dies by SIGKILL at a given moment.

python killed_conversion.py SOURCE OUT PLAN.json (piece | rename) NUMBER
"""

import sys
from pathlib import Path

from optiq_quant.convert import convert
from optiq_quant.plan import plan_of_json
from optiq_server.engine.loader import load_lazily
from tests.quant.checkpoints import conversion
from tests.quant.countdown import Countdown


def main(source: str, out: str, plan: str, kind: str, number: str) -> None:
    countdown = Countdown(int(number))
    if kind == "rename":
        sys.addaudithook(lambda event, _arguments: countdown() if event == "os.rename" else None)
    convert(
        conversion(Path(source), plan_of_json(Path(plan).read_text()), Path(out)),
        load_lazily=load_lazily,
        progress=lambda _done, _total: countdown() if kind == "piece" else None,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
