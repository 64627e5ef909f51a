"""What each unit is offered: formats, with the error that each makes on the inputs that the unit saw.

The errors lie in the journal like all that is measured. It measures no divergence.
"""

from collections.abc import Mapping, Sequence

from optiq_quant.activations import record_inputs
from optiq_quant.formats import Format
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.measuring import prompts_name
from optiq_quant.modules import unit_modules
from optiq_quant.progress import Reporter
from optiq_quant.sensitivity import Offer
from optiq_quant.trials import Encode
from optiq_quant.units import Unit
from optiq_quant.weighted_error import weighted_errors


def make_offers(
    model: LayerwiseModel,
    forms: Mapping[Unit, Sequence[Format]],
    prompts: Sequence[Sequence[int]],
    *,
    encode: Encode,
    journal: Journal,
    reporter: Reporter,
) -> list[Offer]:
    """An offer for each unit in `forms`. One pass over the prompts, unless the journal has all errors."""
    part = prompts_name(prompts)
    missing = {
        unit: lacking
        for unit, wanted in forms.items()
        if (lacking := [form for form in wanted if _key(part, unit, form) not in journal])
    }
    if missing:
        statistics = record_inputs(model, prompts, reporter, paths={unit.path for unit in missing})
        modules = unit_modules(model.model)
        reporter.begin("weighing errors", len(missing))
        for unit, lacking in missing.items():
            errors = weighted_errors(
                modules[unit.path], unit.path, lacking, statistics.get(unit.path), encode
            )
            journal.add({_key(part, unit, form): {"error": error} for form, error in errors.items()})
            reporter.advance()
    return [
        Offer(unit=unit, errors={form: journal[_key(part, unit, form)]["error"] for form in wanted})
        for unit, wanted in forms.items()
    ]


def _key(part: str, unit: Unit, form: Format) -> str:
    return f"error {part} {unit.path}={form.name}"
