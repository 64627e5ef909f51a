"""The batch that decodes: rows that advance together, one forward pass a step. Knows no prompts that wait.

A step is started before its inputs are read, so that the device is never idle: it feeds the tokens that were
drawn last, draws the next ones, and only then tells what was fed.

Rule 1: a row's first input is its prompt's last token, which is not part of the reply.
Rule 2: tokens that a constraint forces are fed together with the one before them, in one step, and nothing is
        drawn for them. Other rows are padded meanwhile, so a bound holds on the padded whole.
Rule 3: a constrained row's choice depends on its last token. With such a row the inputs are read, and masks
        computed, while the device works at the logits; only the draw waits for them.
Rule 4: the whole vocabulary's log-probabilities are computed for rows that want some, and for no others.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import mlx.core as mx
import numpy as np
from mlx.nn.layers.base import Module
from numpy.typing import NDArray

from optiq_server.engine.adjustment import Adjustment
from optiq_server.engine.forward import feed
from optiq_server.engine.layer_cache import Caches, extend, keep_rows
from optiq_server.engine.logprobs import RowReport, report
from optiq_server.engine.masking import ConstrainedRow, masked
from optiq_server.engine.sampling import BatchSampling, RowSampling, draw
from optiq_server.engine.types import TokenLogprobs

_FORCED_AT_ONCE = 64
"""Tokens of one step, padding counted: a device that decodes one row at a time has this much to spare."""


@dataclass(eq=False, slots=True, kw_only=True)
class Row:
    """One sequence's way of drawing, and where it stands.

    `held` are the tokens in its cache, prompt included; `count` is the number of its reply's tokens up to and
    including the next input; `forced` come behind that one.
    """

    sequence_id: int
    sampling: RowSampling
    prompt_tokens: int
    held: list[int]
    constrained: ConstrainedRow | None = None
    adjustment: Adjustment | None = None
    top_logprobs: int | None = None
    count: int = 0
    was_drawn: bool = False
    forced: deque[int] = field(default_factory=deque)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """What a step fed for a row: tokens of its reply, now in its cache."""

    row: Row
    tokens: tuple[int, ...]
    logprobs: tuple[TokenLogprobs, ...] = ()


class DecodingBatch:
    """Rows and their caches; both are only changed together."""

    def __init__(self, model: Module) -> None:
        self._model = model
        self._rows: list[Row] = []
        self._caches: Caches = []
        self._inputs = mx.array([], mx.uint32)
        self._reports: list[RowReport | None] = []
        self._sampling: tuple[tuple[Row, ...], BatchSampling] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def caches(self) -> Caches:
        return self._caches

    def index(self, row: Row) -> int:
        return self._rows.index(row)

    def join(self, rows: Sequence[Row], caches: Caches, last_tokens: Sequence[int]) -> None:
        """Add rows whose `caches` hold all of their prompts but the last token."""
        if self._rows:
            extend(self._caches, caches)
        else:
            self._caches = caches
        self._rows += rows
        self._inputs = mx.concatenate([self._inputs, mx.array(list(last_tokens), mx.uint32)])
        self._reports += [None] * len(rows)

    def remove(self, rows: Sequence[Row]) -> None:
        keep = [index for index, row in enumerate(self._rows) if row not in rows]
        if len(keep) == len(self._rows):
            return
        self._rows = [self._rows[index] for index in keep]
        self._reports = [self._reports[index] for index in keep]
        if not keep:
            self._caches, self._inputs = [], mx.array([], mx.uint32)
            return
        self._inputs = self._inputs[mx.array(keep)]
        keep_rows(self._caches, keep)

    def step(self) -> list[Fed]:
        """Feed each row's next tokens, settle those after them; tell what was fed."""
        rows, inputs, reports = self._rows, self._inputs, self._reports
        forced = [self._take_forced(row) for row in rows]
        logits = feed(self._model, self._caches, inputs, forced)
        self._settle(logits, inputs, forced)
        mx.async_eval(self._inputs, [each.arrays for each in self._reports if each is not None])

        ids = cast("list[int]", inputs.tolist())
        fed = zip(rows, ids, forced, reports, strict=True)
        return [_fed(row, token, behind, told) for row, token, behind, told in fed]

    def _take_forced(self, row: Row) -> list[int]:
        room = max(0, _FORCED_AT_ONCE // len(self._rows) - 1)
        taken = [row.forced.popleft() for _ in range(min(room, len(row.forced)))]
        row.count += len(taken)
        return taken

    def _settle(self, logits: mx.array, inputs: mx.array, forced: list[list[int]]) -> None:
        """Choose each row's next input after `inputs` and `forced`, from logits (B, V)."""
        rows = self._rows
        adjusted = self._adjusted(logits, inputs, forced)
        fixed = [row.forced.popleft() if row.forced else None for row in rows]
        if any(row.constrained is not None for row in rows):
            mx.async_eval(adjusted)
            _accept(rows, cast("list[int]", inputs.tolist()))
            fixed = [_force(row) if token is None else token for row, token in zip(rows, fixed, strict=True)]
            adjusted = masked(adjusted, [_mask(row, token) for row, token in zip(rows, fixed, strict=True)])
        self._inputs = self._next_inputs(adjusted, fixed)
        self._reports = report(logits, self._inputs, [row.top_logprobs for row in rows])
        for row, token in zip(rows, fixed, strict=True):
            row.was_drawn = token is None
            row.count += 1

    def _next_inputs(self, logits: mx.array, fixed: Sequence[int | None]) -> mx.array:
        given = mx.array([token or 0 for token in fixed], mx.uint32)
        if all(token is not None for token in fixed):
            return given
        sampling = self._batch_sampling(logits.shape[-1])
        drawn = draw(logits, sampling, [row.count for row in self._rows])
        if all(token is None for token in fixed):
            return drawn
        return mx.where(mx.array([token is None for token in fixed]), drawn, given)

    def _adjusted(self, logits: mx.array, inputs: mx.array, forced: list[list[int]]) -> mx.array:
        """Logits as biases and penalties make them."""
        if all(row.adjustment is None for row in self._rows):
            return logits
        adjusted = []
        for index, (row, behind) in enumerate(zip(self._rows, forced, strict=True)):
            own = logits[index : index + 1]
            if row.adjustment is not None:
                if row.count:
                    row.adjustment.drawn(inputs[index : index + 1])
                for token in behind:
                    row.adjustment.drawn(mx.array([token], mx.uint32))
                own = row.adjustment.apply(own)
            adjusted.append(own.astype(mx.float32))
        return mx.concatenate(adjusted)

    def _batch_sampling(self, vocabulary_size: int) -> BatchSampling:
        """The rows' parameters as arrays, built anew only when the rows have changed."""
        rows = tuple(self._rows)
        if self._sampling is None or self._sampling[0] != rows:
            batch = BatchSampling([row.sampling for row in rows], vocabulary_size=vocabulary_size)
            self._sampling = (rows, batch)
        return self._sampling[1]


def _accept(rows: Sequence[Row], inputs: Sequence[int]) -> None:
    """Tell the constraints what was drawn; what they forced they know."""
    for row, token in zip(rows, inputs, strict=True):
        if row.constrained is not None and row.was_drawn:
            row.constrained.accept(token)


def _force(row: Row) -> int | None:
    """The row's next token where its constraint leaves no choice; what must follow waits in the row."""
    if row.constrained is None:
        return None
    forced = row.constrained.forced()
    row.forced.extend(forced[1:])
    return forced[0] if forced else None


def _mask(row: Row, fixed: int | None) -> NDArray[np.uint32] | None:
    """What the row may draw; None where it may draw anything, or draws nothing."""
    return None if row.constrained is None or fixed is not None else row.constrained.mask()


def _fed(row: Row, token: int, behind: list[int], told: RowReport | None) -> Fed:
    is_reply = len(row.held) >= row.prompt_tokens
    row.held += [token, *behind]
    return Fed(
        row=row,
        tokens=(token, *behind) if is_reply else (),
        logprobs=(told.of(token),) if is_reply and told is not None else (),
    )
