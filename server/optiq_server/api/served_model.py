"""The one model that this server offers, as the API names it."""

import hashlib
from dataclasses import dataclass

from optiq_server.engine.types import ModelInfo
from optiq_server.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """`name` is what clients see; `created` is the second, since 1970, at which the server started.

    Clients come with names built in, so any name means this model, unless `is_strict`.
    """

    name: str
    created: int
    is_strict: bool = False

    def require(self, name: str | None) -> None:
        """Raises NotFound for a request to a model of another name, if that matters here."""
        if self.is_strict and name is not None:
            self.require_exactly(name)

    def require_exactly(self, name: str) -> None:
        """Raises NotFound for any other name."""
        if name != self.name:
            raise NotFound(
                f"The model {name!r} does not exist; this server has {self.name!r}",
                param="model",
                code="model_not_found",
            )


def system_fingerprint(version: str, model: ModelInfo) -> str:
    """Changes when the software or the weights do, so that equal seeds need not give equal replies."""
    facts = f"{version} {model.architecture} {model.vocabulary_size} {model.weight_bytes}"
    return f"fp_{hashlib.sha256(facts.encode()).hexdigest()[:10]}"
