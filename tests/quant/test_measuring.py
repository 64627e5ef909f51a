"""Trials on small models against plain passes; journals that are gone on with."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import pytest
from mlx.nn.layers.base import Module
from mlx_lm.models import gemma2

from optiq_quant.divergence import ReferenceBlock
from optiq_quant.encoded import Encoded
from optiq_quant.formats import Format, affine, dense
from optiq_quant.journal import Journal
from optiq_quant.measuring import Reading, mean_divergence, tokens_fingerprint
from optiq_quant.trials import Trial, replaced, trial_modules, trial_of
from tests.quant.measurers import BASE, PROMPTS, measurer_of, nearest, single_trials
from tests.quant.tiny_models import LLAMA, random_prompt, tiny_gpt_oss, tiny_llama, units_of

pytestmark = pytest.mark.mlx

_MODELS: list[Callable[[], Module]] = [tiny_gpt_oss, tiny_llama, lambda: tiny_llama(tied=False)]


def _memory() -> Journal:
    return Journal(None, {})


def _plain(model: Module, trial: Trial) -> float:
    """The mean divergence by two whole passes over each prompt."""
    modules = trial_modules(model, trial, nearest)
    total = 0.0
    for prompt in PROMPTS:
        tokens = mx.array([prompt])
        reference = ReferenceBlock(model(tokens)[0], prompt[1:])
        with replaced(model, modules):
            candidate = model(tokens)[0]
        total += reference.compare(candidate).total()
    return total / sum(map(len, PROMPTS))


@pytest.mark.parametrize("make", _MODELS, ids=["gpt_oss", "tied llama", "llama"])
def test_each_units_divergence_is_that_of_two_whole_passes(make: Callable[[], Module]) -> None:
    model = make()
    measurer, _ = measurer_of(model, _memory())
    trials = single_trials(model)

    found = measurer.measure("units", trials)

    for trial in trials:
        assert mean_divergence(found[trial]) == pytest.approx(_plain(model, trial), rel=1e-3, abs=1e-9)
    assert all(mean_divergence(readings) > 0 for readings in found.values())


def test_units_of_several_layers_and_the_head_are_changed_together() -> None:
    model = tiny_gpt_oss()
    measurer, _ = measurer_of(model, _memory())
    paths = ("model.layers.1.self_attn.q_proj", "model.layers.3.mlp.experts.down_proj", "lm_head")
    trial = trial_of(dict.fromkeys(paths, BASE))

    found = measurer.measure("together", [trial])

    assert mean_divergence(found[trial]) == pytest.approx(_plain(model, trial), rel=1e-3)


def test_a_trial_that_is_measured_alone_is_coded_once_for_all_prompts() -> None:
    model = tiny_llama()
    coded: list[str] = []

    def encode(path: str, weight: mx.array, form: Format) -> Encoded:
        coded.append(path)
        return nearest(path, weight, form)

    measurer, _ = measurer_of(model, _memory(), encode=encode)
    trial = trial_of({unit.path: BASE for unit in units_of(model)})

    found = measurer.measure("all", [trial])

    assert len(PROMPTS) > 1
    assert sorted(coded) == [path for path, _ in trial.changes]
    assert mean_divergence(found[trial]) == pytest.approx(_plain(model, trial), rel=1e-3)


def test_a_unit_in_its_own_format_diverges_by_exactly_nothing() -> None:
    model = tiny_gpt_oss()
    measurer, _ = measurer_of(model, _memory())
    trials = [trial_of({unit.path: dense("float32")}) for unit in units_of(model)]

    found = measurer.measure("null", trials)

    assert {reading.divergence for readings in found.values() for reading in readings} == {0.0}
    assert {reading.flips for readings in found.values() for reading in readings} == {0}


def test_a_model_whose_head_cannot_be_split_off_is_measured_by_whole_logits() -> None:
    model: Module = gemma2.Model(
        gemma2.ModelArgs.from_dict({**LLAMA, "model_type": "gemma2", "head_dim": 16})
    )
    measurer, layerwise = measurer_of(model, _memory())
    trial = trial_of({"model.embed_tokens": BASE})

    found = measurer.measure("units", [trial])

    assert not layerwise.splits_head
    assert mean_divergence(found[trial]) == pytest.approx(_plain(model, trial), rel=1e-3)


def test_what_the_journal_has_is_not_measured_again(tmp_path: Path) -> None:
    model = tiny_gpt_oss()
    trials = single_trials(model)
    path = tmp_path / "journal.jsonl"
    with Journal(path, {}) as journal:
        first = measurer_of(model, journal)[0].measure("units", trials)

    with Journal(path, {}) as journal:
        measurer, layerwise = measurer_of(model, journal)
        again = measurer.measure("units", trials)
        layerwise_forwards = layerwise.count.forwards

    assert again == first
    assert layerwise_forwards == 0


def test_a_run_that_was_killed_ends_with_the_numbers_of_one_that_was_not(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    _measure_until_killed(path, lines=10)
    model = tiny_gpt_oss()
    trials = single_trials(model)

    with Journal(path, {"weights": "tiny"}) as journal:
        kept = len(journal)
        resumed = measurer_of(model, journal)[0].measure("units", trials)

    whole = measurer_of(model, _memory())[0].measure("units", trials)
    assert 10 <= kept < len(trials) * len(PROMPTS)
    assert _divergences(resumed) == _divergences(whole)


def _measure_until_killed(path: Path, *, lines: int) -> None:
    command = [sys.executable, "-m", "tests.quant.measurers", str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=root) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < lines:
            pass
        process.send_signal(signal.SIGKILL)


def _divergences(found: dict[Trial, list[Reading]]) -> dict[str, list[tuple[float, int]]]:
    return {
        trial.name: [(reading.divergence, reading.flips) for reading in readings]
        for trial, readings in found.items()
    }


def test_each_measurement_tells_what_it_cost() -> None:
    model = tiny_gpt_oss()
    measurer, layerwise = measurer_of(model, _memory())

    found = measurer.measure("units", single_trials(model))

    told = sum(reading.forwards for readings in found.values() for reading in readings)
    assert told == pytest.approx(layerwise.count.forwards)
    assert told < len(found) * len(PROMPTS)


def test_what_a_measurement_cost_does_not_depend_on_where_the_run_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    trials = single_trials(tiny_gpt_oss())
    with Journal(path, {}) as journal:
        whole = measurer_of(tiny_gpt_oss(), journal)[0].measure("units", trials)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 3]))

    with Journal(path, {}) as journal:
        resumed = measurer_of(tiny_gpt_oss(), journal)[0].measure("units", trials)

    assert resumed == whole


def test_prompts_are_named_by_all_their_tokens() -> None:
    names = {
        tokens_fingerprint(prompts) for prompts in ([[1, 2], [3]], [[1], [2, 3]], [[1, 2, 3]], [[1, 2], [4]])
    }

    assert len(names) == 4


def test_a_trials_name_tells_its_changes_in_order() -> None:
    trial = trial_of({"b": affine(3), "a": affine(8, 32)})

    assert trial.name == "a=affine8g32 b=affine3g64"


def test_memory_does_not_grow_with_the_number_of_prompts() -> None:
    model = tiny_llama()
    trials = single_trials(model)[:4]
    few, many = (_peak_bytes(model, trials, count) for count in (2, 8))

    assert few > 0
    assert many <= 1.05 * few


def _peak_bytes(model: Module, trials: list[Trial], count: int) -> int:
    """The most that was held at once beside the weights, while prompts of the same length were measured."""
    prompts = [random_prompt(200, seed) for seed in range(count)]
    measurer, _ = measurer_of(model, _memory(), prompts)
    mx.clear_cache()
    mx.reset_peak_memory()
    held = mx.get_active_memory()
    measurer.measure("units", trials)
    return mx.get_peak_memory() - held
