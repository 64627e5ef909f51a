"""`optiq quantize` from end to end: measure, choose, code, write, and show what came of it.

Each stage is a module of its own; here they are put in order. Each begins where the last run left off.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlx.core as mx

from optiq_quant.baselines import standard_baselines
from optiq_quant.budget import Budget
from optiq_quant.calibration_text import CalibrationText, Extent, Part, shipped_text, text_of_file
from optiq_quant.candidates import Candidates
from optiq_quant.choosing import Chosen, SelectingPart, choose
from optiq_quant.code_store import CodeStore
from optiq_quant.compare import compare_models
from optiq_quant.convert import write_card
from optiq_quant.divergence_summary import summarize
from optiq_quant.encoded import Encoded
from optiq_quant.evidence import Evidence, measure_baselines
from optiq_quant.forward_count import ForwardCount
from optiq_quant.host import Host
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.measurements import MEASUREMENTS_FILE, Measurements
from optiq_quant.plan import Coding, Plan, PlannedUnit
from optiq_quant.pricing import price
from optiq_quant.progress import Reporter
from optiq_quant.refine import Refinement, Settings, Texts, refine
from optiq_quant.replay import conversion_of, convert_by
from optiq_quant.sensitivity import Sensitivities, SensitivityOptions
from optiq_quant.sensitivity_report import sensitivity_table
from optiq_quant.shard_file import write_whole
from optiq_quant.survey import Survey, survey
from optiq_quant.tables import TextTable
from optiq_quant.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be done. Formats are priced on at most `pricing_tokens` of the measuring part. `swaps`
    bounds the measurements of swaps; `ways` are the ways of coding that are tried; `work` is the folder of
    all that is measured, found by what identifies it."""

    source: Path
    budget: Budget
    candidates: Candidates
    work: Callable[[Survey, CalibrationText], Workspace]
    calibration: Path | None = None
    extent: Extent = field(default_factory=Extent)
    sensitivity: SensitivityOptions = field(default_factory=SensitivityOptions)
    pricing_tokens: int = 8192
    swaps: int = 24
    ways: tuple[Coding, ...] = (Coding.NEAREST, Coding.FITTED, Coding.COMPENSATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan, the codes that belong to it, and what was measured on the way; nothing is written yet.

    `count` is what this run computed: less than all that was measured, where it went on with an earlier one.
    """

    plan: Plan
    survey: Survey
    measurements: Measurements
    measurements_path: Path
    sensitivities: Sensitivities | None
    codes: Callable[[str], Encoded | None]
    held_out: tuple[tuple[int, ...], ...]
    count: ForwardCount

    def cost(self) -> dict[str, float]:
        """Forwards of one prompt, tokens in them, and seconds."""
        return {
            "forwards": round(self.count.forwards, 1),
            "token_forwards": round(self.count.token_forwards),
            "seconds": round(self.count.seconds, 1),
        }

    def tables(self) -> tuple[TextTable, ...]:
        """What was measured, and what of it this run computed."""
        cost = TextTable(
            caption="Computed in this run",
            columns=("figure", "value"),
            rows=(
                ("full passes over a prompt", f"{self.count.forwards:.0f}"),
                ("tokens in them", f"{self.count.token_forwards:.0f}"),
                ("seconds in them", f"{self.count.seconds:.0f}"),
            ),
        )
        return (cost,) if self.sensitivities is None else (sensitivity_table(self.sensitivities), cost)


def calibration_text(order: Order, host: Host) -> CalibrationText:
    """The three parts. Raises CalibrationUnusable."""
    speech = host.speech(order.source)
    if order.calibration is None:
        return shipped_text(speech, order.extent)
    return text_of_file(order.calibration, speech, order.extent)


def identity_of(found: Survey, text: CalibrationText) -> dict[str, str]:
    """All that measurements depend on, beside the format and the prompt that each names itself."""
    return {
        "weights": found.fingerprint,
        "calibration": text.fingerprint,
        "computed in": "float32",
        "mlx": version("mlx"),
        "mlx-lm": version("mlx-lm"),
    }


def prepare(order: Order, host: Host, reporter: Reporter) -> Prepared:
    """Measure, choose and find the codes.

    Raises BudgetTooSmall before anything is measured, CalibrationUnusable, JournalForeign, and what the
    host's loader raises.
    """
    found = survey(order.source, host)
    found.require(order.budget, order.candidates)
    text = calibration_text(order, host)
    work = order.work(found, text)
    model = LayerwiseModel(host.load(order.source), found.inventory.units)
    with Journal(work.journal, work.identity) as journal:
        priced = price(
            found,
            model,
            text,
            order.candidates,
            order.sensitivity,
            tokens=order.pricing_tokens,
            journal=journal,
            reporter=reporter,
        )
        work.write_measurements(priced.measurements.to_json())
        part = SelectingPart(model, found.inventory, text, journal=journal, reporter=reporter)
        chosen = choose(priced.measurements, found.limits(order.budget), part, swaps=order.swaps)
        baselines = measure_baselines(
            standard_baselines(found.inventory.units),
            model,
            found.inventory,
            text,
            journal=journal,
            reporter=reporter,
        )
    measurements = replace(priced.measurements, allocations=baselines)
    work.write_measurements(measurements.to_json())
    plan = _plan(found, measurements, chosen)
    refined = _refined(plan, model, found, text, order, work, reporter)
    return Prepared(
        plan=refined.plan,
        survey=found,
        measurements=measurements,
        measurements_path=work.measurements,
        sensitivities=priced.sensitivities,
        codes=_codes(refined.plan, found, text, order, work),
        held_out=text.parts[Part.REPORT],
        count=model.count,
    )


def write(
    prepared: Prepared,
    out: Path,
    host: Host,
    reporter: Reporter,
    *,
    base_model: str | None = None,
    reports: bool = True,
) -> Evidence | None:
    """Write the checkpoint; then, if it `reports`, measure it on the held-out part and tell that in its card.

    Raises CheckpointUnusable, PlanRejected, OSError.
    """
    conversion = conversion_of(prepared.plan, prepared.survey.folder, out, host, base_model)
    inventory = prepared.survey.inventory
    convert_by(conversion, inventory, host, reporter, prepared.codes)
    write_whole(out / MEASUREMENTS_FILE, prepared.measurements.to_json().encode())
    if not reports:
        return None
    comparison = compare_models(
        lambda: host.load(prepared.survey.folder), lambda: host.load(out), prepared.held_out, reporter
    )
    evidence = Evidence(
        summary=summarize(comparison.prompts),
        bytes=inventory.total_bytes(prepared.plan.formats()),
        baselines=prepared.measurements.allocations,
        origin=str(prepared.measurements.calibration["text"]),
    )
    write_card(conversion, replace(conversion.card, tables=evidence.tables(inventory)), inventory)
    return evidence


def _plan(found: Survey, measurements: Measurements, chosen: Chosen) -> Plan:
    """As chosen; whatever is not the source's own is coded by nearest codes until better ones are found."""
    planned = []
    for costs in measurements.units:
        form = chosen.formats[costs.unit.path]
        option = costs.option(form)
        planned.append(
            PlannedUnit(
                path=costs.unit.path,
                format=form,
                coding=Coding.KEPT if form == costs.unit.stored else Coding.NEAREST,
                divergence=None if option is None else option.divergence,
            )
        )
    evidence: dict[str, Any] = {"measured": measurements.calibration, "chosen": chosen.as_json()}
    return Plan(source=found.fingerprint, units=tuple(planned), evidence=evidence)


def _refined(
    plan: Plan,
    model: LayerwiseModel,
    found: Survey,
    text: CalibrationText,
    order: Order,
    work: Workspace,
    reporter: Reporter,
) -> Refinement:
    if order.ways == (Coding.NEAREST,):
        return Refinement(plan=plan, reports=())
    with _store(plan, text, order, work) as store:
        refined = refine(
            model,
            found.inventory.units,
            plan,
            Texts(measuring=text.parts[Part.MEASURE], selecting=text.parts[Part.SELECT]),
            Settings(stored=getattr(mx, found.inventory.dtype), ways=order.ways),
            store=store,
            reporter=reporter,
        )
    told = [
        {"stage": report.stage.name, "divergences": {way.value: x for way, x in report.divergences.items()}}
        for report in refined.reports
    ]
    return replace(refined, plan=replace(refined.plan, evidence={**plan.evidence, "coded": told}))


def _codes(
    plan: Plan, found: Survey, text: CalibrationText, order: Order, work: Workspace
) -> Callable[[str], Encoded | None]:
    """Reads the codes that were found for the plan, one unit at a time."""
    formats = plan.formats()

    def load(path: str) -> Encoded | None:
        with _store(plan, text, order, work) as store:
            return store.load(path, formats[path])

    return load


def _store(plan: Plan, text: CalibrationText, order: Order, work: Workspace) -> CodeStore:
    """The codes' folder is named by all that decides them: formats, text, ways."""
    named = "\n".join(f"{path} {form.name}" for path, form in sorted(plan.formats().items()))
    identity = {
        **work.identity,
        "formats": hashlib.sha256(named.encode()).hexdigest(),
        "ways": " ".join(order.ways),
    }
    return CodeStore(work.codes(identity), identity)
