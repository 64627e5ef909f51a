"""Which swaps of formats are worth measuring, the most promising first. Pure.

A swap gives one unit a format with less predicted divergence and others one with less weight, or several
units a better one and another a lighter one, so that the limits stay kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optiq_quant.allocate import Problem
from optiq_quant.beliefs import Beliefs, Floats
from optiq_quant.costs import Choices, Option
from optiq_quant.formats import Format

_CONFIDENCE = 2.0
"""Standard deviations that predictions are given: what cannot gain even so is not worth a measurement."""

_MOST_PAIRS = 500

_MOST_BARGAINS = 64

_MOST_PARTNERS = 6
"""Units that may change together against one: with more, nothing of what was measured is told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """New formats by path. `gain` is by how much the divergence is expected to fall (nats), `promise` how
    much it may fall if the predictions are off in its favour; `changes` (units,) are the predicted changes of
    each unit."""

    formats: Mapping[str, Format]
    gain: float
    promise: float
    changes: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moves:
    """Single changes: of which unit, to which option, how much divergence (moves,) and weight (limits, moves)
    they add."""

    units: npt.NDArray[np.int64]
    options: Sequence[Option]
    changes: Floats
    weights: npt.NDArray[np.int64]

    def only(self, kept: npt.NDArray[np.bool_]) -> "_Moves":
        return _Moves(
            units=self.units[kept],
            options=[option for option, keep in zip(self.options, kept, strict=True) if keep],
            changes=self.changes[kept],
            weights=self.weights[:, kept],
        )


def propose(problem: Problem, current: Mapping[str, Format], beliefs: Beliefs) -> Iterator[Swap]:
    """All swaps that may lower the divergence, by falling promise; of equal ones, those of earlier units
    first. Raises ValueError where a unit's current format is none of its options."""
    choices, limits = problem.choices, problem.limits
    options = [_current(each, current) for each in choices]
    slack = np.array([
        limit.most
        - sum(limit.weight(each.path, option) for each, option in zip(choices, options, strict=True))
        for limit in limits
    ])  # fmt: skip
    moves = _moves(problem, options)
    better, lighter = moves.only(moves.changes < 0), moves.only(np.any(moves.weights < 0, axis=0))
    groups = [
        *_pairs(better, lighter, slack, beliefs),
        *_groups(better, lighter, slack),
        *_groups(lighter, better, slack),
    ]
    swaps = [_swap(choices, group, beliefs) for group in groups]
    yield from sorted((swap for swap in swaps if swap.promise > 0), key=lambda swap: -swap.promise)


_Part = tuple[int, Option, float]
"""A unit, its option, and the change of divergence."""

_Group = Sequence[_Part]


def _pairs(better: _Moves, lighter: _Moves, slack: npt.NDArray[np.int64], beliefs: Beliefs) -> list[_Group]:
    """The most promising pairs of a better and a lighter move that keep the limits."""
    if not len(better.changes) or not len(lighter.changes):
        return []
    added = better.weights[:, :, None] + lighter.weights[:, None, :]
    fits = (added <= slack[:, None, None]).all(axis=0) & (better.units[:, None] != lighter.units[None, :])
    first, second = better.changes[:, None], lighter.changes[None, :]
    own = np.diag(beliefs.covariance)
    variance = (
        first**2 * own[better.units][:, None]
        + second**2 * own[lighter.units][None, :]
        + 2 * first * second * beliefs.covariance[np.ix_(better.units, lighter.units)]
    )
    expected = first * beliefs.means[better.units][:, None] + second * beliefs.means[lighter.units][None, :]
    promise = np.where(fits, _CONFIDENCE * np.sqrt(np.maximum(variance, 0)) - expected, -np.inf)
    hopeful = np.flatnonzero(promise > 0)
    ranked = hopeful[np.argsort(-promise.ravel()[hopeful], kind="stable")[:_MOST_PAIRS]]
    rows, columns = np.unravel_index(ranked, promise.shape)
    return [
        [_part(better, int(row)), _part(lighter, int(column))]
        for row, column in zip(rows, columns, strict=True)
    ]


def _groups(ones: _Moves, partners: _Moves, slack: npt.NDArray[np.int64]) -> Iterator[_Group]:
    """For each of `ones`: it alone where it fits, else with the partners that are the best bargain, taken
    until the limits are kept; or, where it makes room, with those that use the room."""
    best = np.argsort(_price(partners), kind="stable")[:_MOST_BARGAINS]
    bargains = [(_part(partners, int(index)), partners.weights[:, index].tolist()) for index in best]
    for index in range(len(ones.changes)):
        one = _part(ones, index)
        group = _with_partners(one, (slack - ones.weights[:, index]).tolist(), bargains)
        if group is not None:
            yield group


def _with_partners(one: _Part, left: list[int], bargains: Sequence[tuple[_Part, list[int]]]) -> _Group | None:
    """`one` and its partners, None where the limits are not kept with all of them, or nothing improves."""
    group, used = [one], {one[0]}
    for partner, weights in bargains:
        if partner[0] in used:
            continue
        makes_room = min(left) < 0 and min(weights) < 0
        uses_room = partner[2] < 0 and all(weight <= room for weight, room in zip(weights, left, strict=True))
        if makes_room or uses_room:
            group.append(partner)
            used.add(partner[0])
            left = [room - weight for weight, room in zip(weights, left, strict=True)]
        if len(group) > _MOST_PARTNERS:
            break
    improves = any(change < 0 for _, _, change in group)
    return group if improves and min(left) >= 0 else None


def _price(moves: _Moves) -> Floats:
    """How much divergence a move adds for the weight that it saves, or, below 0, saves for what it adds."""
    weight = np.abs(moves.weights).sum(axis=0)
    prices: Floats = moves.changes / np.maximum(weight, 1)
    return prices


def _moves(problem: Problem, current: Sequence[Option]) -> _Moves:
    """The moves to each option that some best allocation may have."""
    units, options, changes, weights = [], [], [], []
    for number, (each, now) in enumerate(zip(problem.choices, current, strict=True)):
        for option in (each.options[index] for index in problem.kept[number]):
            if option.format == now.format:
                continue
            units.append(number)
            options.append(option)
            changes.append(option.divergence - now.divergence)
            weights.append(
                [limit.weight(each.path, option) - limit.weight(each.path, now) for limit in problem.limits]
            )
    return _Moves(
        units=np.array(units, dtype=np.int64),
        options=options,
        changes=np.array(changes, dtype=np.float64),
        weights=np.array(weights, dtype=np.int64).reshape(len(units), len(problem.limits)).T,
    )


def _current(choices: Choices, current: Mapping[str, Format]) -> Option:
    form = current.get(choices.path)
    found = next((option for option in choices.options if option.format == form), None)
    if found is None:
        raise ValueError(f"{choices.path}: its format {form.name if form else None} is none of its options")
    return found


def _part(moves: _Moves, index: int) -> _Part:
    return int(moves.units[index]), moves.options[index], float(moves.changes[index])


def _swap(choices: Sequence[Choices], group: _Group, beliefs: Beliefs) -> Swap:
    changes = np.zeros(len(choices))
    for unit, _, change in group:
        changes[unit] = change
    gain = -beliefs.expected(changes)
    return Swap(
        formats={choices[unit].path: option.format for unit, option, _ in group},
        gain=gain,
        promise=gain + _CONFIDENCE * beliefs.deviation(changes),
        changes=changes,
    )
