"""From a checkpoint and a text to what each format of each unit costs: `Measurements`.

It puts measuring together: what is measured, and how it is predicted and checked, is `sensitivity`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx

from optiq_quant.calibration_text import CalibrationText, Part, Prompt
from optiq_quant.candidates import Candidates
from optiq_quant.encoded import encode_nearest
from optiq_quant.formats import Format
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.measurements import Evidence, Measurements, UnitCosts
from optiq_quant.measuring import Measurer
from optiq_quant.offering import make_offers
from optiq_quant.progress import Reporter
from optiq_quant.sensitivity import Sensitivities, SensitivityOptions, measure_sensitivities
from optiq_quant.sensitivity_report import sensitivity_evidence
from optiq_quant.survey import Survey, option_of
from optiq_quant.trials import Encode
from optiq_quant.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What each format costs, and how that was found: None where no unit has a choice."""

    measurements: Measurements
    sensitivities: Sensitivities | None


def nearest_in(dtype: str) -> Encode:
    """MLX's own quantize of weights in the float, of 16 bits, that scales are written in."""
    stored: mx.Dtype = getattr(mx, dtype)
    return lambda _path, weight, form: encode_nearest(weight.astype(stored), form)


def price(
    survey: Survey,
    model: LayerwiseModel,
    text: CalibrationText,
    candidates: Candidates,
    options: SensitivityOptions,
    *,
    tokens: int,
    journal: Journal,
    reporter: Reporter,
) -> Priced:
    """Measure what the journal lacks, on at most `tokens` of the text's measuring part."""
    units, encode = survey.inventory.units, nearest_in(survey.inventory.dtype)
    wanted = {unit: candidates.of(unit)[1:] for unit in units}
    prompts = text.some(Part.MEASURE, tokens)
    offers = make_offers(
        model,
        {unit: forms for unit, forms in wanted.items() if forms},
        prompts,
        encode=encode,
        journal=journal,
        reporter=reporter,
    )
    measurer = Measurer(
        model,
        units,
        prompts,
        part=Part.MEASURE,
        encode=encode,
        journal=journal,
        reporter=reporter,
    )
    found = measure_sensitivities(measurer, offers, options) if offers else None
    measurements = Measurements(
        source=survey.fingerprint,
        units=tuple(_costs(unit, wanted[unit], found) for unit in units),
        remainder=survey.remainder,
        calibration=_told(text, prompts, found),
    )
    return Priced(measurements=measurements, sensitivities=found)


def _costs(unit: Unit, forms: tuple[Format, ...], found: Sensitivities | None) -> UnitCosts:
    options, evidence = [option_of(unit, unit.stored, 0.0)], [Evidence.SOURCE]
    if found is None:
        return UnitCosts(unit=unit, options=tuple(options), evidence=tuple(evidence))
    for form in forms:
        options.append(option_of(unit, form, found.divergences[unit.path][form]))
        is_measured = form in found.measured[unit.path]
        evidence.append(Evidence.MEASURED if is_measured else Evidence.PREDICTED)
    return UnitCosts(unit=unit, options=tuple(options), evidence=tuple(evidence))


def _told(text: CalibrationText, priced_on: Sequence[Prompt], found: Sensitivities | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "text": text.origin,
        "fingerprint": text.fingerprint,
        "tokens": {part.value: text.tokens(part) for part in Part},
        "priced_on_tokens": sum(map(len, priced_on)),
        "prompts": {part.value: len(text.parts[part]) for part in Part},
    }
    if found is not None:
        told["sensitivities"] = sensitivity_evidence(found)
    return told
