"""Writing by a plan: one that was made before, or just now with the codes that belong to it."""

from collections.abc import Callable
from pathlib import Path

from optiq_quant.convert import Conversion, convert
from optiq_quant.encoded import Encoded
from optiq_quant.errors import PlanRejected
from optiq_quant.host import Host
from optiq_quant.inventory import Inventory
from optiq_quant.model_card import Card
from optiq_quant.plan import Coding, Plan
from optiq_quant.progress import Reporter
from optiq_quant.survey import survey


def carry_out(
    plan: Plan,
    source: Path,
    out: Path | None,
    host: Host,
    reporter: Reporter,
    *,
    base_model: str | None = None,
) -> int:
    """Carry out a plan whose codes need no text; the bytes of the files, also where nothing is written.

    Raises PlanRejected, CheckpointUnusable, OSError.
    """
    found = survey(source, host)
    if plan.source != found.fingerprint:
        raise PlanRejected(f"the plan was made for another checkpoint than {source}")
    size = found.inventory.predicted_file_bytes(plan)
    needing = [unit.path for unit in plan.units if unit.coding in (Coding.FITTED, Coding.COMPENSATED)]
    if needing:
        raise PlanRejected(
            f"{needing[0]} is coded by what was seen on a text: give the budget and the text instead of the "
            "plan, and nothing is measured twice; or write nearest instead of fitted and compensated"
        )
    if out is not None:
        conversion = conversion_of(plan, source, out, host, base_model)
        convert_by(conversion, found.inventory, host, reporter, lambda _path: None)
    return size


def conversion_of(plan: Plan, source: Path, out: Path, host: Host, base_model: str | None) -> Conversion:
    return Conversion(
        source=source,
        plan=plan,
        out=out,
        card=Card(name=out.name, base_model=base_model),
        optiq_version=host.optiq_version,
    )


def convert_by(
    conversion: Conversion,
    inventory: Inventory,
    host: Host,
    reporter: Reporter,
    codes: Callable[[str], Encoded | None],
) -> None:
    reporter.begin("writing", inventory.predicted_file_bytes(conversion.plan))
    convert(conversion, load_lazily=host.load_lazily, codes=codes, progress=_Advancing(reporter))


class _Advancing:
    """From bytes done so far, as conversion tells them, to steps."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._done = 0

    def __call__(self, done: int, _total: int) -> None:
        self._reporter.advance(done - self._done)
        self._done = done
