"""Measures trials: the divergence of a model with some units coded from the model as it is, prompt by prompt.

Prompts are read one after the other, and for each all trials are run from the first layer that they change.
What the journal has is not measured again. It chooses no trials and predicts nothing.

Memory beyond the weights: that of `layerwise`; _BATCH final hidden states; the logits of a block, for the
reference and one candidate, with what is computed of them; and the changed units of one trial, decoded up
to 640 MiB and coded beyond.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import mlx.core as mx
import numpy as np
from mlx.nn.layers.base import Module

from optiq_quant.divergence import ReferenceBlock, TokenDivergences, joined
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel, blocks
from optiq_quant.progress import Reporter
from optiq_quant.trials import Encode, Trial, replaced, trial_modules
from optiq_quant.units import Role, Unit

_NAME_DIGITS = 12

_BATCH = 8
"""Trials that share one computation of the reference's logits."""

Prompt = Sequence[int]
_Modules: TypeAlias = Mapping[str, Module]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One trial on one prompt: the sum of its positions' divergences in nats, how many flipped, and what it
    costs in full passes over the prompt, its share of the reference's included."""

    divergence: float
    flips: int
    tokens: int
    forwards: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A trial in the middle of one prompt: its final hidden states, what they cost in full passes, and the
    modules its head differs by."""

    trial: Trial
    hidden: mx.array
    head: Mapping[str, Module]
    forwards: float


def mean_divergence(readings: Iterable[Reading]) -> float:
    """In nats for each position of all prompts."""
    listed = list(readings)
    return math.fsum(each.divergence for each in listed) / sum(each.tokens for each in listed)


def tokens_fingerprint(prompts: Sequence[Prompt]) -> str:
    """Names the prompts, by all their tokens."""
    digest = hashlib.sha256()
    for prompt in prompts:
        digest.update(len(prompt).to_bytes(8, "little") + np.array(prompt, "<u4").tobytes())
    return digest.hexdigest()


def prompts_name(prompts: Sequence[Prompt]) -> str:
    """Their name in a journal's keys: another amount of text has other prompts under the same numbers."""
    return tokens_fingerprint(prompts)[:_NAME_DIGITS]


class Measurer:
    """`units` are all of the model's, `part` names the prompts in the journal's keys: measurements on
    different texts go into one journal."""

    def __init__(
        self,
        model: LayerwiseModel,
        units: Sequence[Unit],
        prompts: Sequence[Prompt],
        *,
        part: str,
        encode: Encode,
        journal: Journal,
        reporter: Reporter,
    ) -> None:
        self._model = model
        self._units = {unit.path: unit for unit in units}
        self._is_tied = all(unit.role is not Role.HEAD for unit in units)
        self._prompts = prompts
        self._part = f"{part} {prompts_name(prompts)}"
        self._encode = encode
        self._journal = journal
        self._reporter = reporter

    @property
    def prompts(self) -> Sequence[Prompt]:
        return self._prompts

    def measure(self, phase: str, trials: Sequence[Trial]) -> dict[Trial, list[Reading]]:
        """The readings of each trial, prompt by prompt; `phase` is told to the reporter."""
        distinct = list(dict.fromkeys(trials))
        missing = [
            [trial for trial in distinct if self._key(trial, index) not in self._journal]
            for index in range(len(self._prompts))
        ]
        self._reporter.begin(phase, sum(map(len, missing)))
        # A whole allocation is coded once for all prompts; of several trials only one is in memory.
        is_alone = len(distinct) == 1 and any(missing)
        made = {trial: self._modules(trial) for trial in distinct} if is_alone else {}
        for index, pending in enumerate(missing):
            if pending:
                self._measure_on(index, distinct, frozenset(pending), made)
        return {trial: [self._reading(trial, i) for i in range(len(self._prompts))] for trial in distinct}

    def _measure_on(
        self, index: int, trials: Sequence[Trial], pending: frozenset[Trial], made: Mapping[Trial, _Modules]
    ) -> None:
        """What the reference costs is shared out among all trials, also those that the journal has: a run
        that was interrupted keeps the same costs."""
        prompt = self._prompts[index]
        with self._model.counting() as read:
            reference = self._model.read(prompt)
        for batch in self._batches(trials):
            candidates = [
                self._begin(trial, made.get(trial) or self._modules(trial))
                for trial in batch
                if trial in pending
            ]
            if not candidates:
                continue
            measured = self._compare(prompt, reference, candidates)
            shared = read.forwards / len(trials) + self._model.head_forwards * (1 + 1 / len(batch))
            self._journal.add(
                {
                    self._key(candidate.trial, index): {
                        "divergence": found.total(),
                        "flips": found.flips,
                        "forwards": candidate.forwards + shared,
                    }
                    for candidate, found in zip(candidates, measured, strict=True)
                }
            )
            self._reporter.advance(len(candidates))

    def _batches(self, trials: Sequence[Trial]) -> Iterator[list[Trial]]:
        """Trials that change the head stand alone: their heads would all have to be kept."""
        batch: list[Trial] = []
        for trial in trials:
            if any(self._is_in_head(path) for path, _ in trial.changes):
                yield [trial]
                continue
            batch.append(trial)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _modules(self, trial: Trial) -> _Modules:
        return trial_modules(self._model.model, trial, self._encode)

    def _begin(self, trial: Trial, modules: _Modules) -> _Candidate:
        start = min(self._model.start_of(self._units[path]) for path in modules)
        with replaced(self._model.model, modules), self._model.counting() as own:
            hidden = self._model.final_hidden(start)
        head = {path: module for path, module in modules.items() if self._is_in_head(path)}
        return _Candidate(trial=trial, hidden=hidden, head=head, forwards=own.forwards)

    def _is_in_head(self, path: str) -> bool:
        role = self._units[path].role
        return role is Role.HEAD or (self._is_tied and role is Role.EMBEDDING)

    def _compare(
        self, prompt: Prompt, reference: mx.array, candidates: Sequence[_Candidate]
    ) -> list[TokenDivergences]:
        found: list[list[TokenDivergences]] = [[] for _ in candidates]
        for block in blocks(len(prompt)):
            following = prompt[block.start + 1 : block.stop + 1]
            truth = ReferenceBlock(self._model.logits(reference[block]), following)
            for candidate, parts in zip(candidates, found, strict=True):
                with replaced(self._model.model, candidate.head):
                    parts.append(truth.compare(self._model.logits(candidate.hidden[block])))
        return [joined(parts) for parts in found]

    def _key(self, trial: Trial, index: int) -> str:
        return f"{self._part} {index} {trial.name}"

    def _reading(self, trial: Trial, index: int) -> Reading:
        value = self._journal[self._key(trial, index)]
        return Reading(
            divergence=value["divergence"],
            flips=value["flips"],
            tokens=len(self._prompts[index]),
            forwards=value["forwards"],
        )
