"""What both dialects make of a structure: schemas judged, and a constraint with the engine's errors."""

import numpy as np
from numpy.typing import NDArray

from optiq_harmony.constraint import Constraint
from optiq_harmony.conversation import FunctionTool, JsonSchemaFormat
from optiq_harmony.json_schema import check_schema
from optiq_harmony.structure import Structure
from optiq_harmony.structure_errors import ConstraintError, SchemaError
from optiq_server.dialect.protocol import UnsupportedStructure
from optiq_server.engine.errors import ConstraintFailed


class ReplyConstraint:
    """The compiler's constraint with the engine's error."""

    def __init__(self, constraint: Constraint) -> None:
        self._constraint = constraint

    @property
    def is_finished(self) -> bool:
        return self._constraint.is_finished

    def mask(self) -> NDArray[np.uint32]:
        try:
            return self._constraint.mask()
        except ConstraintError as error:
            raise ConstraintFailed(str(error)) from error

    def forced(self) -> tuple[int, ...]:
        try:
            return self._constraint.forced()
        except ConstraintError as error:
            raise ConstraintFailed(str(error)) from error

    def accept(self, token: int) -> None:
        try:
            self._constraint.accept(token)
        except ConstraintError as error:
            raise ConstraintFailed(str(error)) from error


def check_schemas(structure: Structure) -> None:
    """Raises UnsupportedStructure for the first schema that cannot be enforced, and tells whose it is."""
    for index, tool in enumerate(structure.tools):
        if isinstance(tool, FunctionTool) and tool.strict and tool.parameters is not None:
            try:
                check_schema({"type": "object", **tool.parameters})
            except SchemaError as error:
                raise UnsupportedStructure(str(error), tool=index) from error
    if isinstance(structure.response_format, JsonSchemaFormat):
        try:
            check_schema(structure.response_format.schema)
        except SchemaError as error:
            raise UnsupportedStructure(str(error), in_format=True) from error
