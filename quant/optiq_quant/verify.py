"""Whether a written folder is what its plan says, tensor by tensor, and what its source says.

What follows from the plan and the source is computed again; of the folder's own record only the plan is
believed, and the hashes of codes that were searched for.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from pathlib import Path

import mlx.core as mx

from optiq_quant.coding_error import coding_error
from optiq_quant.convert import LoadLazily
from optiq_quant.errors import PlanRejected, VerificationFailed
from optiq_quant.fingerprint import checkpoint_fingerprint
from optiq_quant.inventory import Inventory, take_inventory
from optiq_quant.output_config import output_config, output_index
from optiq_quant.pieces import Piece, device_kind
from optiq_quant.plan import Coding, Plan, PlannedUnit
from optiq_quant.shard_file import is_written, tensor_hashes
from optiq_quant.sources import Sources
from optiq_quant.tensor_layout import ShardLayout
from optiq_quant.written import Record, read_object, read_record

_MOST_SEARCHED = 16.0
"""Codes that were searched for may be farther from the weights than the nearest ones, which is not what they
are searched for; beyond this multiple they are other weights' codes."""


_MOST_ELSEWHERE = 1.01
"""The same for nearest codes that another kind of device found: a few roundings."""


class Outcome(StrEnum):
    """Of one check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was checked, and what came out: figures where it passed, else the first thing that is wrong."""

    name: str
    outcome: Outcome
    detail: str


def run_check(name: str, check: Callable[[], str]) -> Check:
    """`check` gives the detail, or raises VerificationFailed."""
    try:
        return Check(name=name, outcome=Outcome.PASSED, detail=check())
    except (VerificationFailed, PlanRejected) as error:
        return Check(name=name, outcome=Outcome.FAILED, detail=str(error))


def verify_files(folder: Path, *, source: Path | None, load_lazily: LoadLazily) -> list[Check]:
    """The checks of all files of weights; without `source` those that need it are skipped.

    Raises CheckpointUnusable where the folder was not written by conversion, and what `load_lazily` raises.
    """
    record = read_record(folder)
    config = read_object(folder / "config.json")
    written = take_inventory(load_lazily(folder), config)
    checks = [run_check("formats", lambda: _check_formats(record.plan, written))]
    if source is None:
        shards = written.layout(_as_kept(record.plan, written), shard_bytes=record.shard_bytes)
    else:
        origin_config = read_object(source / "config.json")
        origin = take_inventory(load_lazily(source), origin_config)
        expected = output_config(origin_config, origin, record.plan)
        checks.append(run_check("config", lambda: _check_config(config, expected)))
        shards = origin.layout(record.plan, shard_bytes=record.shard_bytes)
    checks.append(run_check("files", lambda: _check_files(folder, shards, written)))
    if checks[-1].outcome is Outcome.FAILED:
        return checks
    hashes = dict(chain.from_iterable(tensor_hashes(folder, shard).items() for shard in shards))
    checks.append(run_check("contents", lambda: _check_recorded(hashes, record)))
    if source is None:
        detail = "name the source to compare with it (--source)"
        return [*checks, Check(name="source", outcome=Outcome.SKIPPED, detail=detail)]
    checks.append(run_check("source", lambda: _check_source(source, record.plan)))
    comparison = _Comparison(
        plan=record.plan,
        inventory=origin,
        hashes=hashes,
        is_same_device=record.device == device_kind(),
        source=Sources(load_lazily(source), origin),
        written=Sources(load_lazily(folder), written),
    )
    return [*checks, *comparison.checks()]


def _check_formats(plan: Plan, written: Inventory) -> str:
    found = written.stored_formats()
    for path, form in plan.formats().items():
        if found.get(path) != form:
            raise VerificationFailed(
                f"{path} is {found[path].name if path in found else 'absent'}; planned is {form.name}"
            )
    if len(found) != len(plan.units):
        raise VerificationFailed(f"there are {len(found)} units; planned are {len(plan.units)}")
    return f"{len(found)} units are loaded in the formats planned"


def _as_kept(plan: Plan, written: Inventory) -> Plan:
    """A plan that makes the written folder out of itself."""
    units = [PlannedUnit(path=unit.path, format=unit.stored, coding=Coding.KEPT) for unit in written.units]
    return replace(plan, units=tuple(units))


