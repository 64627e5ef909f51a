"""Where measurements are kept between runs: one folder for each checkpoint, text and settings.

journal.jsonl        every measurement (`journal`)
measurements.json    what each format costs (`measurements`), for `optiq pareto` and for other budgets
codes-<plan>/        codes that were found for a plan
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optiq_quant.errors import CheckpointUnusable
from optiq_quant.measurements import MEASUREMENTS_FILE
from optiq_quant.shard_file import write_whole

_NAME_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """`identity` names everything that measurements depend on; the journal holds it too."""

    folder: Path
    identity: Mapping[str, str]

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    @property
    def measurements(self) -> Path:
        return self.folder / MEASUREMENTS_FILE

    def codes(self, identity: Mapping[str, str]) -> Path:
        """The folder of the codes that `identity` decides."""
        return self.folder / f"codes-{_name(identity)}"

    def write_measurements(self, text: str) -> None:
        """Whole, or not at all."""
        write_whole(self.measurements, text.encode())


def measurements_folder(cache_folder: Path) -> Path:
    """Of all checkpoints, in the user's cache folder."""
    return cache_folder / "measurements"


def open_workspace(parent: Path, identity: Mapping[str, str], *, weights: str) -> Workspace:
    """The folder for `identity` of the checkpoint whose fingerprint is `weights`, made if need be."""
    folder = parent / weights[:_NAME_DIGITS] / _name(identity)
    folder.mkdir(parents=True, exist_ok=True)
    return Workspace(folder=folder, identity=identity)


def latest_measurements(parent: Path, *, weights: str) -> Path:
    """The newest measurements.json of a checkpoint. Raises CheckpointUnusable where there is none."""
    found = sorted(
        (parent / weights[:_NAME_DIGITS]).glob(f"*/{MEASUREMENTS_FILE}"),
        key=lambda path: path.stat().st_mtime,
    )
    if not found:
        raise CheckpointUnusable(
            "nothing of this checkpoint was measured yet: `optiq quantize CHECKPOINT --dry-run` does it"
        )
    return found[-1]


def _name(identity: Mapping[str, str]) -> str:
    text = "\n".join(f"{name}={identity[name]}" for name in sorted(identity))
    return hashlib.sha256(text.encode()).hexdigest()[:_NAME_DIGITS]
