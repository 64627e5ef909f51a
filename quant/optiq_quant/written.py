"""A folder that conversion writes: what it says of itself, and whether it is ours to go on with.

`optiq-unfinished.json` stands there from the first byte to the last, `optiq.json` from the last on.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optiq_quant.errors import CheckpointUnusable, PlanRejected
from optiq_quant.plan import Plan, plan_of_json
from optiq_quant.shard_file import partial_path, sync_folder, write_whole

RECORD_NAME = "optiq.json"
UNFINISHED_NAME = "optiq-unfinished.json"
_RECORD_VERSION = 1
_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What optiq.json tells: `job` names all that went into the files, `versions` the programs that made
    them, `device` the kind of device that coded, `tensors` the sha256 of each tensor's bytes, `shard_bytes`
    where the files were cut."""

    plan: Plan
    job: str
    shard_bytes: int
    versions: Mapping[str, str]
    device: str
    tensors: Mapping[str, str]

    def to_json(self) -> str:
        value = {
            "record": _RECORD_VERSION,
            "job": self.job,
            "shard_bytes": self.shard_bytes,
            "versions": dict(self.versions),
            "device": self.device,
            "plan": json.loads(self.plan.to_json()),
            "tensors": dict(self.tensors),
        }
        return json.dumps(value, indent=1, sort_keys=True) + "\n"


def read_record(folder: Path) -> Record:
    """Raises CheckpointUnusable where the folder was not written by conversion, or not to its end."""
    if (folder / UNFINISHED_NAME).exists():
        raise CheckpointUnusable(f"{folder} is unfinished: run the same command with --resume to finish it")
    value = read_object(folder / RECORD_NAME)
    tensors, versions, shard_bytes = value.get("tensors"), value.get("versions"), value.get("shard_bytes")
    if (
        value.get("record") != _RECORD_VERSION
        or not isinstance(tensors, dict)
        or not isinstance(versions, dict)
        or not isinstance(shard_bytes, int)
    ):
        raise CheckpointUnusable(f"{folder / RECORD_NAME} is not a record of version {_RECORD_VERSION}")
    try:
        plan = plan_of_json(json.dumps(value.get("plan")))
    except PlanRejected as error:
        raise CheckpointUnusable(f"{folder / RECORD_NAME}: {error}") from error
    return Record(
        plan=plan,
        job=str(value.get("job")),
        shard_bytes=shard_bytes,
        versions={str(name): str(version) for name, version in versions.items()},
        device=str(value.get("device")),
        tensors={str(name): str(digest) for name, digest in tensors.items()},
    )


def read_plan(path: Path) -> Plan:
    """Of a file that is a plan, or that holds one, as optiq.json does. Raises PlanRejected, OSError."""
    text = path.read_text(encoding="utf-8")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise PlanRejected(f"{path} is not JSON: {error}") from error
    return plan_of_json(json.dumps(value["plan"]) if isinstance(value, dict) and "plan" in value else text)


def is_startable(folder: Path) -> bool:
    """Whether the folder is not there, or nothing is in it."""
    if not folder.is_dir():
        return not folder.exists()
    # A process that was killed at its first step has left no more than this.
    first = partial_path(folder / UNFINISHED_NAME).name
    return {path.name for path in folder.iterdir()} <= {first}


def open_folder(folder: Path, job: str) -> bool:
    """Make the folder ours, or go on with it; whether it is finished already. Raises CheckpointUnusable."""
    unfinished = folder / UNFINISHED_NAME
    if is_startable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(unfinished, json.dumps({"job": job}).encode())
        return False
    if unfinished.exists():
        if read_object(unfinished).get("job") != job:
            raise CheckpointUnusable(
                f"{folder} holds the beginning of another conversion: delete it, or name another folder"
            )
        return False
    if (folder / RECORD_NAME).exists() and read_record(folder).job == job:
        return True
    raise CheckpointUnusable(f"{folder} is not empty: delete it, or name another folder")


def check_space(folder: Path, needed: int) -> None:
    """Raises CheckpointUnusable where the disk does not have `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise CheckpointUnusable(
            f"{folder}: {needed / _GIB:.2f} GiB are still to be written, "
            f"and the disk has {free / _GIB:.2f} GiB left"
        )


def close_folder(folder: Path) -> None:
    """The folder is finished: nothing in it tells otherwise any more."""
    (folder / UNFINISHED_NAME).unlink()
    sync_folder(folder)


def copy_file(path: Path, folder: Path) -> None:
    """Raises OSError."""
    write_whole(folder / path.name, path.read_bytes())


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object. Raises CheckpointUnusable."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointUnusable(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointUnusable(f"{path} is not a JSON object")
    return value
