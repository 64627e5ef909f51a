"""Better codes at the same bytes: layer by layer, each way of coding is tried, and the best is kept.

    embedding, layer 0, layer 1, ..., head        the stages
    for each: what its units are given, by the coded layers before it, on the measuring part;
              its units coded in each way;
              the divergence of each on the selecting part, the layers behind it being the source's;
              the way whose divergence is least, kept, written, and put into the model

A stage that is in the store is not computed again. All is deterministic: a run that was killed and taken up
gives the same codes. It chooses no format, and re-codes nothing that the plan keeps.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.activations import InputRecorder
from optiq_quant.code_store import CodeStore
from optiq_quant.coding import encode_module
from optiq_quant.divergence import ReferenceBlock
from optiq_quant.encoded import Encoded
from optiq_quant.formats import Mode
from optiq_quant.layer_flow import LayerFlow
from optiq_quant.layerwise import LayerwiseModel, blocks
from optiq_quant.modules import replace_module, unit_modules
from optiq_quant.plan import Coding, Plan
from optiq_quant.progress import Reporter
from optiq_quant.statistics import InputStatistics
from optiq_quant.trials import module_of, replaced
from optiq_quant.units import Role, Unit

WAYS = (Coding.NEAREST, Coding.FITTED, Coding.COMPENSATED)
"""Tried in this order; of equal ones the first is kept."""

Prompts = Sequence[Sequence[int]]
Codes = Mapping[str, Encoded]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Units that are coded together: those of one layer, or all others before or behind the layers."""

    name: str
    layer: int | None
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """The divergences in nats on the selecting part, by way of coding; the one that was kept is the least.

    Layers before the stage are coded, those behind it the source's: so figures of two stages do not compare.
    """

    stage: Stage
    divergences: Mapping[Coding, float]

    @property
    def kept(self) -> Coding:
        return min(self.divergences, key=lambda way: self.divergences[way])


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """The plan with the ways of coding that were kept, and what was measured."""

    plan: Plan
    reports: tuple[StageReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Prompts of token ids: inputs are seen on `measuring`, ways are chosen by `selecting`."""

    measuring: Prompts
    selecting: Prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`stored` is the 16-bit float of scales and biases, `ways` are those of coding that are tried."""

    stored: mx.Dtype
    ways: tuple[Coding, ...] = WAYS


def stages_of(units: Sequence[Unit], plan: Plan) -> tuple[Stage, ...]:
    """In the order in which they are coded: whatever is given its inputs by another comes behind it."""
    planned = plan.by_path()
    coded = [unit for unit in units if planned[unit.path].coding is not Coding.KEPT]
    layers = sorted({unit.layer for unit in coded if unit.layer is not None})
    before = [unit.path for unit in coded if unit.layer is None and unit.role is Role.EMBEDDING]
    behind = [unit.path for unit in coded if unit.layer is None and unit.role is not Role.EMBEDDING]
    stages = [Stage(name="embedding", layer=None, paths=tuple(before))]
    for layer in layers:
        paths = tuple(unit.path for unit in coded if unit.layer == layer)
        stages.append(Stage(name=f"layer {layer}", layer=layer, paths=paths))
    stages.append(Stage(name="head", layer=None, paths=tuple(behind)))
    return tuple(stage for stage in stages if stage.paths)


def refine(
    model: LayerwiseModel,
    units: Sequence[Unit],
    plan: Plan,
    texts: Texts,
    settings: Settings,
    *,
    store: CodeStore,
    reporter: Reporter,
) -> Refinement:
    """Code all units that the plan does not keep. The model is given back as it was."""
    stages = stages_of(units, plan)
    with replaced(model.model, unit_modules(model.model)):
        refiner = _Refiner(model, units, plan, texts, settings, store)
        reporter.begin("coding", len(stages))
        reports = []
        for stage in stages:
            reports.append(refiner.run(stage))
            reporter.advance()
    kept = {path: report.kept for report in reports for path in report.stage.paths}
    planned = tuple(replace(unit, coding=kept.get(unit.path, unit.coding)) for unit in plan.units)
    return Refinement(plan=replace(plan, units=planned), reports=tuple(reports))


class _Refiner:
    """Goes through the stages in order, and leaves each one's units coded in the model."""

    def __init__(
        self,
        model: LayerwiseModel,
        units: Sequence[Unit],
        plan: Plan,
        texts: Texts,
        settings: Settings,
        store: CodeStore,
    ) -> None:
        self._model = model
        self._planned = plan.by_path()
        self._settings = settings
        self._store = store
        self._sources = unit_modules(model.model)
        roles = {unit.role: unit.path for unit in units if unit.layer is None}
        self._head = roles.get(Role.HEAD, roles.get(Role.EMBEDDING))
        self._measuring = LayerFlow(model, texts.measuring)
        self._selecting = LayerFlow(model, texts.selecting)
        self._reference = list(self._selecting.final())
        self._next_layer = 0

    def run(self, stage: Stage) -> StageReport:
        self._advance_to(stage)
        divergences = self._store.divergences(stage.name)
        if divergences is None:
            divergences = self._code(stage)
        report = StageReport(stage=stage, divergences=divergences)
        for path in stage.paths:
            encoded = self._store.load(path, self._planned[path].format)
            replace_module(self._model.model, path, self._module(path, encoded))
        return report

    def _advance_to(self, stage: Stage) -> None:
        """Bring all prompts before the stage's layer; layers that the plan keeps are passed through too."""
        wanted = self._model.layer_count if stage.name == "head" else stage.layer or 0
        while self._next_layer < wanted:
            self._measuring.advance()
            self._selecting.advance()
            self._next_layer += 1

    def _code(self, stage: Stage) -> dict[Coding, float]:
        statistics = self._statistics(stage)
        divergences: dict[Coding, float] = {}
        best: Codes = {}
        for way in self._settings.ways:
            codes = self._encode(stage, way, statistics)
            divergence = self._divergence(codes)
            if not divergences or divergence < min(divergences.values()):
                best = codes
            divergences[way] = divergence
        self._store.keep(stage.name, divergences, best)
        return divergences

    def _encode(self, stage: Stage, way: Coding, statistics: Mapping[str, InputStatistics]) -> Codes:
        stored = self._settings.stored
        return {
            path: encode_module(
                self._sources[path], self._planned[path].format, way, statistics.get(path), stored
            )
            for path in stage.paths
        }

    def _statistics(self, stage: Stage) -> Mapping[str, InputStatistics]:
        """Of the stage's units, on the measuring part; of the head they are made of final hidden states."""
        if stage.layer is None:
            return self._head_statistics() if self._head in stage.paths else {}
        moments = [path for path in stage.paths if self._planned[path].format.mode is Mode.AFFINE]
        recorder = InputRecorder(self._model.model, stage.paths, moments=moments)
        with recorder.installed():
            self._measuring.observe()
        return recorder.statistics()

    def _head_statistics(self) -> Mapping[str, InputStatistics]:
        if self._head is None or not self._model.splits_head:
            return {}
        count, products = 0, mx.zeros(())
        for hidden in self._measuring.final():
            inputs = hidden.astype(mx.float32)
            count, products = count + inputs.shape[0], products + inputs.T @ inputs
            mx.eval(products)
        moment = products / count
        return {self._head: InputStatistics(count=count, mean_square=mx.diag(moment), second_moment=moment)}

    def _divergence(self, codes: Codes) -> float:
        """The mean on the selecting part, in nats, with `codes` in the model."""
        modules = {path: self._module(path, encoded) for path, encoded in codes.items()}
        head = {} if self._head is None else {self._head: self._sources[self._head]}
        total, tokens = 0.0, 0
        with replaced(self._model.model, modules):
            finals = zip(self._selecting.prompts, self._selecting.final(), self._reference, strict=True)
            for prompt, final, reference in finals:
                for block in blocks(len(prompt)):
                    with replaced(self._model.model, head) if head else nullcontext():
                        truth = self._model.logits(reference[block])
                    following = prompt[block.start + 1 : block.stop + 1]
                    found = ReferenceBlock(truth, following).compare(self._model.logits(final[block]))
                    total += found.total()
                tokens += len(prompt)
        return total / tokens

    def _module(self, path: str, encoded: Encoded) -> Module:
        return module_of(self._sources[path], encoded)
