"""Which command does a job: the job's options as arguments of `optiq`. Pure.

Each value stands behind its option's `=`, so that none can become an option of its own.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optiq_server.jobs.job import JobKind

_PROGRAM = (sys.executable, "-m", "optiq_server")
_FOR_PROGRAMS = ("--progress=json", "--json")

_GOING_ON = "--resume"
"""Whoever starts a job again means the folder that its first run left unfinished. Any other that is not empty
is refused all the same."""


def command_line(kind: JobKind, options: Mapping[str, Any], folder: Path, *, own_url: str) -> list[str]:
    """The command for these options. `folder` is the job's own, `own_url` this server's API, with `/v1`."""
    match kind:
        case JobKind.QUANTIZE:
            return [
                *_PROGRAM,
                "quantize",
                *_quantize(options),
                _GOING_ON,
                *_FOR_PROGRAMS,
                "--",
                str(options["checkpoint"]),
            ]
        case JobKind.EVALUATE:
            return [*_PROGRAM, "eval", *_evaluate(options, folder, own_url), *_FOR_PROGRAMS]


def _quantize(options: Mapping[str, Any]) -> list[str]:
    return _given(
        {
            "--out": options.get("out"),
            "--bpw": options.get("bpw"),
            "--size": options.get("size"),
            "--calibration": options.get("calibration"),
            "--experts": options.get("experts"),
        }
    )


def _evaluate(options: Mapping[str, Any], folder: Path, own_url: str) -> list[str]:
    """The answers stay with the job, and leave with it."""
    return _given(
        {
            "--suite": ",".join(options["suites"]),
            "--base-url": options.get("base_url") or own_url,
            "--out": folder / "answers",
            "--data": options.get("data"),
            "--limit": options.get("limit"),
            "--reasoning-effort": options.get("reasoning_effort"),
        }
    )


def _given(values: Mapping[str, object]) -> list[str]:
    return [f"{name}={value}" for name, value in values.items() if value is not None]