def _check_config(found: Mapping[str, object], expected: Mapping[str, object]) -> str:
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            raise VerificationFailed(f"config.json: {name} is not what the plan and the source make of it")
    return f"{len(found)} fields are as planned"


def _check_files(folder: Path, shards: Iterable[ShardLayout], written: Inventory) -> str:
    shards = tuple(shards)
    for shard in shards:
        if not is_written(folder, shard):
            raise VerificationFailed(f"{shard.name} is absent, or its header or size is not what is planned")
    names = [shard.name for shard in shards]
    foreign = sorted(path.name for path in folder.glob("*.safetensors") if path.name not in names)
    if foreign:
        raise VerificationFailed(f"{foreign[0]} does not belong to the plan")
    if read_object(folder / "model.safetensors.index.json") != output_index(shards, written):
        raise VerificationFailed("model.safetensors.index.json does not tell what the files hold")
    size = sum(shard.bytes for shard in shards)
    return f"{size:,} bytes in {len(names)} file{'s' if names[1:] else ''}, as predicted to the byte"


def _check_recorded(hashes: Mapping[str, str], record: Record) -> str:
    for name in sorted({*hashes, *record.tensors}):
        if hashes.get(name) != record.tensors.get(name):
            raise VerificationFailed(f"{name}: its sha256 is not the one that optiq.json records")
    return f"{len(hashes)} tensors have the sha256 recorded"


def _check_source(source: Path, plan: Plan) -> str:
    if checkpoint_fingerprint(source) != plan.source:
        raise VerificationFailed(f"{source} is not the checkpoint that the plan was made for")
    return "its fingerprint is the plan's"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """The written weights against the source's. Each unit is taken from both once."""

    plan: Plan
    inventory: Inventory
    hashes: Mapping[str, str]
    is_same_device: bool
    source: Sources
    written: Sources

    def checks(self) -> list[Check]:
        units = {coding: [unit for unit in self.plan.units if unit.coding is coding] for coding in Coding}
        searched = [*units[Coding.FITTED], *units[Coding.COMPENSATED]]
        return [
            run_check("kept", lambda: self._equal(units[Coding.KEPT], "equal the source's, by sha256")),
            run_check("nearest", lambda: self._nearest(units[Coding.NEAREST])),
            run_check("searched", lambda: self._near(searched, _MOST_SEARCHED)),
            run_check("others", self._others),
        ]

    def _equal(self, units: Sequence[PlannedUnit], what: str) -> str:
        for unit in units:
            self._compare(self.source.kept_or_nearest(unit))
            mx.clear_cache()
        return f"{len(units)} units {what}"

    def _nearest(self, units: Sequence[PlannedUnit]) -> str:
        if self.is_same_device:
            return self._equal(units, "equal their codes computed again")
        return f"coded on another kind of device: {self._near(units, _MOST_ELSEWHERE)}"

    def _near(self, units: Sequence[PlannedUnit], most: float) -> str:
        largest = 0.0
        for unit in units:
            weights, found = self.source.take(unit.path), self.written.take(unit.path)
            error, least = coding_error(weights, found, unit.format, getattr(mx, self.inventory.dtype))
            share = error / least if least else error
            if not share <= most:
                raise VerificationFailed(
                    f"{unit.path}: its squared error is {share:.1f} times that of the nearest codes"
                )
            largest = max(largest, share)
        if not units:
            return "there is no such unit"
        return f"{len(units)} units; squared errors are at most {largest:.2f} times the nearest codes'"

    def _others(self) -> str:
        for tensor in self.inventory.others:
            self._compare(self.source.other(tensor))
        return f"{len(self.inventory.others)} tensors outside the units equal the source's, by sha256"

    def _compare(self, pieces: Iterable[Piece]) -> None:
        digests: dict[str, hashlib._Hash] = {}
        for piece in pieces:
            digests.setdefault(piece.name, hashlib.sha256()).update(piece.data)
        for name, digest in digests.items():
            if digest.hexdigest() != self.hashes.get(name):
                raise VerificationFailed(f"{name} differs from what the source gives")
