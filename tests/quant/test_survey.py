"""What is known before anything is measured."""

from pathlib import Path

import pytest

from optiq_quant.budget import Budget, BudgetKind, budget_of
from optiq_quant.candidates import Candidates
from optiq_quant.errors import BudgetTooSmall, CheckpointUnusable
from optiq_quant.formats import affine
from optiq_quant.survey import Survey, survey
from tests.engine.checkpoints import REFERENCE
from tests.quant.small_orders import small_host

_CANDIDATES = Candidates(formats=(affine(4), affine(8)))


@pytest.fixture(name="found", scope="module")
def _found() -> Survey:
    return survey(REFERENCE, small_host())


def _smallest(found: Survey) -> int:
    return found.remainder.bytes + sum(
        min(unit.bytes(form) for form in _CANDIDATES.of(unit)) for unit in found.inventory.units
    )


def test_units_and_remainder_make_up_the_checkpoint(found: Survey) -> None:
    stored = found.inventory.stored_formats()

    units = sum(unit.bytes(unit.stored) for unit in found.inventory.units)
    assert units + found.remainder.bytes == found.inventory.total_bytes(stored)
    assert found.remainder.decode_bytes > 0
    assert found.remainder.parameters > 0


def test_the_least_size_can_be_kept_and_a_byte_less_cannot(found: Survey) -> None:
    least = _smallest(found)

    found.require(budget_of(size=least), _CANDIDATES)
    with pytest.raises(BudgetTooSmall, match=rf"needs {least} bytes \("):
        found.require(budget_of(size=least - 1), _CANDIDATES)


@pytest.mark.parametrize(
    ("budget", "needed"),
    [
        (budget_of(bpw=1), r"4\.\d{4} bits per weight"),
        (budget_of(allocated_bpw=3.9), r"4\.0000 allocated bits per weight"),
        (budget_of(bpw=8, decode_bytes=9), r"\d+ bytes a token"),
    ],
)
def test_the_minimum_is_told_in_the_budgets_own_unit(found: Survey, budget: Budget, needed: str) -> None:
    with pytest.raises(BudgetTooSmall, match=needed):
        found.require(budget, _CANDIDATES)


@pytest.mark.parametrize("kind", [BudgetKind.BPW, BudgetKind.ALLOCATED_BPW])
def test_the_minimum_that_is_told_is_enough(found: Survey, kind: BudgetKind) -> None:
    with pytest.raises(BudgetTooSmall) as caught:
        found.require(Budget(kind=kind, amount=0.5), _CANDIDATES)

    found.require(Budget(kind=kind, amount=float(caught.value.needed.split()[0])), _CANDIDATES)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointUnusable, match=r"config\.json cannot be read"):
        survey(tmp_path, small_host())
