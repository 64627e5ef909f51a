"""What a job's program does, in small: `python -m` this module and a mode, with a file for `family`.

`done` ends by itself, `fail` with a complaint; `wait` ends when it is asked to and tells what it has,
`stubborn` never; `family` leaves a child behind, whose process id it writes to the file.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _progress(done: int) -> None:
    _say(json.dumps({"phase": "measuring", "done": done, "total": 4, "seconds_left": 1.5}))


def _leave(_number: int, _frame: FrameType | None) -> None:
    _say("asked to end")
    sys.stdout.write(json.dumps({"score": 0.5}))
    sys.stdout.flush()
    sys.exit(1)


def main(mode: str, *arguments: str) -> int:
    if mode == "stubborn":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGINT, _leave)
    _say("begun")
    _progress(1)
    match mode:
        case "fail":
            _say("optiq: the checkpoint is broken")
            return 1
        case "done":
            sys.stdout.write(json.dumps({"score": 1}))
            return 0
        case "family":
            child = subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(60)"])
            Path(arguments[0]).write_text(str(child.pid))
            return 0
        case _:
            while True:
                signal.pause()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
