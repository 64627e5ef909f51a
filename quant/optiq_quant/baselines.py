"""What a chosen allocation is compared with: rules that need no measurement, and chance.

Pure functions from units to a format for each. A unit whose shape a format does not fit keeps its stored one,
as in mlx-lm.
"""

import random
from collections.abc import Mapping, Sequence

from optiq_quant.allocate import Allocation, allocation_of
from optiq_quant.costs import Choices, Option
from optiq_quant.errors import BudgetTooSmall
from optiq_quant.formats import Format, affine
from optiq_quant.units import Role, Unit

Formats = Mapping[str, Format]

_UNIFORM_BITS = (4, 5, 6, 8)
_SWEEPS = 30
"""How often each unit is drawn again on average: long past the point where the start is forgotten."""

_MORE_DRAWS = 50
_FILLED = 0.995


def keep_source(units: Sequence[Unit]) -> Formats:
    return {unit.path: unit.stored for unit in units}


def uniform_rest(units: Sequence[Unit], form: Format) -> Formats:
    """`form` for all but the experts that the source has in a quantized format."""
    return {unit.path: unit.stored if _is_native_expert(unit) else _fitting(unit, form) for unit in units}


def uniform(units: Sequence[Unit], form: Format) -> Formats:
    """`form` for all, experts too, whatever the source has them in."""
    return {unit.path: _fitting(unit, form) for unit in units}


def protected(units: Sequence[Unit], form: Format, better: Format) -> Formats:
    """`uniform_rest` with `better` for routers and the head, also where the head is the embedding."""
    rest = uniform_rest(units, form)
    return {unit.path: _fitting(unit, better) if _is_protected(unit) else rest[unit.path] for unit in units}


def mixed_recipe(units: Sequence[Unit], low: Format, high: Format) -> Formats:
    """mlx-lm's `mixed_*` recipes: `high` for the head, and for values and down projections in the first and
    last eighth of the layers and in every third between; `low` for the rest. Native experts are kept."""
    layers = 1 + max((unit.layer for unit in units if unit.layer is not None), default=0)
    rest = uniform_rest(units, low)
    return {
        unit.path: _fitting(unit, high)
        if unit.role is Role.HEAD or _is_favoured(unit, layers)
        else rest[unit.path]
        for unit in units
    }


def by_sensitivity(choices: Sequence[Choices], low: Format, high: Format, size: int) -> Allocation:
    """mlx-lm's `dynamic_quant` in its form: two formats, and `high` for the units that are worst off with
    `low`, as many as `size` bytes of units have room for. What has neither format keeps its first option.

    Raises BudgetTooSmall where `low` everywhere is too large.
    """
    chosen = {each.path: _option(each, low) or _option(each, high) or each.options[0] for each in choices}
    used = sum(option.bytes for option in chosen.values())
    if used > size:
        raise BudgetTooSmall(asked=f"{size} bytes of units", needed=f"{used} bytes of units")
    for each in sorted(choices, key=lambda each: (-chosen[each.path].divergence, each.path)):
        better = _option(each, high)
        if better is None or chosen[each.path].format != low:
            continue
        if used + better.bytes - chosen[each.path].bytes > size:
            break
        used += better.bytes - chosen[each.path].bytes
        chosen[each.path] = better
    return allocation_of(chosen)


def random_allocation(choices: Sequence[Choices], size: int, seed: int) -> Allocation:
    """An allocation of at most `size` bytes of units, by chance: each that fits is about as likely as any
    other (Gibbs sampling), and then units are raised, in random order, up to 99.5 % of `size` where the
    options allow it. The same seed gives the same allocation.

    Raises BudgetTooSmall where nothing fits.
    """
    chance = random.Random(seed)
    chosen = [min(each.options, key=lambda option: option.bytes) for each in choices]
    if _total(chosen) > size:
        raise BudgetTooSmall(asked=f"{size} bytes of units", needed=f"{_total(chosen)} bytes of units")
    size = min(size, sum(max(option.bytes for option in each.options) for each in choices))
    _draw(choices, chosen, size, chance, sweeps=_SWEEPS)
    fullest = _filled(choices, chosen, size, chance)
    for _ in range(_MORE_DRAWS):
        if _total(fullest) >= _FILLED * size:
            break
        _draw(choices, chosen, size, chance, sweeps=1)
        fullest = max(fullest, _filled(choices, chosen, size, chance), key=_total)
    return allocation_of({each.path: option for each, option in zip(choices, fullest, strict=True)})


def standard_baselines(units: Sequence[Unit]) -> dict[str, Formats]:
    """The baselines that a frontier shows, by name."""
    named = {"source": keep_source(units)}
    for bits in _UNIFORM_BITS:
        named[f"rest affine {bits}"] = uniform_rest(units, affine(bits))
    named["router and head 8, rest 4"] = protected(units, affine(4), affine(8))
    if any(_is_native_expert(unit) for unit in units):
        named["all affine 4"] = uniform(units, affine(4))
    return named


def _draw(
    choices: Sequence[Choices], chosen: list[Option], size: int, chance: random.Random, *, sweeps: int
) -> None:
    """Give one unit after the other an option, each that fits being as likely."""
    used = _total(chosen)
    for _ in range(sweeps * len(choices)):
        number = chance.randrange(len(choices))
        room = size - used + chosen[number].bytes
        option = chance.choice([option for option in choices[number].options if option.bytes <= room])
        used += option.bytes - chosen[number].bytes
        chosen[number] = option


def _filled(
    choices: Sequence[Choices], chosen: Sequence[Option], size: int, chance: random.Random
) -> list[Option]:
    """With units raised to larger options, by the smallest step each, until the size is nearly reached."""
    filled, used = list(chosen), _total(chosen)
    order = list(range(len(choices)))
    raised = True
    while raised and used < _FILLED * size:
        raised = False
        chance.shuffle(order)
        for number in order:
            now = filled[number].bytes
            larger = [option for option in choices[number].options if now < option.bytes <= now + size - used]
            if larger and used < _FILLED * size:
                filled[number] = min(larger, key=lambda option: option.bytes)
                used += filled[number].bytes - now
                raised = True
    return filled


def _total(options: Sequence[Option]) -> int:
    return sum(option.bytes for option in options)


def _is_native_expert(unit: Unit) -> bool:
    return unit.is_native and unit.role.is_expert


def _is_protected(unit: Unit) -> bool:
    is_tied_head = unit.role is Role.EMBEDDING and unit.read_numerator == unit.read_denominator
    return unit.role in (Role.ROUTER, Role.HEAD) or is_tied_head


def _is_favoured(unit: Unit, layers: int) -> bool:
    """Whether the recipes of mlx-lm give this unit more bits."""
    if unit.layer is None or unit.role not in (Role.VALUE, Role.DOWN):
        return False
    eighth = layers // 8
    at_an_end = unit.layer < eighth or unit.layer >= 7 * layers // 8
    return at_an_end or (unit.layer - eighth) % 3 == 2


def _fitting(unit: Unit, form: Format) -> Format:
    return form if form.fits(unit.shape) else unit.stored


def _option(choices: Choices, form: Format) -> Option | None:
    return next((option for option in choices.options if option.format == form), None)
