"""Orders for a small gpt_oss: a checkpoint, a text and a host with which all of it takes seconds."""

import json
import random
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.budget import Budget, budget_of
from optiq_quant.calibration_text import CalibrationText, Extent
from optiq_quant.candidates import Candidates, formats_of
from optiq_quant.host import Host
from optiq_quant.plan import Coding
from optiq_quant.quantizing import Order, identity_of
from optiq_quant.sensitivity import SensitivityOptions
from optiq_quant.survey import Survey
from optiq_quant.workspace import Workspace, open_workspace
from optiq_server.engine.loader import load_checkpoint, load_lazily
from tests.engine.checkpoints import REFERENCE, write_config
from tests.quant.speech import LetterSpeech

WINDOW = 12


def two_layers(folder: Path) -> Path:
    """The first two layers of the reference, as a checkpoint: native experts, the rest bfloat16."""
    stored = mx.load(str(REFERENCE / "model.safetensors"))
    assert isinstance(stored, dict)
    config = json.loads((REFERENCE / "config.json").read_text())
    write_config(folder, {"num_hidden_layers": 2, "layer_types": config["layer_types"][:2]})
    kept = {name: array for name, array in stored.items() if ".layers.2." not in name}
    kept = {name: array for name, array in kept.items() if ".layers.3." not in name}
    mx.save_safetensors(str(folder / "model.safetensors"), kept, {"format": "pt"})
    return folder


def text_file(folder: Path) -> Path:
    """Letters that are enough for four windows to measure, two to select and two to report."""
    draw = random.Random(0)
    path = folder / "letters.txt"
    path.write_text("".join(draw.choices(string.ascii_letters, k=8 * WINDOW)))
    return path


def small_host(load: Callable[[Path], Module] | None = None) -> Host:
    return Host(
        load_lazily=load_lazily,
        load=load or (lambda folder: load_checkpoint(folder).model),
        speech=lambda _folder: LetterSpeech(),
        optiq_version="1",
    )


def small_order(folder: Path, **changes: object) -> Order:
    """`folder` holds `source` and letters.txt, and gets `work`; `changes` are fields of the order."""

    def work(found: Survey, text: CalibrationText) -> Workspace:
        identity = identity_of(found, text)
        return open_workspace(folder / "work", identity, weights=found.fingerprint)

    order = Order(
        source=folder / "source",
        budget=bits(6.0),
        candidates=Candidates(formats=formats_of(["affine4", "affine8"], [32])),
        work=work,
        calibration=folder / "letters.txt",
        extent=Extent(window=WINDOW, longest=WINDOW),
        sensitivity=SensitivityOptions(checks=4, rounds=1, combinations=1),
        pricing_tokens=3 * WINDOW,
        swaps=4,
        ways=(Coding.NEAREST,),
    )
    return replace(order, **changes)  # type: ignore[arg-type]  # the fields are of many types


def bits(per_weight: float) -> Budget:
    return budget_of(bpw=per_weight)
