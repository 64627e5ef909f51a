"""`python -m tools.soak`: mixed traffic against `optiq serve`; memory over time, and what went wrong."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

import httpx

from tools.bench.server_process import optiq_server
from tools.soak.traffic import Tally, run

_SAMPLE_SECONDS = 15


async def _soak(url: str, pid: int, options: argparse.Namespace) -> tuple[Tally, list[tuple[float, float]]]:
    tally = Tally()
    memory: list[tuple[float, float]] = []
    started = time.monotonic()
    seconds = 60 * float(options.minutes)

    def goes_on() -> bool:
        return time.monotonic() - started < seconds

    traffic = asyncio.create_task(run(url, clients=options.clients, tally=tally, goes_on=goes_on))
    while not traffic.done():
        await asyncio.wait([traffic], timeout=_SAMPLE_SECONDS)
        memory.append((round(time.monotonic() - started), _resident_mib(pid)))
        print(f"{memory[-1][0]:5.0f} s  {memory[-1][1]:7.1f} MiB  {dict(tally.outcomes)}", file=sys.stderr)
    traffic.result()
    async with httpx.AsyncClient() as http:
        (await http.get(f"{url}/health")).raise_for_status()
    return tally, memory


def _resident_mib(pid: int) -> float:
    """Linux alone tells it in a file; elsewhere it is not measured."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return float("nan")
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--json", type=Path, default=Path("soak.json"))
    options = parser.parse_args()
    with optiq_server(["--cache-bytes", "200MiB", "--queue-limit", "64"]) as (url, process):
        tally, memory = asyncio.run(_soak(url, process.pid, options))
    code = process.wait(timeout=60)
    half = [each for _, each in memory[len(memory) // 2 :]]
    figures = {
        "minutes": options.minutes,
        "clients": options.clients,
        "outcomes": dict(tally.outcomes),
        "unexplained": tally.unexplained,
        "resident_mib": memory,
        "growth_in_second_half_mib": round(half[-1] - half[0], 1) if half else None,
        "exit_code": code,
    }
    options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return 0 if not tally.unexplained and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
