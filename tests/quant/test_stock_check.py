"""The check against stock mlx-lm, in its own process."""

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mlx.nn.layers.base import Module

from optiq_quant import stock_script
from optiq_quant.convert import convert
from optiq_quant.errors import VerificationFailed
from optiq_quant.modules import unit_modules
from optiq_quant.stock import TOLERANCE, Logits, largest_difference, own_logits, stock_logits
from optiq_quant.stock_check import check_stock
from optiq_quant.verify import Outcome
from optiq_server.engine.loader import load_as_stock, load_lazily
from tests.quant.checkpoints import REFERENCE, conversion, plan_for

_SEQUENCES = [[1, 17, 200, 4], list(range(40))]


@pytest.fixture(name="out", scope="module")
def _out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stock") / "out"
    convert(conversion(REFERENCE, plan_for(REFERENCE), out), load_lazily=load_lazily)
    return out


def _load_with_one_bias_changed(folder: Path) -> Module:
    model = load_as_stock(folder)
    module = unit_modules(model)["model.layers.3.self_attn.v_proj"]
    module.bias = module.bias * 1.01
    return model


@pytest.fixture(name="theirs", scope="module")
def _theirs(out: Path) -> list[Logits]:
    return stock_logits(out, _SEQUENCES)


def test_stock_mlx_lm_gives_our_logits(out: Path, theirs: list[Logits]) -> None:
    assert largest_difference(own_logits(out, _SEQUENCES, load_as_stock), theirs) <= TOLERANCE


@pytest.mark.parametrize("load", [_load_with_one_bias_changed, load_lazily])
def test_other_weights_or_another_rope_are_noticed(
    out: Path, theirs: list[Logits], load: Callable[[Path], Module]
) -> None:
    with pytest.raises(VerificationFailed, match="the largest difference to stock mlx-lm's logits is"):
        largest_difference(own_logits(out, _SEQUENCES, load), theirs)


def test_a_folder_that_stock_mlx_lm_cannot_load_fails(tmp_path: Path) -> None:
    shutil.copy(REFERENCE / "config.json", tmp_path)

    with pytest.raises(VerificationFailed, match=r"stock mlx-lm cannot run it: .*No safetensors"):
        stock_logits(tmp_path, _SEQUENCES)


@pytest.mark.parametrize("package", ["optiq_server", "optiq_quant", "optiq_harmony"])
def test_our_packages_cannot_be_imported_there(package: str) -> None:
    modules: dict[str, ModuleType | None] = {}

    runpy.run_path(stock_script.__file__)["forbid_our_packages"](modules)

    # What None means there is Python's: the import raises ModuleNotFoundError.
    assert modules[package] is None


def test_it_is_skipped_where_memory_does_not_hold_the_model(out: Path) -> None:
    check = check_stock(out, load_as_stock=load_as_stock, available=1000)

    assert check.outcome is Outcome.SKIPPED
    assert "of memory" in check.detail


def test_logits_that_are_no_numbers_are_a_difference() -> None:
    ones = [np.ones((2, 3), np.float32)]

    with pytest.raises(VerificationFailed):
        largest_difference([ones[0] * np.nan], ones)
    with pytest.raises(VerificationFailed, match="another shape"):
        largest_difference([ones[0][:1]], ones)
    assert largest_difference(ones, ones) == 0
