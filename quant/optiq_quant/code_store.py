"""Codes that were found, on disk: one safetensors file for each unit, and which way of coding was kept.

Rule 1: a file has its name when it is whole and on the disk, and a choice is told when its units' files are.

Rule 2: codes of another checkpoint, plan, text or settings are refused: the journal's header names them.
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import mlx.core as mx

from optiq_quant.encoded import Encoded
from optiq_quant.errors import JournalForeign
from optiq_quant.formats import Format
from optiq_quant.journal import Journal
from optiq_quant.pieces import kept_pieces
from optiq_quant.plan import Coding
from optiq_quant.shard_file import write_shard
from optiq_quant.tensor_layout import ShardLayout, TensorSpec

JOURNAL_NAME = "codings.jsonl"


class CodeStore:
    """Codes in `folder`, which is made if it is not there. `identity` tells all that decides them."""

    def __init__(self, folder: Path, identity: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._journal = Journal(folder / JOURNAL_NAME, identity)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._journal.__exit__(kind, error, trace)

    def divergences(self, stage: str) -> dict[Coding, float] | None:
        """What was measured for a stage whose codes are all here, in nats; else None."""
        if stage not in self._journal:
            return None
        try:
            return {Coding(name): float(value) for name, value in self._journal[stage].items()}
        except ValueError as error:
            raise JournalForeign(f"{self._folder / JOURNAL_NAME}: {stage}: {error}") from error

    def keep(self, stage: str, divergences: Mapping[Coding, float], codes: Mapping[str, Encoded]) -> None:
        """Write a stage's codes, by path, and then what was measured."""
        for path, encoded in codes.items():
            layout = ShardLayout(name=_file_name(path), tensors=_tensors(path, encoded))
            write_shard(self._folder, layout, kept_pieces(path, encoded))
        self._journal.add({stage: {coding.value: value for coding, value in divergences.items()}})

    def load(self, path: str, form: Format) -> Encoded:
        """A unit's codes, still lazy. Raises OSError or JournalForeign where they are not here."""
        file = self._folder / _file_name(path)
        if not file.is_file():
            raise JournalForeign(f"{file} is missing, and {JOURNAL_NAME} tells of it; remove the folder")
        arrays = mx.load(str(file))
        assert isinstance(arrays, dict)
        return Encoded(
            format=form,
            weight=arrays[f"{path}.weight"],
            scales=arrays.get(f"{path}.scales"),
            biases=arrays.get(f"{path}.biases"),
        )


def _file_name(path: str) -> str:
    return f"{path}.safetensors"


def _tensors(path: str, encoded: Encoded) -> tuple[TensorSpec, ...]:
    specs = (
        TensorSpec(name=name, dtype=str(array.dtype).rpartition(".")[2], shape=tuple(array.shape))
        for name, array in encoded.tensors(path).items()
    )
    # Wide types first, so that each tensor is aligned to its type.
    return tuple(sorted(specs, key=lambda spec: -spec.item_bytes))
